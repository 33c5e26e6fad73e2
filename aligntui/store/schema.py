"""Tables, indexes and triggers of the database, one tuple of statements for each schema version.

Read by `aligntui.store.migrations`, which applies them through sqlite-utils and records them. A statement that has been
released is never edited: a change is a further version.

What the schema holds by itself, whoever writes to the file: a prompt continues an answer and an answer answers a
prompt of the same session; a pair is two different answers of one session; verdicts, finishes and roles are known
words; pairs and their events are never changed or deleted; a pair replaces an undone one of its session; a repeat asks
for the answers of the pair that it repeats; counters, search index and the list of pairs follow the rows. The tables as
they are now are those of all versions together: the second one is in `curation_schema` and `pair_index_schema`, the third
in `generation_schema`, the fourth in `pair_origin_schema`.
"""

from __future__ import annotations

from aligntui.store.curation_schema import CURATION
from aligntui.store.generation_schema import GENERATION
from aligntui.store.pair_origin_schema import PAIR_ORIGIN

APPLICATION_ID = 0x414C5455
"""`PRAGMA application_id` of our files, "ALTU" in ASCII, so that a database of another program is told apart."""

_SESSIONS = """
CREATE TABLE sessions (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL CHECK (trim(name) <> ''),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    turn_count INTEGER NOT NULL DEFAULT 0,
    pair_count INTEGER NOT NULL DEFAULT 0
) STRICT
"""

# root_id and depth say again what the parents say, so that what two answers have in common is known without walking up
# two conversations. `repeats` marks the prompt turns of an exchange after its first: the same text once more, for another
# history; search leaves them out. `text` stands last: walking up the tree then reads the head of each row and not the
# overflow pages of long texts.
_TURNS = """
CREATE TABLE turns (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    session_id TEXT NOT NULL REFERENCES sessions (id),
    parent_id TEXT REFERENCES turns (id),
    root_id TEXT NOT NULL,
    depth INTEGER NOT NULL CHECK (depth >= 0),
    role TEXT NOT NULL CHECK (role IN ('prompt', 'answer')),
    exchange_id TEXT,
    take_id TEXT,
    repeats INTEGER NOT NULL DEFAULT 0 CHECK (repeats = 0 OR (repeats = 1 AND role = 'prompt')),
    created_at TEXT NOT NULL,
    text TEXT NOT NULL,
    CHECK ((parent_id IS NULL) = (depth = 0) AND (root_id = id) = (depth = 0)),
    CHECK (CASE role
        WHEN 'prompt' THEN exchange_id IS NOT NULL AND take_id IS NULL
        ELSE take_id IS NOT NULL AND exchange_id IS NULL AND parent_id IS NOT NULL END)
) STRICT
"""

_INSTRUCTIONS = """
CREATE TABLE instructions (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL
) STRICT
"""

_RENDERED_PROMPTS = """
CREATE TABLE rendered_prompts (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL
) STRICT
"""

# Conditions without instruction, rendered prompt and seed, which differ from answer to answer: what is left is the
# same for hundreds of answers and is kept once.
_CONDITIONS = """
CREATE TABLE conditions (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    json TEXT NOT NULL CHECK (json_valid(json))
) STRICT
"""

_ANSWERS = """
CREATE TABLE answers (
    seq INTEGER PRIMARY KEY REFERENCES turns (seq),
    column_index INTEGER NOT NULL CHECK (column_index >= 0),
    finish TEXT NOT NULL CHECK (finish IN ('stop', 'length', 'context', 'cancelled', 'failed', 'edited')),
    seed INTEGER NOT NULL,
    instruction_id INTEGER REFERENCES instructions (id),
    instruction_label TEXT NOT NULL,
    conditions_id INTEGER NOT NULL REFERENCES conditions (id),
    rendered_prompt_id INTEGER NOT NULL REFERENCES rendered_prompts (id),
    prompt_tokens INTEGER NOT NULL,
    decode_s REAL NOT NULL,
    first_token_s REAL NOT NULL,
    edited_from TEXT REFERENCES turns (id),
    continued_from TEXT REFERENCES turns (id),
    token_ids BLOB NOT NULL CHECK (length(token_ids) % 4 = 0),
    logprobs BLOB NOT NULL CHECK (length(logprobs) % 4 = 0)
) STRICT
"""

