"""Second schema version: examples, repeated verdicts, imports, the list of pairs, waivers, the judging queue.

SQLite cannot change a CHECK, so `answers` and `pairs` are built anew under another name, filled, and renamed. Views and
triggers that name them are dropped before and made again after. `aligntui.store.migrations` switches foreign keys off
meanwhile: with them on, dropping a table deletes its rows first, which other tables refer to.

`pair_index` holds a row for each pair with everything that a list filters and sorts by, as `pair_facts` works it out from
the tables behind; triggers keep it, the tags and the counts of `pair_facets` up to date, whoever writes.
"""

from __future__ import annotations

from aligntui.store.pair_index_schema import PAIR_INDEX

_ON_ONE_LINE = "substr(trim(text, char(9, 10, 11, 12, 13, 32)), 1, 320)"
for _char in ("char(9)", "char(10)", "char(13)"):
    _ON_ONE_LINE = f"replace({_ON_ONE_LINE}, {_char}, ' ')"
for _ in range(3):
    _ON_ONE_LINE = f"replace({_ON_ONE_LINE}, '  ', ' ')"
_ON_ONE_LINE = f"trim(substr({_ON_ONE_LINE}, 1, 80))"

_NEW_COLUMNS = (
    "ALTER TABLE sessions ADD COLUMN kind TEXT NOT NULL DEFAULT 'chat' CHECK (kind IN ('chat', 'import', 'sampling'))",
    # Imported prompts are found by search and not offered for recall; the partial indexes below know only the others.
    "ALTER TABLE turns ADD COLUMN imported INTEGER NOT NULL DEFAULT 0 CHECK (imported IN (0, 1))",
    # As `aligntui.core.turn.Answer.side`; empty where nobody knows (`aligntui.core.conditions.UNKNOWN_ENGINE`).
    """
    ALTER TABLE conditions ADD COLUMN side TEXT GENERATED ALWAYS AS (CASE
        WHEN json_extract(json, '$.engine') = 'import' THEN ''
        WHEN json_extract(json, '$.adapter') IS NULL THEN 'base'
        WHEN json_extract(json, '$.strength') = 1 THEN json_extract(json, '$.adapter')
        ELSE printf('%s x%g', json_extract(json, '$.adapter'), json_extract(json, '$.strength')) END) VIRTUAL
    """,
    "ALTER TABLE conditions ADD COLUMN mode TEXT GENERATED ALWAYS AS (json_extract(json, '$.mode')) VIRTUAL",
    # What stands for an instruction without a label in lists: the beginning of its text on one line.
    f"ALTER TABLE instructions ADD COLUMN name TEXT GENERATED ALWAYS AS ({_ON_ONE_LINE}) VIRTUAL",
    "CREATE INDEX prompts_sent ON turns (seq) WHERE role = 'prompt' AND repeats = 0 AND imported = 0",
    "CREATE INDEX prompts_sent_by_session ON turns (session_id, seq) "
    "WHERE role = 'prompt' AND repeats = 0 AND imported = 0",
)

_ANSWERS_COLUMNS = (
    "seq, column_index, finish, seed, instruction_id, instruction_label, conditions_id, rendered_prompt_id, "
    "prompt_tokens, decode_s, first_token_s, edited_from, continued_from, token_ids, logprobs"
)

