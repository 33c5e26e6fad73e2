"""The list of pairs: a row for each with all that it is filtered and sorted by, kept up to date by triggers.

`shelf` says where a pair stands: 0 counts, 1 taken back, 2 asked again to measure the annotator, 3 that and taken back.
Each index begins with it and goes on with what is asked for and the time, so that a page under any one filter is read
straight from an index, newest or oldest first.
"""

from __future__ import annotations

COLUMNS = (
    "seq",
    "shelf",
    "session",
    "verdict",
    "annotator",
    "at",
    "instruction",
    "instruction_id",
    "left_side",
    "right_side",
    "imported",
    "prompt_seq",
    "left_seq",
    "right_seq",
    "prompt_tokens",
    "left_chars",
    "right_chars",
    "left_tokens",
    "right_tokens",
    "chars",
    "gap",
)

# `session` is the row of the session. `at` is the time of the verdict in ms since 1970, 0 where it cannot be read.
# `instruction` is the label of the one in force for the chosen answer, left where none was chosen; the beginning of its
# text where it has no label; `none`. `prompt_seq`: the prompt that both answer, as the turn that search knows; of a
# conversation the one where the sides begin if the pair says it, else the first of all.
# Lengths are those of the answer that ends a side, in characters (up to the first NUL); tokens where they are known.
# `chars` is both together, `gap` their difference.
_TABLE = """
CREATE TABLE pair_index (
    seq INTEGER PRIMARY KEY REFERENCES pairs (seq),
    shelf INTEGER NOT NULL CHECK (shelf BETWEEN 0 AND 3),
    session INTEGER NOT NULL REFERENCES sessions (seq),
    verdict TEXT NOT NULL,
    annotator TEXT NOT NULL,
    at INTEGER NOT NULL,
    instruction TEXT NOT NULL,
    instruction_id INTEGER REFERENCES instructions (id),
    left_side TEXT NOT NULL,
    right_side TEXT,
    imported INTEGER NOT NULL,
    prompt_seq INTEGER NOT NULL REFERENCES turns (seq),
    left_seq INTEGER NOT NULL REFERENCES turns (seq),
    right_seq INTEGER REFERENCES turns (seq),
    prompt_tokens INTEGER,
    left_chars INTEGER NOT NULL,
    right_chars INTEGER,
    left_tokens INTEGER,
    right_tokens INTEGER,
    chars INTEGER NOT NULL,
    gap INTEGER NOT NULL
) STRICT
"""


def instruction_name(side: str) -> str:
    """SQL for what stands for the instruction of an answer in lists, where the aliases of its tables begin with `side`."""
    return (
        f"CASE WHEN {side}c.mode = 'none' OR coalesce({side}i.name, '') = '' THEN 'none' "
        f"WHEN {side}a.instruction_label <> '' THEN {side}a.instruction_label ELSE {side}i.name END"
    )


def _tokens(side: str) -> str:
    return f"nullif(length({side}a.token_ids) / 4, 0)"


