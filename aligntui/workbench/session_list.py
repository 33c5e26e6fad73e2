"""Sessions as a list: newest first, or what a search found; rename and export. Run in the store's thread."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aligntui.core.turn import Session

if TYPE_CHECKING:
    from aligntui import store as db

LIMIT = 200
"""Lines in the list; a search narrows it."""


@dataclass(frozen=True)
class Found:
    """One line: a session, or a turn that a search found."""

    session_id: str
    name: str
    when: str
    turns: int = 0
    pairs: int = 0
    turn_id: str | None = None
    role: str = ""
    """`prompt` or `answer`, or `instruction` where the words stand in the instruction of an answer."""
    kind: str = "chat"
    """`chat`, `import` or `sampling`."""
    snippet: tuple[str, str, str] = ("", "", "")
    """Text before the first match, the match, text after it."""


def find(store: db.Store, query: str) -> list[Found]:
    """Sessions newest first, or turns whose text or instruction holds the query."""
    if not query.strip():
        return [_session(one) for one in store.list_sessions(LIMIT)]
    by_name = [_session(one) for one in store.list_sessions(20, query=query)]
    hits = []
    for hit in store.search(query, LIMIT):
        start, end = hit.matches[0] if hit.matches else (0, 0)
        cut = (hit.snippet[:start], hit.snippet[start:end], hit.snippet[end:])
        role = "instruction" if hit.in_instruction else hit.role.value
        hits.append(
            Found(hit.session_id, hit.session_name, hit.created_at, turn_id=hit.turn_id, role=role, snippet=cut)
        )
    return by_name + hits


def _session(session: Session) -> Found:
    return Found(
        session.id,
        session.name,
        session.updated_at,
        session.turn_count,
        session.pair_count,
        kind=session.kind.value,
    )


def rename(store: db.Store, session_id: str, name: str) -> None:
    """Give a session another name."""
    store.rename_session(session_id, name)


def export_markdown(store: db.Store, session_id: str, folder: str) -> Path:
    """Write a session as Markdown; returns the file."""
    from aligntui.store.markdown import export_session

    session = store.get_session(session_id)
    slug = re.sub(r"[^a-z0-9]+", "-", session.name.lower()).strip("-")[:40] or "session"
    path = Path(folder) / f"{slug}-{session.id[-6:]}.md"
    export_session(store, session.id, path)
    return path
