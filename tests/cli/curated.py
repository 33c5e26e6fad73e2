"""Files of pairs, a workspace with judged ones, and the whole content of a database."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from aligntui.config.paths import Workspace
from aligntui.core.pair import Verdict
from aligntui.store import Store, open_store
from tests.cli.conftest import Cli
from tests.store.builders import ask, make_answer, make_conditions, make_pair


def rows(count: int, first: int = 0) -> list[dict[str, Any]]:
    """Records of the TRL layout, all different."""
    return [
        {"prompt": f"Question {n}?", "chosen": f"Answer {n} is good.", "rejected": f"Answer {n} is bad."}
        for n in range(first, first + count)
    ]


def write_jsonl(path: Path, *records: Any) -> str:
    """Write records, and texts as they are, one a line; returns the name."""
    lines = [record if isinstance(record, str) else json.dumps(record, ensure_ascii=False) for record in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogateescape")
    return str(path)


def content(cli: Cli) -> list[str]:
    """Everything that the database holds, statement by statement; nothing where there is none."""
    database = Workspace(cli.workspace).database
    if not database.exists():
        return []
    with closing(sqlite3.connect(database)) as conn:
        return list(conn.iterdump())


def opened(cli: Cli) -> Store:
    return open_store(Workspace(cli.workspace).database)


def judge(store: Store, *plan: tuple[Verdict, dict[str, Any]], annotator: str = "ann") -> list[str]:
    """One pair of base and adapter for each verdict; ids in the order given.

    The mapping may have `prompt`, `texts`, `instruction`, `adapters` and fields of `Pair`.
    """
    session = store.create_session("judged")
    ids: list[str] = []
    for number, (verdict, special) in enumerate(plan):
        given = dict(special)
        [prompt] = ask(store, session, given.pop("prompt", f"Question {number}?"))
        texts = given.pop("texts", (f"Base {number}", f"Adapter {number}"))
        adapters = given.pop("adapters", (None, "demo"))
        instruction = given.pop("instruction", "Be concise.")
        answers = store.add_answers(
            [
                make_answer(prompt, text, column, conditions=make_conditions(adapter=adapter, instruction=instruction))
                for column, (text, adapter) in enumerate(zip(texts, adapters, strict=True))
            ]
        )
        ids.append(store.add_pair(make_pair(*answers, verdict=verdict, **{"annotator": annotator, **given})).id)
    return ids
