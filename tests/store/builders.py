"""Small trees for the tests of the store."""

from __future__ import annotations

from typing import Any

from aligntui.core.conditions import Conditions
from aligntui.core.ids import new_id, now_utc, sha256_text
from aligntui.core.pair import Pair, Scope, Verdict
from aligntui.core.prompt_format import Message
from aligntui.core.turn import Answer, Finish, Prompt, Session
from aligntui.store import ImportHead, ImportRecord, Store


def make_conditions(**changes: Any) -> Conditions:
    values: dict[str, Any] = {
        "model": "embedded",
        "model_path": "/models/embedded",
        "weights_sha256": "a" * 64,
        "adapter": None,
        "adapter_path": None,
        "adapter_sha256": None,
        "strength": 1.0,
        "template_sha256": "b" * 64,
        "rendered_prompt": "<|im_start|>user\nHello<|im_end|>",
        "instruction": "Be concise.",
        "mode": "system",
        "seed": 7,
        "temperature": 0.7,
        "top_p": 0.95,
        "max_new_tokens": 256,
        "dtype": "float32",
        "quantisation": None,
        "engine": "aligntui/0.1.0 mixed-batch",
        "versions": {"torch": "2.13.0"},
    }
    return Conditions(**(values | changes))


def make_answer(prompt: Prompt, text: str = "An answer.", column: int = 0, **changes: Any) -> Answer:
    values: dict[str, Any] = {
        "id": new_id("turn"),
        "session_id": prompt.session_id,
        "parent_id": prompt.id,
        "take_id": f"take_of_{prompt.exchange_id}",
        "column": column,
        "text": text,
        "finish": Finish.STOP,
        "created_at": now_utc(),
        "conditions": make_conditions(adapter="demo" if column else None),
        "token_ids": (1, 2, 3),
        "logprobs": (-0.5, -0.25, -1.0),
    }
    return Answer(**(values | changes))


def make_pair(left: Answer, right: Answer, verdict: Verdict = Verdict.LEFT, **changes: Any) -> Pair:
    values: dict[str, Any] = {
        "id": new_id("pair"),
        "session_id": left.session_id,
        "left_id": left.id,
        "right_id": right.id,
        "verdict": verdict,
        "scope": Scope.ANSWER if left.parent_id == right.parent_id else Scope.CONVERSATION,
        "blind": False,
        "shuffled": False,
        "annotator": "ann",
        "created_at": now_utc(),
    }
    return Pair(**(values | changes))


def ask(
    store: Store, session: Session, text: str = "Hello?", parents: tuple[str | None, ...] = (None,)
) -> list[Prompt]:
    """One exchange, a prompt turn for each parent."""
    return store.add_prompts(session.id, parents, new_id("exchange"), text)


def both(
    store: Store, prompts: list[Prompt], left: str = "Left.", right: str = "Right.", **changes: Any
) -> list[Answer]:
    """One take of two answers."""
    return store.add_answers(
        [
            make_answer(prompts[0], left, 0, **changes),
            make_answer(prompts[-1], right, 1, **changes),
        ]
    )


def chain(store: Store, session: Session, length: int) -> list[list[Answer]]:
    """A conversation of two columns, each with its own history, `length` exchanges long."""
    parents: tuple[str | None, ...] = (None,)
    takes = []
    for number in range(length):
        answers = both(store, ask(store, session, f"Question {number}", parents), f"Left {number}", f"Right {number}")
        parents = tuple(answer.id for answer in answers)
        takes.append(answers)
    return takes


Side = str | tuple[Message, ...]


def make_record(
    prompt: Side = "Why?", chosen: Side = "Because.", rejected: Side | None = "No.", **changes: Any
) -> ImportRecord:
    """A record whose sides are given as messages or, of one turn, as texts; its fingerprint is made of them."""

    def messages(role: str, side: Side) -> tuple[Message, ...]:
        return (Message(role, side),) if isinstance(side, str) else side

    values: dict[str, Any] = {
        "prompt": messages("user", prompt),
        "chosen": messages("assistant", chosen),
        "rejected": None if rejected is None else messages("assistant", rejected),
    }
    values["fingerprint"] = sha256_text(repr(values))
    return ImportRecord(**(values | changes))


def import_all(store: Store, *records: ImportRecord, **head: Any) -> list[Pair]:
    """Import records as one file; their pairs, in the order of the records."""
    values = {"name": "From a file", "source": "pairs.jsonl", "annotator": "ann"}
    outcome = store.import_records(ImportHead(**(values | head)), records)
    return [] if outcome.session_id is None else store.list_pairs(outcome.session_id, oldest_first=True)