_ANSWERS = (
    """
    CREATE TABLE answers_m002 (
        seq INTEGER PRIMARY KEY REFERENCES turns (seq),
        column_index INTEGER NOT NULL CHECK (column_index >= 0),
        finish TEXT NOT NULL CHECK (
            finish IN ('stop', 'length', 'context', 'cancelled', 'failed', 'edited', 'imported')),
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
    """,
    f"INSERT INTO answers_m002 ({_ANSWERS_COLUMNS}) SELECT {_ANSWERS_COLUMNS} FROM answers ORDER BY seq",
    "DROP TABLE answers",
    "ALTER TABLE answers_m002 RENAME TO answers",
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

_PAIRS_COLUMNS = (
    "seq, id, session_id, left_id, right_id, verdict, scope, blind, shuffled, annotator, created_at, reason, tags, "
    "replaces"
)

_PAIRS = (
    "DROP VIEW pairs_now",
    "DROP TRIGGER pair_events_turn_about",
    "DROP TRIGGER pair_events_counted",
    """
    CREATE TABLE pairs_m002 (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        session_id TEXT NOT NULL REFERENCES sessions (id),
        left_id TEXT NOT NULL REFERENCES turns (id),
        right_id TEXT REFERENCES turns (id),
        verdict TEXT NOT NULL CHECK (verdict IN ('left', 'right', 'tie', 'bad', 'skip', 'example')),
        scope TEXT NOT NULL CHECK (scope IN ('answer', 'conversation')),
        blind INTEGER NOT NULL CHECK (blind IN (0, 1)),
        shuffled INTEGER NOT NULL CHECK (shuffled IN (0, 1)),
        annotator TEXT NOT NULL,
        created_at TEXT NOT NULL,
        reason TEXT NOT NULL,
        tags TEXT NOT NULL CHECK (json_valid(tags)),
        replaces TEXT REFERENCES pairs (id),
        repeat_of TEXT REFERENCES pairs (id),
        prompt_id TEXT REFERENCES turns (id),
        CHECK (left_id <> right_id),
        CHECK ((verdict = 'example') = (right_id IS NULL)),
        CHECK (repeat_of IS NULL OR (replaces IS NULL AND right_id IS NOT NULL)),
        CHECK (CASE scope WHEN 'answer' THEN prompt_id IS NULL
            ELSE verdict <> 'example' OR prompt_id IS NOT NULL END)
    ) STRICT
    """,
    f"INSERT INTO pairs_m002 ({_PAIRS_COLUMNS}) SELECT {_PAIRS_COLUMNS} FROM pairs ORDER BY seq",
    "DROP TABLE pairs",
    "ALTER TABLE pairs_m002 RENAME TO pairs",
    "CREATE INDEX pairs_by_session ON pairs (session_id, seq)",
    "CREATE INDEX pairs_by_left ON pairs (left_id)",
    "CREATE INDEX pairs_by_right ON pairs (right_id)",
    "CREATE INDEX pairs_by_replaced ON pairs (replaces) WHERE replaces IS NOT NULL",
    "CREATE INDEX pairs_by_repeat ON pairs (repeat_of) WHERE repeat_of IS NOT NULL",
    "CREATE INDEX pairs_by_prompt ON pairs (prompt_id) WHERE prompt_id IS NOT NULL",
    """
    CREATE VIEW pairs_now AS
    SELECT p.seq, p.id, p.session_id, p.left_id, p.right_id, p.verdict, p.scope, p.blind, p.shuffled, p.annotator,
        p.created_at, p.replaces, p.repeat_of, p.prompt_id,
        coalesce(noted.reason, p.reason) AS reason, coalesce(noted.tags, p.tags) AS tags,
        coalesce((SELECT kind FROM pair_events WHERE pair_id = p.id AND kind <> 'annotated'
            ORDER BY seq DESC LIMIT 1), 'restored') = 'undone' AS undone
    FROM pairs p LEFT JOIN pair_events noted ON noted.seq =
        (SELECT max(seq) FROM pair_events WHERE pair_id = p.id AND kind = 'annotated')
    """,
    """
    CREATE TRIGGER pairs_of_answers BEFORE INSERT ON pairs WHEN 2 - (NEW.right_id IS NULL) <> (
        SELECT count(*) FROM turns
        WHERE id IN (NEW.left_id, NEW.right_id) AND session_id = NEW.session_id AND role = 'answer')
    BEGIN
        SELECT RAISE(ABORT, 'a pair is two different answers of its own session, an example is one');
    END
    """,
    """
    CREATE TRIGGER pairs_replace_undone BEFORE INSERT ON pairs WHEN NEW.replaces IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM pairs_now
        WHERE id = NEW.replaces AND session_id = NEW.session_id AND undone AND repeat_of IS NULL)
    BEGIN
        SELECT RAISE(ABORT, 'a pair replaces one of its own session, which is undone and no repeat');
    END
    """,
    """
    CREATE TRIGGER pairs_repeat_same_answers BEFORE INSERT ON pairs WHEN NEW.repeat_of IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM pairs WHERE id = NEW.repeat_of AND session_id = NEW.session_id AND repeat_of IS NULL
            AND ((left_id = NEW.left_id AND right_id = NEW.right_id)
                OR (left_id = NEW.right_id AND right_id = NEW.left_id)))
    BEGIN
        SELECT RAISE(ABORT, 'a repeat asks for the same two answers as the pair that it repeats');
    END
    """,
    """
    CREATE TRIGGER pairs_begin_above BEFORE INSERT ON pairs WHEN NEW.prompt_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM turns prompt JOIN turns answer ON answer.id = NEW.left_id AND answer.root_id = prompt.root_id
        WHERE prompt.id = NEW.prompt_id AND prompt.role = 'prompt' AND prompt.depth < answer.depth)
    BEGIN
        SELECT RAISE(ABORT, 'a pair begins at a prompt of its conversation');
    END
    """,
    """
    CREATE TRIGGER pairs_counted AFTER INSERT ON pairs BEGIN
        UPDATE sessions SET pair_count = pair_count + (NEW.repeat_of IS NULL),
            updated_at = max(updated_at, NEW.created_at)
        WHERE id = NEW.session_id;
    END
    """,
    *(
        f"""
        CREATE TRIGGER pairs_no_{verb.lower()} BEFORE {verb} ON pairs BEGIN
            SELECT RAISE(ABORT, 'verdicts are kept as they were given: add an event instead');
        END
        """
        for verb in ("UPDATE", "DELETE")
    ),
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
        WHERE id = (SELECT session_id FROM pairs WHERE id = NEW.pair_id AND repeat_of IS NULL);
    END
    """,
)

_IMPORTS = (
    """
    CREATE TABLE imports (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        session_id TEXT NOT NULL UNIQUE REFERENCES sessions (id),
        source TEXT NOT NULL,
        source_sha256 TEXT NOT NULL,
        layout TEXT NOT NULL,
        mapping TEXT NOT NULL CHECK (json_valid(mapping)),
        annotator TEXT NOT NULL,
        tokenizer TEXT NOT NULL,
        created_at TEXT NOT NULL,
        counts TEXT NOT NULL CHECK (json_valid(counts))
    ) STRICT
    """,
    """
    CREATE TABLE import_fingerprints (
        fingerprint TEXT PRIMARY KEY,
        pair_id TEXT NOT NULL UNIQUE REFERENCES pairs (id),
        import_id TEXT NOT NULL REFERENCES imports (id) DEFERRABLE INITIALLY DEFERRED,
        record_id TEXT NOT NULL,
        place TEXT NOT NULL,
        prompt_tokens INTEGER,
        chosen_tokens INTEGER,
        rejected_tokens INTEGER
    ) STRICT
    """,
)
"""A record is known by its fingerprint, whatever became of its pair. Token counts are NULL where nobody counted."""

_WAIVERS = (
    """
    CREATE TABLE waivers (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        rule TEXT NOT NULL CHECK (trim(rule) <> ''),
        subject TEXT NOT NULL,
        key TEXT NOT NULL CHECK (trim(key) <> ''),
        reason TEXT NOT NULL CHECK (trim(reason) <> ''),
        annotator TEXT NOT NULL,
        created_at TEXT NOT NULL,
        withdrawn_at TEXT
    ) STRICT
    """,
    "CREATE UNIQUE INDEX waivers_once ON waivers (rule, subject, key) WHERE withdrawn_at IS NULL",
)

_QUEUE = (
    """
    CREATE TABLE queue_items (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL CHECK (kind IN ('repeat', 'proposed')),
        left_id TEXT NOT NULL REFERENCES turns (id),
        right_id TEXT NOT NULL REFERENCES turns (id),
        repeat_of TEXT REFERENCES pairs (id),
        annotator TEXT NOT NULL,
        score REAL NOT NULL,
        position INTEGER NOT NULL,
        created_at TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('open', 'judged', 'dropped')),
        pair_id TEXT REFERENCES pairs (id),
        CHECK (left_id <> right_id),
        CHECK ((kind = 'repeat') = (repeat_of IS NOT NULL)),
        CHECK ((state = 'judged') = (pair_id IS NOT NULL))
    ) STRICT
    """,
    "CREATE UNIQUE INDEX queue_items_once ON queue_items "
    "(min(left_id, right_id), max(left_id, right_id), kind, annotator) WHERE state = 'open'",
    "CREATE INDEX queue_items_open ON queue_items (annotator, position, seq) WHERE state = 'open'",
    "CREATE INDEX queue_items_by_pair ON queue_items (pair_id) WHERE pair_id IS NOT NULL",
)

CURATION = (*_NEW_COLUMNS, *_ANSWERS, *_PAIRS, *_IMPORTS, *PAIR_INDEX, *_WAIVERS, *_QUEUE)
"""Statements of the version, in order."""
