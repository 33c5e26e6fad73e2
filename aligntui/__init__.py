"""aligntui: chat, pairs, training and scores for people who steer language models."""

__version__ = "0.1.0"
