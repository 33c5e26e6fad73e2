"""The torch side. It is run as a process (`python -m aligntui.backend.infer`) and never imported by the console."""
