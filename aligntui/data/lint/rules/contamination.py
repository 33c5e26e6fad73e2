"""Text in answers that came from somewhere else than an answer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from aligntui.core.errors import UserError, nearest
from aligntui.data.lint.finding import Fix, Severity
from aligntui.data.lint.patterns import BUILT_IN, PROMPT_ECHO, Pattern, compile_own
from aligntui.data.lint.record import RecordView
from aligntui.data.lint.rule import Context, Rule, Takes, excerpt

GIVEN_UP_AFTER = 3
"""Texts on which a pattern ran out of time before it is not tried any more."""

ECHO_WORDS = 5
"""Words below which a prompt that opens its answer is no sign of anything."""

NAMES = {"prompt": "prompt", "chosen": "chosen answer", "rejected": "rejected answer"}

Search = Callable[[str], str | None]
"""The first match in a text; None where there is none."""


class Contamination(Rule):
    """Answers with traces of templates, other assistants, broken programs and private data; counted by pattern.

    Also reports answers that begin with the whole prompt, unless the prompt asks for that by the word "repeat".
    """

    name = "contamination"
    summary = "An answer holds text that does not belong there: template tokens, boilerplate, addresses, keys."
    severity = Severity.WARNING
    takes = Takes.DECIDED

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        options = context.options.contamination
        known = [pattern.name for pattern in BUILT_IN] + [PROMPT_ECHO]
        for name in options.skip:
            if name not in known:
                raise UserError(f"There is no built-in pattern {name!r}.", nearest(name, known))
        patterns = [pattern for pattern in BUILT_IN if pattern.name not in options.skip] + list(options.own)
        self._looks = [(pattern, self._search_of(pattern)) for pattern in patterns]
        self._echo = PROMPT_ECHO not in options.skip
        self._ran_out: Counter[str] = Counter()
        self._stopped: str | None = None
        self._counts: dict[str, Counter[str]] = {pattern.name: Counter() for pattern in patterns}
        if self._echo:
            self._counts[PROMPT_ECHO] = Counter()

    def add(self, view: RecordView) -> str | None:
        """Run every pattern over the parts it is meant for."""
        parts = [(name, side.raw) for name, side in view.sides]
        parts.append(("prompt", "\n\n".join(text for role, text in view.record.prompt if role != "assistant")))
        everything = "\n".join([*(side.normal for _, side in view.sides), *view.prompt_normals])
        for pattern, search in self._looks:
            if not _may_match(pattern, everything):
                continue
            hits = {name: hit for name, raw in parts if name in pattern.where and (hit := search(raw)) is not None}
            if hits:
                self._found(view, pattern.name, pattern.severity, pattern.summary, hits)
        if self._echo:
            self._look_for_echo(view)
        stopped, self._stopped = self._stopped, None
        return f"the pattern {stopped!r} ran out of time" if stopped else None

    def conclude(self) -> None:
        """Give the counts by pattern and side, and say which patterns were given up."""
        self.statistics["counts"] = {name: dict(sorted(counts.items())) for name, counts in self._counts.items()}
        for name, times in sorted(self._ran_out.items()):
            if times >= GIVEN_UP_AFTER:
                self.coverage.notes.append(f"The pattern {name!r} ran out of time {times} times and was given up.")

    def _look_for_echo(self, view: RecordView) -> None:
        asked = view.last_asked
        if asked.count(" ") + 1 < ECHO_WORDS or "repeat" in asked:
            return
        hits = {
            name: excerpt(side.raw)
            for name, side in view.sides
            if side.normal.startswith(asked) and len(side.normal) > len(asked)
        }
        if hits:
            self._found(view, PROMPT_ECHO, Severity.WARNING, "the prompt at its beginning", hits)

    def _found(self, view: RecordView, name: str, severity: Severity, summary: str, hits: dict[str, str]) -> None:
        self._counts[name].update(hits.keys())
        self.find(
            f"Found in the {' and the '.join(NAMES[part] for part in hits)}: {summary or name}.",
            [view.id],
            fix=Fix.DROP,
            subject=name,
            evidence=hits,
            severity=severity,
        )

    def _search_of(self, pattern: Pattern) -> Search:
        if not pattern.own:
            built_in = re.compile(pattern.expression, pattern.flags)
            show = hidden if pattern.hide else excerpt
            return lambda text: show(found[0]) if (found := built_in.search(text)) else None
        own, timeout = compile_own(pattern), self.context.options.contamination.timeout_s

        def search(text: str) -> str | None:
            if self._ran_out[pattern.name] >= GIVEN_UP_AFTER:
                self._stopped = pattern.name
                return None
            try:
                found = own.search(text, timeout=timeout)
            except TimeoutError:
                self._ran_out[pattern.name] += 1
                self._stopped = pattern.name
                return None
            return excerpt(found[0]) if found else None

        return search


def _may_match(pattern: Pattern, normal_text: str) -> bool:
    # map, not a generator: this runs sixty times a pair
    return not pattern.literals or any(map(normal_text.__contains__, pattern.literals))


def hidden(text: str) -> str:
    """The first characters of something that should not be spread by a report."""
    return f"{text[:4]}… ({len(text)} characters)"
