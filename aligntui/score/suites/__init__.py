"""Scoring suites in one shape: prompts, a verdict on every answer, and one table over any number of columns.

The instruments themselves stand in `ifeval`, `track_a`, `battery` and `answers`. Here they become alike, so that runs, reports,
drill-down and comparison are written once. Importing this package loads neither numpy nor scipy; tables do.
"""