_FACTS = f"""
CREATE VIEW pair_facts AS SELECT
    p.seq AS seq,
    (coalesce((SELECT kind FROM pair_events WHERE pair_id = p.id AND kind <> 'annotated'
        ORDER BY seq DESC LIMIT 1), 'restored') = 'undone') + 2 * (p.repeat_of IS NOT NULL) AS shelf,
    s.seq AS session,
    p.verdict AS verdict,
    p.annotator AS annotator,
    coalesce(CAST(round((julianday(p.created_at) - 2440587.5) * 86400000) AS INTEGER), 0) AS at,
    CASE p.verdict WHEN 'right' THEN {instruction_name("r")} ELSE {instruction_name("l")} END AS instruction,
    CASE p.verdict WHEN 'right' THEN ra.instruction_id ELSE la.instruction_id END AS instruction_id,
    lc.side AS left_side,
    rc.side AS right_side,
    la.finish = 'imported' AND coalesce(ra.finish, 'imported') = 'imported' AS imported,
    (SELECT coalesce(first.seq, own.seq)
        FROM turns own LEFT JOIN turns first ON first.exchange_id = own.exchange_id AND first.repeats = 0
        WHERE own.id = coalesce(p.prompt_id, CASE p.scope WHEN 'answer' THEN l.parent_id ELSE l.root_id END)
        LIMIT 1) AS prompt_seq,
    l.seq AS left_seq,
    r.seq AS right_seq,
    coalesce(f.prompt_tokens, nullif(la.prompt_tokens, 0)) AS prompt_tokens,
    length(l.text) AS left_chars,
    length(r.text) AS right_chars,
    coalesce(f.chosen_tokens, {_tokens("l")}) AS left_tokens,
    coalesce(f.rejected_tokens, {_tokens("r")}) AS right_tokens,
    length(l.text) + coalesce(length(r.text), 0) AS chars,
    coalesce(abs(length(l.text) - length(r.text)), 0) AS gap
FROM pairs p
CROSS JOIN sessions s ON s.id = p.session_id
CROSS JOIN turns l ON l.id = p.left_id
CROSS JOIN answers la ON la.seq = l.seq
CROSS JOIN conditions lc ON lc.id = la.conditions_id
LEFT JOIN instructions li ON li.id = la.instruction_id
LEFT JOIN turns r ON r.id = p.right_id
LEFT JOIN answers ra ON ra.seq = r.seq
LEFT JOIN conditions rc ON rc.id = ra.conditions_id
LEFT JOIN instructions ri ON ri.id = ra.instruction_id
LEFT JOIN import_fingerprints f ON f.pair_id = p.id
"""

INDEXED = ("session", "verdict", "annotator", "instruction", "left_side", "right_side", "imported")
"""Columns that a list is filtered by; `pair_index_by_NAME` is (shelf, NAME, at, seq)."""

SORTED = ("at", "chars", "gap")
"""Numbers that a list is sorted by; `pair_index_by_NAME` is (shelf, NAME, seq)."""

_INDEXES = (
    *(f"CREATE INDEX pair_index_by_{name} ON pair_index (shelf, {name}, at)" for name in INDEXED),
    *(f"CREATE INDEX pair_index_by_{name} ON pair_index (shelf, {name})" for name in SORTED),
    *(f"CREATE INDEX pair_index_by_{name} ON pair_index ({name})" for name in ("prompt_seq", "left_seq", "right_seq")),
)

