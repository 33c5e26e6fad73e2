"""Between rows and servers: rows as tasks, and what becomes of them as events of one request."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aligntui.core.turn import Finish
from aligntui.engine.servers.answer import ServerAnswer
from aligntui.engine.servers.events import RowBroken, RowRefused, ServedAnswer, ServerEvent, ServerGivenUp
from aligntui.engine.servers.faults import QuestionRefused
from aligntui.engine.servers.sharing import Crew, Ears, Task
from aligntui.wire.engine import AnswerFinished, AnswerStarted, GenerationFinished, Row, StartGeneration
from aligntui.workbench.engine_link import AnswerEvent
from aligntui.workbench.generation.served import conditions_of, question_of, side_of, whole_record


class Telling:
    """From what happens among the servers to the events of one request.

    Args:
        generation: the request.
        base: name of the base, for servers that have none of it.
        sink: told of everything.
    """

    def __init__(
        self, generation: StartGeneration, base: str, sink: Callable[[AnswerEvent | ServerEvent], None]
    ) -> None:
        self.tell = sink
        self.retries = 0
        """How often the servers had been asked again before this request."""
        self._request = generation.request
        self._base = base
        self._rows = {row.row: row for row in generation.rows}
        self._begun: set[str] = set()
        """Rows that are asked and have no end yet."""
        self._tokens = 0
        self.ears = Ears(self._started, self._answered, self._refused, self._broken, self._lost)

    def _started(self, task: Task, crew: Crew) -> None:
        if task.key not in self._begun:
            self._begun.add(task.key)
            conditions = conditions_of(self._rows[task.key], crew.offer, self._base)
            self.tell(AnswerStarted(self._request, task.key, conditions.as_dict(), 0))

    def _answered(self, task: Task, crew: Crew, answer: ServerAnswer) -> None:
        self._begun.discard(task.key)
        self._tokens += answer.tokens
        kept = whole_record(answer)
        self.tell(
            ServedAnswer(
                self._request,
                task.key,
                kept.text,
                kept.token_ids,
                kept.logprobs,
                kept.finish.value,
                kept.prompt_tokens,
                0.0,
                0.0,
                server=crew.offer.address.url,
                conditions=conditions_of(self._rows[task.key], crew.offer, self._base, answer).as_dict(),
                tokens=kept.tokens,
            )
        )

    def _refused(self, task: Task, crew: Crew, refusal: QuestionRefused) -> None:
        self._begun.discard(task.key)
        self.tell(RowRefused(self._request, task.key, refusal.message, refusal.hint))

    def _broken(self, task: Task) -> None:
        self._begun.discard(task.key)
        self.tell(RowBroken(self._request, task.key, task.problem))

    def _lost(self, crew: Crew) -> None:
        self.tell(ServerGivenUp(self._request, crew.offer.address.url, crew.lost))

    def finished(self, crews: Sequence[Crew]) -> GenerationFinished:
        """The last event, with who answered how much. How long a server decoded it does not tell."""
        shares = ", ".join(f"{crew.offer.address.name} {crew.answered:,}" for crew in crews if crew.answered)
        again = sum(crew.client.retries for crew in crews) - self.retries
        path = f"answers of servers: {shares or 'none'}" + (f"; asked again {again:,} times" if again else "")
        return GenerationFinished(self._request, self._tokens, 0.0, 0.0, path)

    def cancelled(self, crews: Sequence[Crew]) -> GenerationFinished:
        """The last event after a stop; rows that were asked are told as cancelled ones first."""
        for row in sorted(self._begun):
            self.tell(_without_answer(self._request, row, Finish.CANCELLED))
        return self.finished(crews)


def task_of(row: Row) -> Task:
    """Rows that differ in their side alone are of one group."""
    group = (row.history, row.instruction, row.mode, row.seed)
    return Task(row.row, side_of(row), lambda offer: question_of(row, offer), group)


def _without_answer(request: str, row: str, finish: Finish) -> AnswerFinished:
    return AnswerFinished(request, row, "", (), (), finish.value, 0, 0.0, 0.0)


def tell_plainly(event: AnswerEvent | ServerEvent, tell: Callable[[AnswerEvent], None]) -> None:
    """Tell an event to one who knows those of the local engine alone."""
    if isinstance(event, RowRefused | RowBroken):
        tell(_without_answer(event.request, event.row, Finish.FAILED))
    elif not isinstance(event, ServerGivenUp):
        tell(event)
