"""The variants of an answer that the loose verdict also looks at."""

from __future__ import annotations

from collections.abc import Iterator

AS_IT_IS = "as it is"


def variants(response: str) -> Iterator[tuple[str, str]]:
    """The eight usual variants: without its first, its last, both or no lines, each with and without asterisks.

    Returns:
        What was left out, and the text, the answer itself first. Blank variants and those that equal an earlier one are
        passed over: the first follow no instruction, the second change nothing.

    Source: Zhou et al. 2023 (arXiv:2311.07911), section 2.3; lines end at line feeds alone, and where lines were left out
        the whitespace around the rest goes too, as in lm-evaluation-harness 0.4.13 (lm_eval/tasks/ifeval/utils.py).
        Pinned against it in tests/score/test_ifeval_reference.py.
    """
    seen: set[str] = set()
    for name, text in _all(response):
        if text not in seen and text.strip():
            seen.add(text)
            yield name, text


def _all(response: str) -> Iterator[tuple[str, str]]:
    yield AS_IT_IS, response
    yield "without asterisks", response.replace("*", "")
    lines = response.split("\n")
    for name, kept in (
        ("without its first line", lines[1:]),
        ("without its last line", lines[:-1]),
        ("without its first and last line", lines[1:-1]),
    ):
        text = "\n".join(kept).strip()
        yield name, text
        yield f"{name} and asterisks", text.replace("*", "")
