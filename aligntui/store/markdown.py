"""A session as a Markdown document.

Exchanges stand in the order they were sent, numbered, and each says which answers it continues, so that a branching
session can be read as well as a straight one. Texts of people and models stand in fences longer than any run of
backticks inside them, with terminal escapes and other controls made visible: nothing a model wrote can end its block,
start a heading, or reach a terminal that shows the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from aligntui.core.conditions import UNKNOWN_ENGINE
from aligntui.core.files import write_text_atomic
from aligntui.core.pair import Pair, Verdict
from aligntui.core.printable import one_line, printable
from aligntui.core.turn import Answer, Session
from aligntui.store.resolve import sides_of
from aligntui.store.store import Store
from aligntui.store.tree import Exchange

_BACKTICKS = re.compile("`+")
_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&])")


def export_session(store: Store, session_id: str, path: Path) -> None:
    """Write a session to a file, made with its folder where it is missing; an earlier file stays until this one is whole.

    Raises:
        UserError: there is no such session, or the file or its folder cannot be written.
        EnvironmentProblem: the disk is full or failed.
        StoreError: the database cannot be read.
    """
    session = store.get_session(session_id)
    write_text_atomic(path, markdown(store, session), make_folder=True)


def markdown(store: Store, session: Session) -> Iterator[str]:
    """The document, one piece for each exchange, whatever the length of the session.

    Args:
        store: the database.
        session: from `Store.get_session`.

    Raises:
        StoreError: the database cannot be read.
    """
    yield _head(session)
    labels: dict[str, str] = {}
    for number, exchange in enumerate(store.exchanges(session.id), start=1):
        labels |= _labels(exchange, number)
        pairs = store.pairs_of(_answer_ids(exchange), include_undone=True)
        yield _Section(exchange, number, pairs, labels).text()


def code_span(text: str) -> str:
    """`text` on one line in a code span that it cannot end."""
    text = one_line(text) or " "
    ticks = "`" * (1 + max((len(run) for run in _BACKTICKS.findall(text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def fenced(text: str) -> str:
    """`text` in a fenced block that it cannot end; tabs stay, other controls become visible."""
    shown = "\t".join(printable(part) for part in text.split("\t"))
    fence = "`" * max(3, 1 + max((len(run) for run in _BACKTICKS.findall(shown)), default=0))
    return f"{fence}text\n{shown}\n{fence}\n"


def escaped(text: str) -> str:
    """`text` on one line, for a heading or a sentence, with everything that Markdown reads made plain."""
    return _MARKUP.sub(r"\\\1", one_line(text))


def _head(session: Session) -> str:
    return (
        f"# {escaped(session.name)}\n\n"
        f"Session {code_span(session.id)}, begun {session.created_at}, last changed {session.updated_at}; "
        f"{session.turn_count} turns, {session.pair_count} verdicts that count.\n"
    )


def _answer_ids(exchange: Exchange) -> list[str]:
    return [answer.id for take in exchange.takes for answer in take.answers]


def _labels(exchange: Exchange, number: int) -> dict[str, str]:
    """Label of each answer: `3.1a` is exchange 3, take 1, first answer from the left."""
    return {
        answer.id: f"{number}.{take_number}" + (chr(ord("a") + place) if place < 26 else f"-{place + 1}")
        for take_number, take in enumerate(exchange.takes, start=1)
        for place, answer in enumerate(take.answers)
    }


class _Section:
    """One exchange of the document.

    Args:
        exchange: the exchange.
        number: its number in the document.
        pairs: verdicts over its answers.
        labels: of the answers of this exchange and those before it.
    """

    def __init__(self, exchange: Exchange, number: int, pairs: list[Pair], labels: dict[str, str]) -> None:
        self._exchange = exchange
        self._number = number
        self._labels = labels
        # A verdict across two exchanges is told in the later one, where both answers have been shown.
        self._pairs = [pair for pair in pairs if all(answer_id in labels for answer_id in sides_of(pair))]

    def text(self) -> str:
        """The section with its prompt, answers and verdicts."""
        parts = [f"## {self._number}. Prompt\n", self._origin(), fenced(self._exchange.text)]
        for take_number, take in enumerate(self._exchange.takes, start=1):
            parts.append(f"### Take {self._number}.{take_number}\n")
            parts += [self._answer(answer) for answer in take.answers]
        if self._pairs:
            parts.append("Verdicts:\n\n" + "\n".join(map(self._verdict, self._pairs)) + "\n")
        return "\n" + "\n".join(parts)

    def _origin(self) -> str:
        parents = [self._label(parent) for parent in self._exchange.parent_ids]
        continues = f"continues {' and '.join(parents)}" if parents else "begins a conversation"
        return f"Sent {self._exchange.created_at}, {continues}.\n"

    def _answer(self, answer: Answer) -> str:
        instruction = answer.conditions.instruction
        under = "No instruction.\n"
        if instruction.strip():
            name = f" ({escaped(answer.instruction_label)})" if answer.instruction_label else ""
            under = f"Instruction{name}, mode {answer.conditions.mode}:\n\n{fenced(instruction)}"
        made = "".join(
            f", {how} {self._label(source)}"
            for how, source in (("edited from", answer.edited_from), ("continues", answer.continued_from))
            if source
        )
        partial = " (partial)" if answer.finish.partial else ""
        side = "" if answer.conditions.engine == UNKNOWN_ENGINE else escaped(answer.side)
        return (
            f"#### {self._label(answer.id)}{side and f' {side}'}\n\n{under}\nAnswer:\n\n{fenced(answer.text)}\n"
            f"Finish {answer.finish.value}{partial}{made}; {_conditions(answer)}.\n"
        )

    def _label(self, answer_id: str) -> str:
        return self._labels.get(answer_id) or code_span(answer_id)

    def _verdict(self, pair: Pair) -> str:
        left, right = self._label(pair.left_id), self._label(pair.right_id or "")
        sentence = {
            Verdict.LEFT: f"{left} better than {right}",
            Verdict.RIGHT: f"{right} better than {left}",
            Verdict.TIE: f"{left} and {right} tie",
            Verdict.BAD: f"{left} and {right} both bad",
            Verdict.SKIP: f"{left} and {right} skipped",
            Verdict.EXAMPLE: f"{left} given as a good answer",
        }[pair.verdict]
        notes = [f"by {escaped(pair.annotator)}", pair.created_at, f"scope {pair.scope.value}"]
        notes += ["blind"] if pair.blind else []
        notes += [f"tags {', '.join(map(code_span, pair.tags))}"] if pair.tags else []
        notes += ["**undone**"] if pair.undone else []
        reason = f": {escaped(pair.reason)}" if pair.reason.strip() else ""
        return f"- {sentence} ({', '.join(notes)}){reason}"


def _conditions(answer: Answer) -> str:
    c = answer.conditions
    if c.engine == UNKNOWN_ENGINE:
        return "nothing is known of how it was made"
    parts = [
        f"seed {c.seed}",
        f"temperature {c.temperature:g}",
        f"top-p {c.top_p:g}",
        f"at most {c.max_new_tokens} tokens",
        f"{len(answer.token_ids)} tokens",
        f"model {code_span(c.model)} {c.weights_sha256[:12]}",
        f"adapter {c.adapter_sha256[:12]}" if c.adapter_sha256 else "",
        c.quantisation or c.dtype,
        f"template {c.template_sha256[:12]}",
        code_span(c.engine),
        code_span(c.device),
    ]
    return ", ".join(part for part in parts if part)
