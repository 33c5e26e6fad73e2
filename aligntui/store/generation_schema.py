"""Third schema version: runs of generation, the cells that they fill, and the cache of answers by their conditions."""

from __future__ import annotations

_RUNS = (
    """
    CREATE TABLE generation_runs (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL CHECK (kind IN ('switch', 'score')),
        name TEXT NOT NULL CHECK (trim(name) <> ''),
        session_id TEXT NOT NULL UNIQUE REFERENCES sessions (id),
        plan TEXT NOT NULL CHECK (json_valid(plan)),
        cells INTEGER NOT NULL CHECK (cells > 0),
        created_at TEXT NOT NULL
    ) STRICT
    """,
    # A cell is filled once: what a run has answered stays what it was measured on.
    """
    CREATE TABLE generation_cells (
        run_seq INTEGER NOT NULL REFERENCES generation_runs (seq),
        key TEXT NOT NULL CHECK (key <> ''),
        answer_seq INTEGER NOT NULL REFERENCES answers (seq),
        cached INTEGER NOT NULL CHECK (cached IN (0, 1)),
        PRIMARY KEY (run_seq, key)
    ) STRICT, WITHOUT ROWID
    """,
    # Under the hash of everything that decides what an answer says; two runs at once may both have made one.
    """
    CREATE TABLE answer_cache (
        sha256 TEXT PRIMARY KEY CHECK (length(sha256) = 64),
        answer_seq INTEGER NOT NULL REFERENCES answers (seq)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX generation_cells_by_answer ON generation_cells (answer_seq)",
)

GENERATION = _RUNS
"""Statements of the version, in order."""
