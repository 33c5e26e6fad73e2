"""Work among servers: every question has one end, whoever answers, dies or refuses on the way."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from aligntui.core.errors import EnvironmentProblem
from aligntui.core.prompt_format import Message
from aligntui.core.sampling import Sampling
from aligntui.engine.servers.address import ServerWish, parse_server
from aligntui.engine.servers.client import ServerClient
from aligntui.engine.servers.offer import look_at
from aligntui.engine.servers.patience import Patience
from aligntui.engine.servers.question import Question
from aligntui.engine.servers.sharing import STRIKES, Crew, Ears, Sharing, Task
from tests.openai_server import Manners, OpenAIServer

QUICK = Patience(attempts=2, first_s=0.01, most_s=0.02, connect_s=2.0)
SHORT = Sampling(0.0, 1.0, 2)


@dataclass
class Heard:
    """What was told."""

    started: Counter[str] = field(default_factory=Counter)
    ends: dict[str, list[str]] = field(default_factory=dict)
    """For each question what became of it: a server's name, refused or broken."""
    lost: list[str] = field(default_factory=list)

    @property
    def ears(self) -> Ears:
        def end(task: Task, word: str) -> None:
            assert self.started[task.key] or word == "broken", "an end without a beginning"
            self.ends.setdefault(task.key, []).append(word)

        return Ears(
            lambda task, crew: self.started.update([task.key]),
            lambda task, crew, answer: end(task, crew.offer.address.name),
            lambda task, crew, refusal: end(task, "refused"),
            lambda task: end(task, "broken"),
            lambda crew: self.lost.append(crew.offer.address.name),
        )


@asynccontextmanager
async def crews_of(*servers: OpenAIServer) -> AsyncIterator[list[Crew]]:
    clients = [ServerClient(parse_server(server.url), timeout_s=20.0, patience=QUICK) for server in servers]
    try:
        wish = ServerWish(tuple(client.address for client in clients))
        yield [Crew(await look_at(client, wish), client) for client in clients]
    finally:
        for client in clients:
            await client.close()


def tasks_over(prompts: Sequence[str], sides: Sequence[str] = ("base",)) -> list[Task]:
    def asking(text: str):
        return lambda offer: Question((Message("user", text),), SHORT)

    return [Task(f"{text}|{side}", side, asking(text), text) for text in prompts for side in sides]


def name(server: OpenAIServer) -> str:
    return parse_server(server.url).name


async def test_every_question_is_answered_once() -> None:
    heard = Heard()
    with OpenAIServer() as one, OpenAIServer() as other:
        async with crews_of(one, other) as crews:
            tasks = tasks_over([f"Q{n}" for n in range(12)], ("base", "tiny-demo"))
            await Sharing(crews, tasks, 2, heard.ears).run()
    assert set(heard.started.values()) == {1} and all(len(ends) == 1 for ends in heard.ends.values())
    assert sum(crew.answered for crew in crews) == len(heard.ends) == 24
    for number in range(12):
        assert heard.ends[f"Q{number}|base"] == heard.ends[f"Q{number}|tiny-demo"], "one server for both"


async def test_nothing_to_ask() -> None:
    with OpenAIServer() as server:
        async with crews_of(server) as crews:
            await Sharing(crews, [], 4, Heard().ears).run()
            assert len(server.questions()) == 0


async def test_a_server_without_answers_is_given_up_and_its_questions_answered_by_others() -> None:
    heard = Heard()
    with OpenAIServer() as steady, OpenAIServer() as broken:
        async with crews_of(steady, broken) as crews:
            broken.manners.fail = 999
            steady.manners.delay_s = 0.15
            await Sharing(crews, tasks_over([f"Q{n}" for n in range(10)]), 1, heard.ears).run()
    assert {ends[0] for ends in heard.ends.values()} == {name(steady)} and len(heard.ends) == 10
    assert heard.lost == [name(broken)] and "HTTP 500" in crews[1].lost
    assert len(broken.questions()) == STRIKES * QUICK.attempts


async def test_a_question_that_brings_every_server_down_is_broken_and_the_rest_answered() -> None:
    heard = Heard()
    with OpenAIServer() as one, OpenAIServer() as other:
        async with crews_of(one, other) as crews:
            one.manners.fail_on = other.manners.fail_on = "poison"
            tasks = tasks_over(["Q0", "poison", "Q1", "Q2", "Q3"])
            await Sharing(crews, tasks, 2, heard.ears).run()
    assert heard.ends.pop("poison|base") == ["broken"] and heard.started["poison|base"] == 2
    assert "HTTP 500" in tasks[1].problem and not heard.lost
    assert {ends[0] for ends in heard.ends.values()} <= {name(one), name(other)} and len(heard.ends) == 4


async def test_a_side_whose_only_server_is_lost_is_broken_while_others_go_on() -> None:
    heard = Heard()
    with OpenAIServer(Manners(["tiny"])) as base, OpenAIServer() as both:
        async with crews_of(base, both) as crews:
            both.manners.key = "changed"
            await Sharing(crews, tasks_over(["Q0", "Q1"], ("base", "tiny-demo")), 1, heard.ears).run()
    assert heard.lost == [name(both)] and "wants a key" in crews[1].lost
    assert {key: ends[0] for key, ends in heard.ends.items() if key.endswith("base")} == {
        "Q0|base": name(base),
        "Q1|base": name(base),
    }
    assert heard.ends.get("Q0|tiny-demo") == heard.ends.get("Q1|tiny-demo") == ["broken"]


async def test_when_all_are_lost_it_says_why() -> None:
    heard = Heard()
    with OpenAIServer() as one, OpenAIServer() as other:
        async with crews_of(one, other) as crews:
            one.manners.key = other.manners.key = "changed"
            with pytest.raises(EnvironmentProblem, match="No server is left for 4 of the questions") as failed:
                await Sharing(crews, tasks_over([f"Q{n}" for n in range(4)]), 2, heard.ears).run()
    assert name(one) in failed.value.message and name(other) in failed.value.message
    assert not heard.ends and sorted(heard.lost) == sorted([name(one), name(other)])


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_goes_wrong_every_question_has_one_end(seed: int) -> None:
    draw = random.Random(seed)
    heard = Heard()
    servers = [OpenAIServer(), OpenAIServer(Manners(["tiny"])), OpenAIServer()]
    with servers[0], servers[1], servers[2]:
        async with crews_of(*servers) as crews:
            for server in servers:
                server.manners.busy, server.manners.drop = draw.randrange(3), draw.randrange(3)
                server.manners.fail, server.manners.cut = draw.randrange(4), draw.randrange(2)
                server.manners.fail_on = draw.choice(["", "Q3", "Q7"])
                server.manners.context = draw.choice([0, 60])
            servers[2].manners.die_after = servers[2].answered + draw.randrange(1, 8)
            tasks = tasks_over([f"Q{n}" for n in range(9)] + ["long " * 20], ("base", "tiny-demo"))
            draw.shuffle(tasks)
            work = Sharing(crews, tasks, draw.randrange(1, 5), heard.ears)
            try:
                await work.run()
            except EnvironmentProblem:
                assert sorted(heard.lost) == sorted(map(name, servers))
            else:
                assert len(heard.ends) == len(tasks)
    assert all(len(ends) == 1 for ends in heard.ends.values())
