"""Fourth schema version: the list of pairs knows which verdicts came with a file, whatever their answers came from.

Answers of a file may be judged here as well; `pair_index.imported` says where the answers came from, `from_file` the verdict.
"""

from __future__ import annotations

PAIR_ORIGIN = (
    "ALTER TABLE pair_index ADD COLUMN from_file INTEGER NOT NULL DEFAULT 0 CHECK (from_file IN (0, 1))",
    "UPDATE pair_index SET from_file = 1 "
    "WHERE seq IN (SELECT p.seq FROM pairs p JOIN import_fingerprints f ON f.pair_id = p.id)",
    "CREATE INDEX pair_index_by_from_file ON pair_index (shelf, from_file, at)",
    "DROP INDEX pair_index_by_imported",
    "DROP TRIGGER import_fingerprints_told",
    # A record's fingerprint may be stored before its pair or after it.
    """
    CREATE TRIGGER pair_index_from_file AFTER INSERT ON pair_index WHEN EXISTS (
        SELECT 1 FROM pairs p JOIN import_fingerprints f ON f.pair_id = p.id WHERE p.seq = NEW.seq)
    BEGIN
        UPDATE pair_index SET from_file = 1 WHERE seq = NEW.seq;
    END
    """,
    """
    CREATE TRIGGER import_fingerprints_told AFTER INSERT ON import_fingerprints BEGIN
        UPDATE pair_index SET prompt_tokens = NEW.prompt_tokens, left_tokens = NEW.chosen_tokens,
            right_tokens = NEW.rejected_tokens, from_file = 1
        WHERE seq = (SELECT seq FROM pairs WHERE id = NEW.pair_id);
    END
    """,
)
"""Statements of the version, in order."""

FILTERED = ("session", "verdict", "annotator", "instruction", "left_side", "right_side", "from_file")
"""Columns that a list is filtered by; `pair_index_by_NAME` is (shelf, NAME, at, seq)."""
