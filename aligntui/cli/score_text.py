"""What `aligntui score show` prints: prompt, both answers, what failed and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from aligntui.core.printable import one_line

if TYPE_CHECKING:
    from aligntui.workbench.scoring.drill import DrillRow, Failure
    from aligntui.workbench.scoring.scored import Scored

_PROMPT_CHARS, _ANSWER_CHARS = 300, 400
_SHOWN = {True: "passed", False: "FAILED", None: "no verdict"}


def drill_lines(
    scored: Scored,
    rows: Sequence[tuple[DrillRow, tuple[tuple[Failure, ...], ...]]],
    total: int,
    first: str,
    second: str,
) -> Iterator[str]:
    """The rows, one below the other."""
    from aligntui.workbench.scoring.drill import column_names

    names = column_names(scored, first, second)
    yield f"{scored.title}: {len(rows):,} of {total:,} prompts{f', {names[1]} against {names[0]}' if len(names) > 1 else ''}"
    for row, why in rows:
        flip = f"  {row.flip}" if row.flip else ""
        yield ""
        yield f"{row.item}{f' (seed {row.seed})' if len(scored.columns[0].seeds) > 1 else ''}{flip}  {', '.join(row.categories)}"
        yield f"  prompt: {one_line(row.prompt, _PROMPT_CHARS)}"
        for name, answer, passed, failed in zip(names, row.answers, row.passed, why, strict=True):
            verdict = f"{_SHOWN[passed]}: " if scored.suite.categories else ""
            text = "no answer" if answer is None else one_line(answer, _ANSWER_CHARS) or "(empty)"
            yield f"  {name}: {verdict}{text}"
            for one in failed:
                yield f"    {one.category}: {one_line(one.reason)}{' (passes loosely)' if one.passes_loosely else ''}"