_TAGS = (
    """
    CREATE TABLE pair_tags (
        tag TEXT NOT NULL,
        at INTEGER NOT NULL,
        pair_seq INTEGER NOT NULL REFERENCES pair_index (seq),
        PRIMARY KEY (tag, at, pair_seq)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX pair_tags_by_pair ON pair_tags (pair_seq)",
)

_FACETS = """
CREATE TABLE pair_facets (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    count INTEGER NOT NULL CHECK (count >= 0),
    PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID
"""
"""How many pairs that count have a verdict, an annotator, an instruction, a side, a tag; 0 where all were taken back."""


def _count(kind: str, column: str, where: str = "1") -> str:
    return (
        f"INSERT INTO pair_facets (kind, value, count) SELECT '{kind}', NEW.{column}, NEW.shelf = 0 WHERE {where} "
        "ON CONFLICT (kind, value) DO UPDATE SET count = count + excluded.count;"
    )


_FACET_TRIGGERS = (
    f"""
    CREATE TRIGGER pair_index_counted AFTER INSERT ON pair_index BEGIN
        {_count("verdict", "verdict")}
        {_count("annotator", "annotator")}
        {_count("instruction", "instruction")}
        {_count("side", "left_side", "NEW.left_side <> ''")}
        {_count("side", "right_side", "NEW.right_side NOT IN ('', NEW.left_side)")}
    END
    """,
    """
    CREATE TRIGGER pair_index_moved AFTER UPDATE OF shelf ON pair_index
    WHEN (OLD.shelf = 0) <> (NEW.shelf = 0) BEGIN
        UPDATE pair_facets SET count = count + iif(NEW.shelf = 0, 1, -1) WHERE (kind, value) IN (
            VALUES ('verdict', NEW.verdict), ('annotator', NEW.annotator), ('instruction', NEW.instruction),
            ('side', NEW.left_side), ('side', NEW.right_side));
        UPDATE pair_facets SET count = count + iif(NEW.shelf = 0, 1, -1)
        WHERE kind = 'tag' AND value IN (SELECT tag FROM pair_tags WHERE pair_seq = NEW.seq);
    END
    """,
    """
    CREATE TRIGGER pair_tags_counted AFTER INSERT ON pair_tags BEGIN
        INSERT INTO pair_facets (kind, value, count)
        SELECT 'tag', NEW.tag, shelf = 0 FROM pair_index WHERE seq = NEW.pair_seq
        ON CONFLICT (kind, value) DO UPDATE SET count = count + excluded.count;
    END
    """,
    """
    CREATE TRIGGER pair_tags_uncounted AFTER DELETE ON pair_tags BEGIN
        UPDATE pair_facets SET count = count - 1 WHERE kind = 'tag' AND value = OLD.tag
            AND (SELECT shelf FROM pair_index WHERE seq = OLD.pair_seq) = 0;
    END
    """,
)

_PUT_TAGS = (
    "INSERT OR IGNORE INTO pair_tags (tag, at, pair_seq) SELECT t.value, i.at, i.seq FROM pair_index i "
    "CROSS JOIN json_each({tags}) t WHERE i.seq = {seq} AND t.type = 'text';"
)
_PAIR_SEQ = "(SELECT seq FROM pairs WHERE id = NEW.pair_id)"

_PAIR_TRIGGERS = (
    f"""
    CREATE TRIGGER pairs_listed AFTER INSERT ON pairs BEGIN
        INSERT INTO pair_index ({", ".join(COLUMNS)})
        SELECT {", ".join(COLUMNS)} FROM pair_facts WHERE seq = NEW.seq;
        {_PUT_TAGS.format(tags="NEW.tags", seq="NEW.seq")}
    END
    """,
    f"""
    CREATE TRIGGER pair_events_moved AFTER INSERT ON pair_events WHEN NEW.kind <> 'annotated' BEGIN
        UPDATE pair_index SET shelf = (shelf & 2) | (NEW.kind = 'undone') WHERE seq = {_PAIR_SEQ};
    END
    """,
    f"""
    CREATE TRIGGER pair_events_tagged AFTER INSERT ON pair_events WHEN NEW.kind = 'annotated' BEGIN
        DELETE FROM pair_tags WHERE pair_seq = {_PAIR_SEQ};
        {_PUT_TAGS.format(tags="NEW.tags", seq=_PAIR_SEQ)}
    END
    """,
    f"""
    CREATE TRIGGER import_fingerprints_told AFTER INSERT ON import_fingerprints BEGIN
        UPDATE pair_index SET prompt_tokens = NEW.prompt_tokens, left_tokens = NEW.chosen_tokens,
            right_tokens = NEW.rejected_tokens
        WHERE seq = {_PAIR_SEQ};
    END
    """,
)

_FILL = (
    # A pair whose turns are missing is left to `Store.verify`: it must not keep the database from being opened.
    f"INSERT INTO pair_index ({', '.join(COLUMNS)}) SELECT {', '.join(COLUMNS)} FROM pair_facts "
    "WHERE prompt_seq IS NOT NULL ORDER BY seq",
    "INSERT OR IGNORE INTO pair_tags (tag, at, pair_seq) SELECT t.value, i.at, i.seq "
    "FROM pairs_now p CROSS JOIN pair_index i ON i.seq = p.seq CROSS JOIN json_each(p.tags) t WHERE t.type = 'text'",
)

PAIR_INDEX = (_TABLE, _FACTS, *_INDEXES, *_TAGS, _FACETS, *_FACET_TRIGGERS, *_PAIR_TRIGGERS, *_FILL)
"""Statements that make the list and fill it from the pairs that there are."""