# The first answer that a session made under an instruction stands for that instruction in search results.
_INSTRUCTION_USES = """
CREATE TABLE instruction_uses (
    turn_seq INTEGER PRIMARY KEY REFERENCES turns (seq),
    session_id TEXT NOT NULL REFERENCES sessions (id),
    instruction_id INTEGER NOT NULL REFERENCES instructions (id),
    UNIQUE (session_id, instruction_id)
) STRICT
"""

# `replaces` is the verdict that this one was given in place of: what undo brings back, after any number of restarts.
_PAIRS = """
CREATE TABLE pairs (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    session_id TEXT NOT NULL REFERENCES sessions (id),
    left_id TEXT NOT NULL REFERENCES turns (id),
    right_id TEXT NOT NULL REFERENCES turns (id),
    verdict TEXT NOT NULL CHECK (verdict IN ('left', 'right', 'tie', 'bad', 'skip')),
    scope TEXT NOT NULL CHECK (scope IN ('answer', 'conversation')),
    blind INTEGER NOT NULL CHECK (blind IN (0, 1)),
    shuffled INTEGER NOT NULL CHECK (shuffled IN (0, 1)),
    annotator TEXT NOT NULL,
    created_at TEXT NOT NULL,
    reason TEXT NOT NULL,
    tags TEXT NOT NULL CHECK (json_valid(tags)),
    replaces TEXT REFERENCES pairs (id),
    CHECK (left_id <> right_id)
) STRICT
"""

_PAIR_EVENTS = """
CREATE TABLE pair_events (
    seq INTEGER PRIMARY KEY,
    pair_id TEXT NOT NULL REFERENCES pairs (id),
    kind TEXT NOT NULL CHECK (kind IN ('undone', 'restored', 'annotated')),
    annotator TEXT NOT NULL,
    created_at TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    tags TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tags))
) STRICT
"""

_PAIRS_NOW = """
CREATE VIEW pairs_now AS
SELECT p.seq, p.id, p.session_id, p.left_id, p.right_id, p.verdict, p.scope, p.blind, p.shuffled, p.annotator,
    p.created_at, p.replaces, coalesce(noted.reason, p.reason) AS reason, coalesce(noted.tags, p.tags) AS tags,
    coalesce((SELECT kind FROM pair_events WHERE pair_id = p.id AND kind <> 'annotated'
        ORDER BY seq DESC LIMIT 1), 'restored') = 'undone' AS undone
FROM pairs p LEFT JOIN pair_events noted ON noted.seq =
    (SELECT max(seq) FROM pair_events WHERE pair_id = p.id AND kind = 'annotated')
"""

_INDEXES = (
    "CREATE INDEX sessions_by_update ON sessions (updated_at, seq)",
    "CREATE INDEX sessions_by_name ON sessions (name)",
    "CREATE INDEX turns_by_session ON turns (session_id, seq)",
    "CREATE INDEX turns_by_parent ON turns (parent_id, seq)",
    "CREATE INDEX prompts_by_session ON turns (session_id, seq) WHERE role = 'prompt'",
    "CREATE INDEX prompts_by_exchange ON turns (exchange_id, seq) WHERE exchange_id IS NOT NULL",
    "CREATE INDEX roots_by_session ON turns (session_id, seq) WHERE parent_id IS NULL",
    "CREATE INDEX answers_by_take ON turns (take_id, seq) WHERE take_id IS NOT NULL",
    "CREATE INDEX pairs_by_session ON pairs (session_id, seq)",
    "CREATE INDEX pairs_by_left ON pairs (left_id)",
    "CREATE INDEX pairs_by_right ON pairs (right_id)",
    "CREATE INDEX pair_events_by_pair ON pair_events (pair_id, seq)",
)

