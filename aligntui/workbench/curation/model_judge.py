"""A model as judge: which of two answers it finds the likelier one to name, asked in both orders.

The judge reads prompt, instruction and both answers and is to name one letter. Not what it writes counts but how probable
the two letters are, so that a small model that would rather chat is measured too. It is asked twice, with the
answers exchanged; a judge that follows the place and not the text disagrees with itself, and `judge_agreement` says how
often. Its verdicts are those of an annotator named `judge:SIDE`; they are never trained on unless asked for by that name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aligntui.core.errors import UserError
from aligntui.core.ids import new_id, now_utc
from aligntui.core.pair import Pair, Verdict
from aligntui.data.token_count import TokenCounter
from aligntui.wire.engine import AdapterRef, MeasureGap, Row
from aligntui.workbench.chat import Chat
from aligntui.workbench.chat_state import Column
from aligntui.workbench.curation.settled import JUDGE

if TYPE_CHECKING:
    from aligntui.store import PairDetail, PairFilter

QUESTION = """\
Two assistants answered the same user. Compare the answers and say which one is better: more helpful, more correct, and \
closer to the instruction where there is one.

{instruction}[User]
{prompt}

[Answer A]
{first}

[Answer B]
{second}

Which answer is better? Reply with one letter, A or B."""
LETTERS = ("A", "B")


@dataclass
class JudgeProgress:
    """How far a run has come."""

    pairs: int
    done: int = 0
    passed: int = 0
    """Pairs that could not be asked: too long, an example, or judged by this judge before."""


class ModelJudge:
    """Asks one side of a chat's engine.

    Args:
        chat: whose engine and database.
        column: the base, or an adapter at a strength.
        counter: tokenizer of the base, for the ids of the two letters.

    Raises:
        UserError: a letter is more than one token.
    """

    def __init__(self, chat: Chat, column: Column, counter: TokenCounter) -> None:
        self.chat = chat
        self.column = column
        self.annotator = JUDGE + column.label
        self._letters = tuple(counter.ids(letter) for letter in LETTERS)
        if any(len(ids) != 1 for ids in self._letters):
            raise UserError(f"The tokenizer of {counter.name} has no single tokens for A and B.", "Take another judge.")
        self._stopped = False

    def stop(self) -> None:
        """End after the pair at hand; verdicts that are stored stay."""
        self._stopped = True

    async def run(
        self, filter: PairFilter, most: int | None, on_progress: Callable[[JudgeProgress], None]
    ) -> JudgeProgress:
        """Judge pairs that somebody decided, newest first, each in both orders.

        Args:
            filter: which pairs.
            most: at most so many; None for all.
            on_progress: told after every pair.

        Raises:
            UserError: a time in the filter cannot be read.
            EngineError: the engine is not ready or went away; what was judged stays.
            StoreError: the database cannot be read or written.
        """
        ids = await self.chat.store.run(lambda store: store.pair_ids(filter))
        progress = JudgeProgress(len(ids) if most is None else min(most, len(ids)))
        for pair_id in ids[: progress.pairs]:
            if self._stopped:
                break
            detail = await self.chat.store.run(lambda store, one=pair_id: store.pair_detail(one))
            judged_by_model = detail.pair.annotator.startswith(JUDGE)
            if detail.right is None or judged_by_model or await self._known(detail) or not await self._judge(detail):
                progress.passed += 1
            else:
                progress.done += 1
            on_progress(progress)
        return progress

    async def _known(self, detail: PairDetail) -> bool:
        both = {detail.pair.left_id, detail.pair.right_id}
        pairs = await self.chat.store.run(lambda store: store.pairs_of([detail.pair.left_id]))
        return any(one.annotator == self.annotator and {one.left_id, one.right_id} == both for one in pairs)

    async def _judge(self, detail: PairDetail) -> bool:
        """Ask in both orders; False where the model's context does not hold the question."""
        assert detail.right is not None, "examples are passed over"
        texts = {detail.left.id: _side(detail.left_messages), detail.right.id: _side(detail.right_messages or ())}
        verdicts: list[Pair] = []
        for turned in (False, True):
            left, right = (detail.right, detail.left) if turned else (detail.left, detail.right)
            try:
                first, second = await self._log_probabilities(detail, texts[left.id], texts[right.id])
            except UserError:  # longer than the context
                return False
            verdict = Verdict.LEFT if first > second else Verdict.RIGHT if second > first else Verdict.TIE
            verdicts.append(
                Pair(
                    id=new_id("pair"),
                    session_id=detail.pair.session_id,
                    left_id=left.id,
                    right_id=right.id,
                    verdict=verdict,
                    scope=detail.pair.scope,
                    blind=True,
                    shuffled=turned,
                    annotator=self.annotator,
                    created_at=now_utc(),
                    reason=f"log P(A) {first:.2f}, log P(B) {second:.2f}",
                    tags=("model-judge",),
                )
            )
        await self.chat.store.run(lambda store: [store.add_pair(verdict) for verdict in verdicts])
        return True

    async def _log_probabilities(self, detail: PairDetail, first: str, second: str) -> tuple[float, float]:
        """Log-probability of each letter as the first token of the reply, nats."""
        conditions = detail.left.conditions
        instruction = conditions.instruction.strip() if conditions.mode != "none" else ""
        question = QUESTION.format(
            instruction=f"[Instruction]\n{instruction}\n\n" if instruction else "",
            prompt="\n\n".join(message.content for message in detail.prompt if message.role == "user"),
            first=first,
            second=second,
        )
        adapter, strength = self.column.adapter or AdapterRef("", ""), self.column.strength
        found: list[float] = []
        for ids in self._letters:
            row = Row(
                row=new_id("judge"),
                history=(("user", question),),
                instruction="",
                mode="none",
                injection_every=1,
                adapter=adapter if self.column.adapter else None,
                strength=strength,
            )
            assert self.chat.engine is not None, "a judge has an engine"
            gap = await self.chat.engine.measure(MeasureGap(new_id("gap"), row, tuple(ids)))
            found.append((gap.adapter_logprobs if self.column.adapter else gap.base_logprobs)[0])
        return found[0], found[1]


def _side(messages: Sequence) -> str:
    return "\n\n".join(message.content for message in messages)
