"""Judging one pair of answers after another: proposals, a hidden share of pairs asked again, and how long it will take.

Sides are unnamed and stand in an order drawn by lot. A repeat looks like any other: it is asked when enough others came
in between, with the order drawn anew, and its verdict measures the annotator; it never counts as training data.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING

from aligntui.core.errors import UserError
from aligntui.core.ids import new_id, now_utc
from aligntui.core.pair import Pair, Scope, Verdict
from aligntui.core.turn import Answer
from aligntui.score.verdicts.contrast import Sampled, propose_pairs
from aligntui.score.verdicts.judgement import Judgement, Shown
from aligntui.workbench.curation.statistics import OfAnnotator, judgement_of, of_annotator
from aligntui.workbench.store_thread import StoreThread

if TYPE_CHECKING:
    from aligntui.core.prompt_format import Message
    from aligntui.store import QueueItem, QueueWish, Store

REPEAT_SHARE = 0.1
"""Share of what is asked that was asked before; at 0.1 a hundred verdicts give ten repeats."""
BETWEEN = 10
"""Verdicts that come between a pair and its repeat, so that it is judged and not remembered."""
PACE_OVER = 20
"""The remaining time is told from so many of the last verdicts."""
LONGEST_S = 300.0
"""A verdict that took longer was a pause, and does not count for the pace."""


@dataclass(frozen=True)
class Task:
    """Two answers to be judged, as they are to be shown."""

    left: Answer
    right: Answer
    prompt: tuple[Message, ...]
    item: QueueItem | None
    """The item of the queue; None for a hidden repeat."""
    repeat_of: str | None
    shuffled: bool


@dataclass
class Progress:
    """How far a sitting has come."""

    judged: int = 0
    left: int = 0
    paces: list[float] = field(default_factory=list)

    @property
    def remaining_s(self) -> float | None:
        """Seconds that what is left will take at the pace of the last verdicts; None before there is one."""
        return median(self.paces[-PACE_OVER:]) * self.left if self.paces else None


class JudgingSession:
    """One sitting of one annotator.

    Args:
        store: of the workspace.
        annotator: who judges.
        repeat_share: 0 to below 1; how many of the tasks are repeats.
        seed: of the order and of the repeats; None takes one by chance.
    """

    def __init__(
        self, store: StoreThread, annotator: str, repeat_share: float = REPEAT_SHARE, seed: int | None = None
    ) -> None:
        if not 0 <= repeat_share < 1:
            raise UserError(f"The share of repeats is 0 to below 1, not {repeat_share}.")
        self.store = store
        self.annotator = annotator
        self.repeat_share = repeat_share
        self.progress = Progress()
        self.task: Task | None = None
        self._random = random.Random(seed) if seed is not None else random.SystemRandom()
        self._given: list[tuple[str, Task]] = []
        self._judgements: dict[str, Judgement] = {}
        self._began = 0.0

    async def load(self) -> None:
        """Read the annotator's earlier verdicts, for `leaning`."""
        from aligntui.store import PairFilter

        wanted = PairFilter(annotator=self.annotator)
        rows = await self.store.run(lambda store: list(store.judgements(wanted)))
        self._judgements = {row.id: judgement_of(row) for row in rows if row.left_side and row.right_side}

    def leaning(self) -> OfAnnotator:
        """What the annotator's verdicts lean to besides the answers, those of this sitting included."""
        return of_annotator(self.annotator, list(self._judgements.values()))

    async def count(self) -> None:
        """Count again what is left."""
        self.progress.left = await self.store.run(self._left)

    async def next(self) -> Task | None:
        """The next task; None when the queue is empty.

        Raises:
            StoreError: the database cannot be read.
        """
        repeat = self._random.random() < self.repeat_share
        self.task = await self.store.run(lambda store: self._pick(store, repeat))
        await self.count()
        self._began = time.monotonic()
        return self.task

    async def judge(self, verdict: Verdict, reason: str = "", tags: Sequence[str] = ()) -> Pair:
        """Store a verdict over the task at hand.

        Raises:
            UserError: there is no task, or the verdict cannot be given over these answers.
            StoreError: it could not be stored; the task stays.
        """
        task = self.task
        if task is None:
            raise UserError("There is nothing to judge.", "Propose pairs, or mark some and put them into the queue.")
        pair = Pair(
            id=new_id("pair"),
            session_id=task.left.session_id,
            left_id=task.left.id,
            right_id=task.right.id,
            verdict=verdict,
            scope=Scope.ANSWER,
            blind=True,
            shuffled=task.shuffled,
            annotator=self.annotator,
            created_at=now_utc(),
            reason=reason,
            tags=tuple(tags),
            repeat_of=task.repeat_of,
        )
        stored = await self.store.run(lambda store: self._write(store, task, pair))
        pace = time.monotonic() - self._began
        if pace < LONGEST_S:
            self.progress.paces.append(pace)
        self.progress.judged += 1
        self._given.append((stored.id, task))
        self._judgements[stored.id] = _judgement(stored, task)
        self.task = None
        return stored

    async def undo(self) -> Task:
        """Take the last verdict of this sitting back and show its task again.

        Raises:
            UserError: there is none.
        """
        if not self._given:
            raise UserError("There is nothing to undo in this sitting.")
        pair_id, task = self._given[-1]

        def take_back(store: Store) -> None:
            store.undo_pair(pair_id, self.annotator)
            if task.item is not None:
                store.reopen_queue_item(task.item.id)

        await self.store.run(take_back)
        self._given.pop()
        self._judgements.pop(pair_id, None)
        self.progress.judged -= 1
        await self.count()
        self.task = task
        self._began = time.monotonic()
        return task

    # inner --------------------------------------------------------------------------------------------

    def _pick(self, store: Store, repeat: bool) -> Task | None:
        if repeat and (again := self._again(store)) is not None:
            return again
        while (item := store.next_queue_item(self.annotator)) is not None:
            left, right = store.get_answer(item.left_id), store.get_answer(item.right_id)
            return self._task(store, left, right, item, item.repeat_of)
        return None

    def _again(self, store: Store) -> Task | None:
        """A verdict of this sitting that is far enough back and was not asked again."""
        asked = {task.repeat_of for _, task in self._given}
        old = [
            (pair_id, task)
            for pair_id, task in self._given[:-BETWEEN]
            if task.repeat_of is None and pair_id not in asked
        ]
        if not old:
            return None
        pair_id, task = self._random.choice(old)
        if store.get_pair(pair_id).undone:
            return None
        return self._task(store, task.left, task.right, None, pair_id)

    def _task(self, store: Store, left: Answer, right: Answer, item: QueueItem | None, repeat_of: str | None) -> Task:
        turned = self._random.random() < 0.5
        first, second = (right, left) if turned else (left, right)
        prompt = tuple(store.messages_of(left.parent_id))
        return Task(first, second, prompt, item, repeat_of, first.column > second.column)

    def _write(self, store: Store, task: Task, pair: Pair) -> Pair:
        scoped = replace(pair, scope=store.scope_of(task.left.id, task.right.id))
        if task.item is not None:
            return store.judge_queue_item(task.item.id, scoped)
        return store.add_pair(scoped)

    def _left(self, store: Store) -> int:
        from aligntui.store import QueueState

        counts = store.queue_counts(self.annotator)
        return sum(count for (_, state), count in counts.items() if state is QueueState.OPEN)


