"""Scoring runs: a suite asked of base and adapters, judged, compared, reported."""