_TREE_TRIGGERS = (
    """
    CREATE TRIGGER turns_parent BEFORE INSERT ON turns WHEN NEW.parent_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM turns WHERE id = NEW.parent_id AND session_id = NEW.session_id AND role <> NEW.role
            AND root_id = NEW.root_id AND depth = NEW.depth - 1)
    BEGIN
        SELECT RAISE(ABORT, 'a prompt continues an answer, an answer answers a prompt, both of their own session');
    END
    """,
    """
    CREATE TRIGGER turns_counted AFTER INSERT ON turns BEGIN
        UPDATE sessions SET turn_count = turn_count + 1, updated_at = max(updated_at, NEW.created_at)
        WHERE id = NEW.session_id;
    END
    """,
    """
    CREATE TRIGGER answers_of_answer_turns BEFORE INSERT ON answers WHEN NOT EXISTS (
        SELECT 1 FROM turns WHERE seq = NEW.seq AND role = 'answer')
    BEGIN
        SELECT RAISE(ABORT, 'only an answer turn has the conditions of an answer');
    END
    """,
    """
    CREATE TRIGGER answers_instruction AFTER INSERT ON answers WHEN NEW.instruction_id IS NOT NULL BEGIN
        INSERT INTO instruction_uses (turn_seq, session_id, instruction_id)
        SELECT NEW.seq, session_id, NEW.instruction_id FROM turns WHERE seq = NEW.seq
        ON CONFLICT (session_id, instruction_id) DO NOTHING;
    END
    """,
)

_PAIR_TRIGGERS = (
    """
    CREATE TRIGGER pairs_of_answers BEFORE INSERT ON pairs WHEN 2 <> (
        SELECT count(*) FROM turns
        WHERE id IN (NEW.left_id, NEW.right_id) AND session_id = NEW.session_id AND role = 'answer')
    BEGIN
        SELECT RAISE(ABORT, 'a pair is two different answers of its own session');
    END
    """,
    """
    CREATE TRIGGER pairs_replace_undone BEFORE INSERT ON pairs WHEN NEW.replaces IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM pairs_now WHERE id = NEW.replaces AND session_id = NEW.session_id AND undone)
    BEGIN
        SELECT RAISE(ABORT, 'a pair replaces one of its own session, which is undone');
    END
    """,
    """
    CREATE TRIGGER pairs_counted AFTER INSERT ON pairs BEGIN
        UPDATE sessions SET pair_count = pair_count + 1, updated_at = max(updated_at, NEW.created_at)
        WHERE id = NEW.session_id;
    END
    """,
    """
    CREATE TRIGGER pair_events_turn_about BEFORE INSERT ON pair_events WHEN NEW.kind <> 'annotated'
        AND (SELECT undone FROM pairs_now WHERE id = NEW.pair_id) = (NEW.kind = 'undone')
    BEGIN
        SELECT RAISE(ABORT, 'a pair is undone once, and restored only after it was undone');
    END
    """,
    """
    CREATE TRIGGER pair_events_counted AFTER INSERT ON pair_events WHEN NEW.kind <> 'annotated' BEGIN
        UPDATE sessions SET pair_count = pair_count + iif(NEW.kind = 'undone', -1, 1)
        WHERE id = (SELECT session_id FROM pairs WHERE id = NEW.pair_id);
    END
    """,
    *(
        f"""
        CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN
            SELECT RAISE(ABORT, 'verdicts are kept as they were given: add an event instead');
        END
        """
        for table in ("pairs", "pair_events")
        for verb in ("UPDATE", "DELETE")
    ),
)


