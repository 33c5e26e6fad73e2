"""Whole screens; each arranges widgets and forwards what the user does to the workbench."""