def _judgement(pair: Pair, task: Task) -> Judgement:
    """A verdict just given, as the statistics take it."""
    left, right = (
        Shown(answer.id, answer.side, answer.instruction_label, len(answer.text), len(answer.token_ids) or None)
        for answer in (task.left, task.right)
    )
    return Judgement(
        id=pair.id,
        left=left,
        right=right,
        verdict=pair.verdict,
        annotator=pair.annotator,
        at=pair.created_at,
        prompt=task.prompt[-1].content,
        session=pair.session_id,
        blind=True,
        repeat_of=pair.repeat_of,
    )


def propose(store: Store, exchange_ids: Sequence[str], annotator: str = "", per_prompt: int | None = None) -> int:
    """Put the pairs of sampled answers that differ most into the queue, prompt after prompt.

    Args:
        store: of the workspace.
        exchange_ids: prompts that were sampled.
        annotator: who is to judge; empty for anyone.
        per_prompt: at most so many of each prompt; None for as many as bring every answer in once.

    Returns:
        How many were added.
    """
    from aligntui.store import QueueWish

    wishes: list[QueueWish] = []
    for exchange_id in exchange_ids:
        answers = [answer for take in store.takes_of(exchange_id) for answer in take.answers]
        sampled = [Sampled(answer.id, answer.side, answer.text) for answer in answers]
        wishes += [
            QueueWish(found.first, found.second, annotator=annotator, score=found.contrast)
            for found in propose_pairs(sampled, per_prompt).pairs
        ]
    return len(store.add_queue_items(wishes))


def enqueue(store: Store, pair_ids: Sequence[str], annotator: str) -> int:
    """Put existing pairs into the queue, to be judged by this annotator; examples are passed over.

    The annotator's own verdicts are asked again as repeats, which measure; those of others and of files are judged afresh.
    """
    from aligntui.store import QueueKind, QueueWish

    wishes: list[QueueWish] = []
    for pair in map(store.get_pair, pair_ids):
        if pair.right_id is None or pair.repeat_of is not None:
            continue
        own = pair.annotator == annotator
        kind, repeat_of = (QueueKind.REPEAT, pair.id) if own else (QueueKind.PROPOSED, None)
        wishes.append(QueueWish(pair.left_id, pair.right_id, kind, repeat_of, annotator))
    return len(store.add_queue_items(wishes))
