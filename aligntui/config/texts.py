"""Texts that the console and the command line share."""

from __future__ import annotations

LOADING_STAGES = {
    "fetch": "Fetching the model",
    "convert": "Converting the weights (once)",
    "hash": "Hashing the weights",
    "load": "Loading the weights",
    "warm-up": "Warming up",
}
"""What is shown for each `LoadProgressed.stage`."""
