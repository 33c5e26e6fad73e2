"""IFEval as a suite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from aligntui.score.ifeval.prompts import COLUMNS, Prompt, parse_prompts
from aligntui.score.ifeval.registry import CHECKERS
from aligntui.score.ifeval.scoring import Scored, score_answer
from aligntui.score.ifeval.tiers import NO_COMMA, tier_of
from aligntui.score.suites.suite import Item, Marks, Part, Suite, in_order

Row = Mapping[str, Any]


@dataclass(frozen=True)
class IFEval(Suite):
    """Prompts with instructions that a program can check; made by `ifeval_suite`."""

    prompts: Mapping[str, Prompt] = field(default_factory=dict, repr=False)
    """By the id of their item."""
    rows: Mapping[str, Row] = field(default_factory=dict, repr=False)
    """As they stood in the file, by the id of their item."""

    name: ClassVar[str] = "ifeval"
    title: ClassVar[str] = "IFEval"
    part_noun: ClassVar[str] = "instruction"
    category_noun: ClassVar[str] = "instruction type"
    has_loose: ClassVar[bool] = True
    headline: ClassVar[str] = "prompt level, strict"

    @cached_property
    def categories(self) -> tuple[str, ...]:
        """Instruction types that occur, in the order of the registry."""
        return in_order(CHECKERS, (category for item in self.items for category in item.categories))

    def tier_of(self, category: str) -> str:
        """`T1`, `T2` or `T3`."""
        return str(tier_of(category))

    def is_adjusted(self, item: Item) -> bool:
        """Prompts that forbid commas leave the adjusted rates."""
        return NO_COMMA not in item.categories

    def judge(self, item: Item, answer: str) -> Marks:
        """Strict and loose verdicts, as the reference gives them."""
        scored = score_answer(self.prompts[item.id], answer)
        parts = zip(item.categories, scored.strict, scored.loose, strict=True)
        return Marks(tuple(Part(*part) for part in parts), scored.is_empty)

    def reasons(self, item: Item, answer: str) -> tuple[str, ...]:
        """Why each instruction failed strictly, and what the loose reading left out where it passed there."""
        scored = score_answer(self.prompts[item.id], answer)
        return tuple(
            "" if reason is None else f"{reason}{f'; passes {loosened}' if loosened else ''}"
            for reason, loosened in zip(scored.reasons(), _loosened(scored), strict=True)
        )

    def records(self) -> list[dict[str, Any]]:
        """Rows in the shape of `google/IFEval`."""
        return [{name: self.rows[item.id][name] for name in COLUMNS} for item in self.items]


def ifeval_suite(rows: Iterable[tuple[str, Row]], source: str, total: int | None = None) -> IFEval:
    """The suite from rows in the shape of `google/IFEval`.

    Args:
        rows: where each stands, for errors, and its columns.
        source: name of the whole.
        total: prompts of the whole suite, where these are some of it.

    Raises:
        UserError: there is no row, or one is no prompt; says where.
    """
    rows = list(rows)
    prompts = parse_prompts(rows, source)
    items = tuple(Item(str(one.key), one.prompt, one.instructions, one.key) for one in prompts)
    ids = [item.id for item in items]
    return IFEval(
        items,
        len(items) if total is None else total,
        source,
        dict(zip(ids, prompts, strict=True)),
        {id_: _plain(row) for id_, (_, row) in zip(ids, rows, strict=True)},
    )


def _plain(row: Row) -> dict[str, Any]:
    """A row without what an export to columns adds: arguments that are not given."""
    kwargs = [{name: value for name, value in given.items() if value is not None} for given in row["kwargs"]]
    return {**{name: row[name] for name in COLUMNS}, "kwargs": kwargs}


def _loosened(scored: Scored) -> tuple[str | None, ...]:
    return scored.loosened()
