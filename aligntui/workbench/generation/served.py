"""Answers of servers under the same records as local ones: conditions that admit what is not known, and cache keys.

Pinned in tests/workbench/test_generation_servers_records.py.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from aligntui.core.conditions import Conditions
from aligntui.core.ids import canonical_json, sha256_text
from aligntui.core.prompt_format import Message, Mode, place_instruction
from aligntui.core.sampling import Sampling
from aligntui.engine.servers.address import BASE, Api
from aligntui.engine.servers.answer import ServerAnswer
from aligntui.engine.servers.offer import Offer
from aligntui.engine.servers.question import NEUTRAL, Question, plain_text
from aligntui.wire.engine import AdapterRef, Row
from aligntui.workbench.generation.cells import deciding

UNKNOWN = "unknown"
"""In place of what a server cannot tell."""
PLAIN_TEMPLATE = "plain"
"""Name whose hash stands for "no template", as `alpaca` does for the Alpaca blocks."""


def unknown_of(model: str) -> str:
    """In place of the hash of what a server serves under a name: two names are never the same weights."""
    return f"{UNKNOWN}:{model}"


def served_ref(side: str, model: str) -> AdapterRef:
    """An adapter that lies on a server under the name of a model."""
    return AdapterRef(side, f"served:{model}")


def side_of(row: Row) -> str:
    """Name of the side that a row is for."""
    return row.adapter.name if row.adapter else BASE


def question_of(row: Row, offer: Offer) -> Question:
    """A row as a server is asked it; the instruction stands at the head of the first message where it takes no other."""
    history = [Message(role, content) for role, content in row.history]
    messages = place_instruction(
        history,
        row.instruction,
        Mode(row.mode),
        every=row.injection_every,
        system_slot=offer.dialect.system_slot,
    )
    sampling = Sampling(row.temperature, row.top_p, row.max_new_tokens, row.seed)
    return Question(tuple(messages), sampling)


def conditions_of(row: Row, offer: Offer, base: str, answer: ServerAnswer | None = None) -> Conditions:
    """Everything that is known of how a server answers a row.

    What only the server knows is `unknown` (hashes, number format, device) or empty (the rendered prompt). `engine` is
    `server:` and its name, so that nothing of a server is taken for comparable with an answer of the local engine, or
    of another server.

    Args:
        row: as it was asked.
        offer: of the server.
        base: name of the base, where the server itself has none.
        answer: what it said of itself; None before it answered.
    """
    mode, plain = Mode(row.mode), offer.dialect.api is Api.PLAIN
    model = offer.models.get(BASE, base)
    served = offer.models[side_of(row)]
    return Conditions(
        model=model,
        model_path=offer.roots.get(BASE, ""),
        weights_sha256=unknown_of(model),
        adapter=row.adapter.name if row.adapter else None,
        adapter_path=row.adapter.path if row.adapter else None,
        adapter_sha256=unknown_of(served) if row.adapter else None,
        strength=float(row.strength) if row.adapter else 0.0,
        template_sha256=sha256_text(PLAIN_TEMPLATE) if plain else UNKNOWN,
        rendered_prompt=plain_text(question_of(row, offer).messages) if plain else "",
        instruction=row.instruction,
        mode=mode.value,
        seed=row.seed,
        temperature=float(row.temperature),
        top_p=float(row.top_p),
        max_new_tokens=row.max_new_tokens,
        dtype=UNKNOWN,
        quantisation=None,
        engine=f"server:{offer.address.name}",
        versions=_said(offer, served, answer),
        injection_every=row.injection_every if mode is Mode.INJECTION else None,
        device=UNKNOWN,
    )


def _said(offer: Offer, served: str, answer: ServerAnswer | None) -> dict[str, str]:
    """What stands in place of library versions: where the server is, what it is, and how it was asked."""
    said = {"url": offer.address.url}
    fingerprint = answer.fingerprint if answer else offer.fingerprint
    said |= {"software": offer.software} if offer.software else {}
    said |= {"system_fingerprint": fingerprint} if fingerprint else {}
    if answer and answer.model not in ("", served):
        said["answered_as"] = answer.model
    if offer.dialect.left_out:
        said["servers_own"] = ", ".join(offer.dialect.left_out)
    return said


def served_cache_key(row: Row, offer: Offer) -> str:
    """Hash of everything known that decides a server's answer to a row, its address and its name of the model included.

    It cannot hold what a server does not tell: one that was started anew under the same address and name, with other
    weights, is taken for the same.
    """
    asked: dict[str, Any] = deciding(row)
    asked |= {
        "server": offer.address.url,
        "served": offer.models[side_of(row)],
        "root": offer.roots.get(side_of(row), ""),
        "fingerprint": offer.fingerprint,
        "software": offer.software,
        "context_length": offer.context_length,
        "dialect": {**asdict(offer.dialect), "fields": sorted(offer.dialect.fields)},
        "neutral": NEUTRAL,
    }
    return sha256_text(canonical_json(asked))


def whole_record(answer: ServerAnswer) -> ServerAnswer:
    """The answer with token ids and log-probs only where there are both, one for one: the database keeps no others."""
    ids, values = answer.token_ids, answer.logprobs
    if len(ids) == len(values):
        return answer
    return replace(answer, logprobs=())
