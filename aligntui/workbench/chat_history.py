"""From the database to the board: exchanges of a path, a screenful at a time. Run in the store's thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aligntui.workbench.chat_state import AnswerState, Exchange, Take

if TYPE_CHECKING:
    from aligntui import store as db


@dataclass
class Path:
    """A part of a path, ready for the board."""

    exchanges: list[Exchange] = field(default_factory=list)
    more_above: bool = False
    selected_id: str = ""


def load_path(store: db.Store, session_id: str, turn_id: str | None, limit: int) -> Path:
    """The last exchanges of a session, or the ones around a turn: those above it and what follows it."""
    if turn_id is None:
        last = store.last_exchange(session_id)
        if last is None:
            return Path()
        stored, selected = last, ""
    else:
        stored = store.exchange_of(turn_id)
        selected = stored.id
    above = store.earlier_exchanges(stored.id, limit)
    exchanges = [_exchange(store, one) for one in [*above, stored]]
    _show_continued_takes(exchanges, [*above, stored])
    if turn_id is not None:
        found = next((i for i, take in enumerate(exchanges[-1].takes) if take.find(turn_id)), None)
        if found is not None:
            exchanges[-1].at = found
    more_above = len(above) == limit and bool(above[0].parent_ids)
    exchanges += load_below(store, _answer_ids(exchanges[-1]), limit)
    return Path(exchanges, more_above, selected)


def load_above(store: db.Store, first: Exchange, limit: int) -> Path:
    """The exchanges before the first one on the board."""
    above = store.earlier_exchanges(first.id, limit)
    exchanges = [_exchange(store, one) for one in above]
    _show_continued_takes(exchanges, [*above, store.exchange(first.id)])
    return Path(exchanges, len(above) == limit and bool(above[0].parent_ids))


def load_below(store: db.Store, answer_ids: list[str], limit: int) -> list[Exchange]:
    """What follows a take: its newest continuation, and that one's, down to the leaf or the limit."""
    exchanges: list[Exchange] = []
    while answer_ids and len(exchanges) < limit:
        children = store.children_prompts(answer_ids)
        if not children:
            break
        newest = store.exchange(children[-1].exchange_id)
        exchanges.append(_exchange(store, newest))
        answer_ids = _answer_ids(exchanges[-1])
    return exchanges


def load_exchange(store: db.Store, exchange_id: str) -> Exchange:
    """One exchange with its takes and siblings."""
    return _exchange(store, store.exchange(exchange_id))


def _exchange(store: db.Store, stored: db.Exchange) -> Exchange:
    takes = [_take(take) for take in stored.takes]
    ids = [answer.id for take in stored.takes for answer in take.answers]
    for pair in store.pairs_of(ids, include_undone=True):
        for take in takes:
            if all(take.find(one) for one in (pair.left_id, pair.right_id) if one):
                take.judged.append(pair)
    parents = {parent: store.get_answer(parent) for parent in stored.parent_ids}
    continues = {p.id: (parents[p.parent_id].column, parents[p.parent_id].side) for p in stored.prompts if p.parent_id}
    # where there are several prompt turns, the answer that each continues tells which column it was sent to
    several = len(stored.prompts) > 1
    prompt_ids = {continues[p.id][0]: p.id for p in stored.prompts if p.id in continues} if several else {}
    for take in stored.takes:
        for answer in take.answers:
            prompt_ids[answer.column] = answer.parent_id
    if not prompt_ids:
        prompt_ids = {0: stored.prompts[0].id}
    return Exchange(
        id=stored.id,
        text=stored.text,
        prompt_ids=prompt_ids,
        takes=takes,
        at=len(takes) - 1,
        siblings=tuple(store.sibling_ids(stored.id)),
        continues=continues,
    )


def _take(stored: db.Take) -> Take:
    take = Take(stored.id)
    for record in stored.answers:
        take.add(AnswerState.from_record(record))
    return take


def _answer_ids(exchange: Exchange) -> list[str]:
    take = exchange.take
    return [answer.id for versions in take.versions.values() for answer in versions] if take else []


def _show_continued_takes(exchanges: list[Exchange], stored: list[db.Exchange]) -> None:
    """Of each exchange show the take that the next one continues, in the versions that it continues."""
    for exchange, following in zip(exchanges, stored[1:], strict=False):
        for index, take in enumerate(exchange.takes):
            for continued in filter(None, map(take.find, following.parent_ids)):
                take.show(continued)
                exchange.at = index
