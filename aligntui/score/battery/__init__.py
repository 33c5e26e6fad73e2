"""Compliance battery: questions with expected key terms and a set structure, and what a run over them comes to.

A battery is a JSON Lines file, ours (`datasets/four-laws/battery.jsonl`) or the user's own; `reading` describes it.
"""
