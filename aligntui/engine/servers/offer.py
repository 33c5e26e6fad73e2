"""What a server offers: found out before a run, so that nothing has to be guessed in the middle of it.

Its list of models is read, and each model that is wanted is asked one short question. That tells whether key, name and
interface are right, which optional fields it takes, and what it says of itself.
Pinned in tests/engine/test_servers_offer.py.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from aligntui.core.errors import UserError
from aligntui.core.printable import one_line
from aligntui.core.prompt_format import Message
from aligntui.core.sampling import Sampling
from aligntui.engine.servers.address import BASE, Api, ServerAddress, ServerWish
from aligntui.engine.servers.answer import ServerAnswer
from aligntui.engine.servers.client import ListedModel, ServerClient
from aligntui.engine.servers.faults import ModelUnknown, NoAnswer, QuestionRefused, ServerFailed, no_such_model
from aligntui.engine.servers.question import Dialect, Question, adapted

_GREETING = Message("user", "Say yes.")
_SHORT = Sampling(temperature=0.0, max_new_tokens=1)
_NO_MODEL = "aligntui-asks-whether-names-count"
_TRIES = 6
"""Ways of asking that are tried; each refusal names at least one field less."""


@dataclass(frozen=True)
class Offer:
    """What one server can answer for."""

    address: ServerAddress
    models: Mapping[str, str] = field(default_factory=dict)
    """Its name of the model, by name of the side."""
    dialect: Dialect = field(default_factory=Dialect)
    context_length: int = 0
    """Tokens; 0 where it does not tell."""
    software: str = ""
    """What it calls itself in its list, such as `vllm` or `llamacpp`."""
    roots: Mapping[str, str] = field(default_factory=dict)
    """Where it says that it read a model, by name of the side."""
    has: tuple[str, ...] = ()
    """All models on its list, safe to print."""
    fingerprint: str = ""
    """`system_fingerprint` of its last answer before the run."""
    warnings: tuple[str, ...] = ()
    """What a user should know of its answers."""


def greeting(offer: Offer) -> tuple[Question, str]:
    """The simplest question, and a model to ask it of: whether a server answers at all."""
    return Question((_GREETING,), _SHORT), next(iter(offer.models.values()))


async def look_at(client: ServerClient, wish: ServerWish) -> Offer:
    """Find out what a server offers of what is wanted.

    Without a name for it the base is the only model on the list that is not an adapter of another one; without names for
    adapters they are all models that the list calls adapters of the base, under their own names.

    Raises:
        UserError: the base cannot be told among several models.
        ServerLost: it cannot be reached, wants another key, or has none of the models.
        NoAnswer: it does not answer, or not in the shape of OpenAI's interface.
        QuestionRefused: it refuses the simplest question.
    """
    try:
        listed = await client.models()
    except ServerFailed:
        # `transformers serve` fails over its list where the machine has no cache of models, and answers all the same
        listed = ()
    wanted = _wanted(client.address, wish, listed)
    known = {model.id: model for model in listed}
    found: dict[str, str] = {}
    dialect, answer = Dialect(wish.api, system_slot=wish.api is Api.CHAT), None
    for side in sorted(wanted, key=lambda side: side != BASE):
        model = wanted[side]
        if not await _is_there(client, model, dialect, known):
            continue
        try:
            dialect, answer = await _greet(client, model, dialect)
        except ModelUnknown as unknown:
            raise no_such_model(client.address, model, list(known)) if known else unknown from None
        found[side] = model
    if not found:
        raise no_such_model(client.address, next(iter(wanted.values())), list(known))
    entries = [known[model] for model in found.values() if model in known]
    return Offer(
        client.address,
        found,
        dialect,
        min((one.context_length for one in entries if one.context_length), default=0),
        one_line(entries[0].owned_by, 40) if entries else "",
        {side: one_line(known[model].root, 200) for side, model in found.items() if model in known},
        tuple(one_line(model, 80) for model in known),
        answer.fingerprint if answer else "",
        tuple(_warnings(client.address, found, dialect, known)),
    )


def _wanted(address: ServerAddress, wish: ServerWish, listed: Sequence[ListedModel]) -> dict[str, str]:
    """Names of the models, by side."""
    served = dict(wish.served)
    if address.base_model:
        served[BASE] = address.base_model
    ids = {model.id for model in listed}
    if BASE not in served:
        free = [one.id for one in listed if one.parent not in ids - {one.id} and one.id not in served.values()]
        if len(free) == 1:
            served[BASE] = free[0]
        elif free or not served:
            shown = ", ".join(one_line(name, 80) for name in free[:12]) or "no list of its models"
            raise UserError(
                f"Which model of {address.name} is the base cannot be told. It has: {shown}.",
                f"Name it: --served {BASE}=MODEL, or --server {address.url}=MODEL.",
            )
    if set(served) == {BASE}:
        # vLLM lists what --lora-modules names as children of the base
        served |= {model.id: model.id for model in listed if model.parent == served[BASE] != model.id}
    return served


async def _is_there(client: ServerClient, model: str, dialect: Dialect, known: Mapping[str, ListedModel]) -> bool:
    """Whether a server has a model.

    One that is not on its list may be there all the same: `transformers serve` lists what lies in its cache. But a server
    that answers to any name would answer with the wrong weights.
    """
    if model in known or not known:
        return True
    return not await _answers(client, _NO_MODEL, dialect) and await _answers(client, model, dialect)


async def _answers(client: ServerClient, model: str, dialect: Dialect) -> bool:
    try:
        await _greet(client, model, dialect)
    except (ModelUnknown, QuestionRefused, NoAnswer):
        return False
    return True


async def _greet(client: ServerClient, model: str, dialect: Dialect) -> tuple[Dialect, ServerAnswer]:
    """Ask a short question, in other ways where it is refused; returns the way in which it was answered."""
    if dialect.api is Api.CHAT and dialect.system_slot:
        with contextlib.suppress(QuestionRefused):
            return await _ask(client, model, dialect, (Message("system", "Be brief."), _GREETING))
    return await _ask(client, model, replace(dialect, system_slot=False), (_GREETING,))


async def _ask(
    client: ServerClient, model: str, dialect: Dialect, messages: tuple[Message, ...]
) -> tuple[Dialect, ServerAnswer]:
    for _ in range(_TRIES):
        try:
            return dialect, await client.ask(Question(messages, _SHORT), model, dialect)
        except QuestionRefused as refusal:
            other = adapted(dialect, refusal.message)
            if other is None:
                raise
            dialect = other
    raise QuestionRefused(f"{client.address.name} refuses every form of a question.", "Its log says more.")


def _warnings(
    address: ServerAddress, found: Mapping[str, str], dialect: Dialect, known: Mapping[str, ListedModel]
) -> Iterator[str]:
    base = found.get(BASE)
    for side, model in found.items():
        parent = known[model].parent if model in known else ""
        if side != BASE and base is not None and parent not in ("", base):
            yield f"{address.name} says that {one_line(model, 80)} is an adapter of {one_line(parent, 80)}, not of {base}."
    if dialect.left_out:
        yield f"{address.name} does not take {', '.join(dialect.left_out)}: there its own settings are in force."
    if dialect.api is Api.CHAT and not dialect.system_slot:
        yield f"{address.name} takes no system message: an instruction stands at the head of the user's first message."