def _search_index(name: str, view: str, table: str, key: str, text: str, when: str = "1") -> tuple[str, ...]:
    """An FTS5 index over `view`, kept up to date by triggers on `table`.

    Trigrams find substrings in every script, CJK without spaces included. The two line ends behind each text make every
    character of it begin a trigram, so that words of one and two characters can be looked up as well (`fts.py`).

    Args:
        name: of the index.
        view: gives `seq` and `text`, the latter with two line ends behind it.
        table: the rows behind the view.
        key: column of `table` that is `seq` in the view.
        text: expression of the text, `{}` for NEW or OLD.
        when: which rows of `table` the view shows, `{}` for NEW or OLD.
    """
    text = text + " || char(10, 10)"
    add = f"INSERT INTO {name} (rowid, text) VALUES (NEW.{key}, {text.format('NEW')});"
    remove = f"INSERT INTO {name} ({name}, rowid, text) VALUES ('delete', OLD.{key}, {text.format('OLD')});"
    return (
        f"CREATE VIRTUAL TABLE {name} USING fts5 (text, content='{view}', content_rowid='seq', tokenize='trigram')",
        f"CREATE VIRTUAL TABLE {name}_terms USING fts5vocab ('{name}', 'instance')",
        f"CREATE TRIGGER {name}_added AFTER INSERT ON {table} WHEN {when.format('NEW')} BEGIN {add} END",
        f"CREATE TRIGGER {name}_removed BEFORE DELETE ON {table} WHEN {when.format('OLD')} BEGIN {remove} END",
    )


_SEARCH = (
    "CREATE VIEW turn_texts AS SELECT seq, session_id, text || char(10, 10) AS text FROM turns WHERE repeats = 0",
    *_search_index("turns_fts", "turn_texts", "turns", "seq", "{}.text", when="{}.repeats = 0"),
    """
    CREATE VIEW instruction_texts AS SELECT u.turn_seq AS seq, u.session_id, i.text || char(10, 10) AS text
    FROM instruction_uses u JOIN instructions i ON i.id = u.instruction_id
    """,
    *_search_index(
        "instructions_fts",
        "instruction_texts",
        "instruction_uses",
        "turn_seq",
        "(SELECT text FROM instructions WHERE id = {}.instruction_id)",
    ),
    "CREATE VIEW session_texts AS SELECT seq, id AS session_id, name || char(10, 10) AS text FROM sessions",
    *_search_index("sessions_fts", "session_texts", "sessions", "seq", "{}.name"),
    """
    CREATE TRIGGER sessions_fts_renamed AFTER UPDATE OF name ON sessions BEGIN
        INSERT INTO sessions_fts (sessions_fts, rowid, text) VALUES ('delete', OLD.seq, OLD.name || char(10, 10));
        INSERT INTO sessions_fts (rowid, text) VALUES (NEW.seq, NEW.name || char(10, 10));
    END
    """,
    # Texts are never edited: an update would leave the index behind.
    """
    CREATE TRIGGER turns_no_update BEFORE UPDATE OF text, repeats ON turns BEGIN
        SELECT RAISE(ABORT, 'a turn keeps its text: an edited answer is a turn of its own');
    END
    """,
)

VERSIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "m001_sessions_turns_pairs_search",
        (
            _SESSIONS,
            _TURNS,
            _INSTRUCTIONS,
            _RENDERED_PROMPTS,
            _CONDITIONS,
            _ANSWERS,
            _INSTRUCTION_USES,
            _PAIRS,
            _PAIR_EVENTS,
            _PAIRS_NOW,
            *_INDEXES,
            *_TREE_TRIGGERS,
            *_PAIR_TRIGGERS,
            *_SEARCH,
        ),
    ),
    ("m002_curation", CURATION),
    ("m003_generation_runs", GENERATION),
    ("m004_pair_origin", PAIR_ORIGIN),
)
"""Name and statements of each schema version, oldest first. `PRAGMA user_version` counts how many a file has."""

SCHEMA_VERSION = len(VERSIONS)
