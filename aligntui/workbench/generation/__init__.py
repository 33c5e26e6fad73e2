"""Answers made by the hundred: cells, the cache, and the loop that fills a run."""
