"""Runs filled by servers: the same answers as here, honest records, and work that is shared out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from aligntui.core.conditions import unintended
from aligntui.core.errors import EngineError, UserError
from aligntui.core.generation import RunKind
from aligntui.core.prompt_format import Mode
from aligntui.core.turn import Answer
from aligntui.engine.client import EngineClient
from aligntui.engine.servers.address import Api
from aligntui.engine.servers.faults import ServerLost
from aligntui.wire.engine import AdapterRef
from aligntui.workbench.engine_link import EngineLink, ModelWish
from aligntui.workbench.generation.cells import Asking, Cell, Side
from aligntui.workbench.generation.filling import Filler
from aligntui.workbench.generation.server_link import ServerLink
from aligntui.workbench.store_thread import StoreThread
from tests.openai_server import Manners, OpenAIServer
from tests.served_voice import Voice, tiny_folders
from tests.workbench.served_runs import GREEDY, NO_SERVER, PROMPTS, QUICK, Served, opened, two_servers, wish_for
from tests.workbench.switch_bench import ROOT, cells_over

# the same answers as here -----------------------------------------------------------------------


async def local_answers(folder: Path, cells: Sequence[Cell], model: str, adapter: AdapterRef) -> dict[str, Answer]:
    link = EngineLink(
        ModelWish(model, dtype="float32", device="cpu", threads=1),
        lambda on_event: EngineClient(on_event, log_directory=folder / "log"),
        lambda: None,
        lambda event: None,
    )
    store = StoreThread(folder / "local.db")
    try:
        await link.start()
        sides = (Side("base"), Side("tiny-demo", adapter, (await link.inspect(adapter)).sha256))
        run = await store.run(lambda store: store.begin_run(RunKind.SCORE, "run", {}, len(cells)))
        await Filler(store, link, lambda event: None).fill(run, cells, sides, GREEDY)
        return await store.run(lambda store: dict(store.run_answers(run)))
    finally:
        await link.close()
        await store.close()


async def check_equal(folder: Path, cells: Sequence[Cell], server: OpenAIServer, model: str, adapter: Path) -> None:
    """Hold a server's answers against those of the engine, in float32."""
    async with opened(folder, server) as bench:
        run = await bench.begin(cells)
        assert (await bench.fill(run, cells)).left == 0
        served = await bench.answers(run)
    local = await local_answers(folder, cells, model, AdapterRef("tiny-demo", str(adapter)))
    assert {key: answer.text for key, answer in served.items()} == {key: a.text for key, a in local.items()}
    assert len({answer.text for answer in served.values()}) > len(cells) // 2, "the model tells prompts apart"
    for key, answer in served.items():
        own = local[key]
        assert (answer.finish, answer.token_ids, answer.prompt_tokens) == (own.finish, own.token_ids, own.prompt_tokens)
        assert answer.logprobs == pytest.approx(own.logprobs, abs=1e-4)
        assert unintended(answer.conditions, own.conditions).keys() >= {"engine", "weights_sha256", "dtype"}


async def test_greedy_answers_are_those_of_the_local_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base, adapter = tiny_folders()
    monkeypatch.setenv("ALIGNTUI_CACHE", str(tmp_path / "cache"))
    cells = cells_over([*PROMPTS, "Ünïcödé, 漢字?"], ["Be brief.", ""])
    with OpenAIServer() as server:
        await check_equal(tmp_path, cells, server, str(base), adapter)


@pytest.mark.real_model
async def test_greedy_answers_of_the_embedded_model_are_those_of_the_local_engine(tmp_path: Path) -> None:
    demo = ROOT / "adapters" / "demo"
    cells = cells_over(["Name the capital of Norway.", "Why do cats purr?"], ["Answer in one word."])
    with OpenAIServer(voice=Voice("embedded", {"tiny-demo": demo})) as server:
        await check_equal(tmp_path, cells, server, "embedded", demo)


# records ----------------------------------------------------------------------------------------


async def test_every_cell_is_filled_by_its_side_with_what_is_known_of_it(tmp_path: Path) -> None:
    with OpenAIServer(Manners(fingerprint="fp_1")) as server:
        async with opened(tmp_path, server) as bench:
            cells = cells_over(PROMPTS)
            run = await bench.begin(cells)
            progress = await bench.fill(run, cells)
            answers = await bench.answers(run)
            assert (progress.done, progress.made, progress.left, progress.missing) == (16, 16, 0, ())
            assert progress.tokens == sum(len(answer.token_ids) for answer in answers.values()) > 0
            assert server.url.split("/")[2] in progress.paths[0]
            for cell in cells:
                answer, known = answers[cell.key], answers[cell.key].conditions
                assert answer.side == ("base", "tiny-demo")[cell.side] and answer.column == cell.side
                assert known.instruction == cell.instruction.text and known.mode == "system"
                assert known.model == "tiny" and known.weights_sha256 == "unknown:tiny"
                assert known.engine == f"server:{server.url.split('/')[2]}"
                assert (known.dtype, known.device, known.template_sha256, known.rendered_prompt) == (
                    "unknown",
                    "unknown",
                    "unknown",
                    "",
                )
                assert known.versions == {"url": server.url, "software": "vllm", "system_fingerprint": "fp_1"}
                assert known.adapter_sha256 == (None, "unknown:tiny-demo")[cell.side]
                assert len(answer.logprobs) == len(answer.token_ids) > 0
            base, demo = answers["0|0|0|0"], answers["0|0|1|0"]
            assert not unintended(base.conditions, demo.conditions) and base.take_id == demo.take_id
            assert not (await bench.store.run(lambda store: store.verify()))
            again = await bench.fill(run, cells)
            assert (again.made, again.done) == (0, 16) and len(server.questions()) == 16


async def test_what_the_server_does_not_tell_is_not_made_up(tmp_path: Path) -> None:
    with OpenAIServer(Manners(fields={"seed"})) as server:
        async with opened(tmp_path, server) as bench:
            cells = cells_over(PROMPTS[:1], sides=1)
            run = await bench.begin(cells)
            progress = await bench.fill(run, cells)
            for answer in (await bench.answers(run)).values():
                assert answer.text and answer.token_ids == () and answer.logprobs == ()
                assert answer.conditions.versions["servers_own"] == "min_p, repetition_penalty, top_k"
            assert progress.tokens == 20, "counted by the server"
            assert any("top_k" in warning for warning in bench.link.state.model.warnings)  # type: ignore[union-attr]


async def test_log_probs_without_token_ids_are_not_kept(tmp_path: Path) -> None:
    with OpenAIServer(Manners(ids=False)) as server:
        async with opened(tmp_path, server) as bench:
            cells = cells_over(PROMPTS[:1], sides=1)
            run = await bench.begin(cells)
            await bench.fill(run, cells)
            assert all((a.token_ids, a.logprobs) == ((), ()) for a in (await bench.answers(run)).values())
            assert not (await bench.store.run(lambda store: store.verify()))


async def test_instructions_stand_where_the_mode_says(tmp_path: Path) -> None:
    with OpenAIServer() as server, OpenAIServer(Manners(system=False)) as without:
        cells = cells_over(["Why?"], ["Be brief."], sides=1)

        async def asked(bench: Served, asking: Asking) -> list[dict[str, str]]:
            await bench.fill(await bench.begin(cells), cells, asking)
            return (server if bench.link.offers[0].dialect.system_slot else without).questions()[-1]["messages"]

        user = {"role": "user", "content": "Be brief.\n\nWhy?"}
        async with opened(tmp_path, server) as bench:
            assert await asked(bench, GREEDY) == [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Why?"},
            ]
            block = "### Alignment Instruction:\nBe brief.\n\n### User Prompt:\nWhy?"
            assert await asked(bench, replace(GREEDY, mode=Mode.ITA)) == [{"role": "user", "content": block}]
            assert await asked(bench, replace(GREEDY, mode=Mode.INJECTION)) == [user]
            assert await asked(bench, replace(GREEDY, mode=Mode.NONE)) == [{"role": "user", "content": "Why?"}]
        async with opened(tmp_path / "b", without) as bench:
            assert await asked(bench, GREEDY) == [user]


async def test_plain_completions_are_recorded_with_the_text_that_was_sent(tmp_path: Path) -> None:
    with OpenAIServer() as server:
        async with opened(tmp_path, server, api=Api.PLAIN) as bench:
            cells = cells_over(["Once upon"], [""], sides=1)
            run = await bench.begin(cells)
            await bench.fill(run, cells)
            (answer,) = (await bench.answers(run)).values()
            assert server.questions()[-1]["prompt"] == answer.conditions.rendered_prompt == "Once upon"
            assert len(answer.conditions.template_sha256) == 64
            assert len(answer.logprobs) == len(answer.token_ids) == 10


async def test_what_a_model_writes_is_kept_as_it_came(tmp_path: Path) -> None:
    with OpenAIServer() as server:
        async with opened(tmp_path, server) as bench:
            server.manners.text = "\x1b]52;c;aGk=\x07\u202e bold \x00 half \ud800 end"
            cells = cells_over(PROMPTS[:1], [""], sides=1)
            run = await bench.begin(cells)
            await bench.fill(run, cells)
            (answer,) = (await bench.answers(run)).values()
            assert answer.text == "\x1b]52;c;aGk=\x07\u202e bold \x00 half \ufffd end"


# the cache --------------------------------------------------------------------------------------


async def test_an_answer_is_found_again_under_its_server_and_no_other(tmp_path: Path) -> None:
    cells = cells_over(PROMPTS)
    with two_servers() as (one, other):

        async def made(*servers: OpenAIServer) -> int:
            async with opened(tmp_path, *servers) as bench:
                progress = await bench.fill(await bench.begin(cells), cells)
                assert progress.left == 0 and progress.made + progress.cached == 16
                return progress.made

        assert await made(one) == 16
        assert await made(one) == 0
        assert await made(other, one) == 0, "one of several servers has answered before"
        assert await made(other) == 16
        other.manners.fingerprint = "fp_2"
        assert await made(other) == 16, "the server says that it is another one now"


# sharing ----------------------------------------------------------------------------------------


async def test_the_faster_server_answers_more_and_the_sides_of_a_prompt_stay_together(tmp_path: Path) -> None:
    with two_servers(second=Manners(delay_s=0.6)) as (fast, slow):
        async with opened(tmp_path, fast, slow) as bench:
            cells = cells_over([f"Question {n}?" for n in range(12)], [""])
            run = await bench.begin(cells)
            short = replace(GREEDY, sampling=replace(GREEDY.sampling, max_new_tokens=2))
            assert (await bench.fill(run, cells, short, at_once=1)).left == 0
            answers = await bench.answers(run)
            assert len(answers) == len(fast.questions()) + len(slow.questions()) == 24, "nothing is asked twice"
            assert len(fast.questions()) > len(slow.questions()) > 0
            for number in range(12):
                base, demo = (answers[f"{number}|0|{side}|0"].conditions for side in (0, 1))
                assert not unintended(base, demo), "base and adapter of a prompt were made alike"
            assert len({answer.conditions.engine for answer in answers.values()}) == 2


async def test_no_more_questions_at_once_than_asked_for(tmp_path: Path) -> None:
    with OpenAIServer(Manners(delay_s=0.1)) as server:
        async with opened(tmp_path, server) as bench:
            cells = cells_over(PROMPTS)
            await bench.fill(await bench.begin(cells), cells, at_once=3)
            assert server.most_at_once == 3


async def test_base_and_adapter_on_servers_of_their_own(tmp_path: Path) -> None:
    with two_servers(Manners(["tiny"]), Manners(["tiny-demo"])) as (base, demo):
        async with opened(tmp_path, base, demo, served={"base": "tiny", "tiny-demo": "tiny-demo"}) as bench:
            cells = cells_over(PROMPTS[:2])
            run = await bench.begin(cells)
            assert (await bench.fill(run, cells)).left == 0
            assert {body["model"] for body in base.questions()} == {"tiny"}
            assert {body["model"] for body in demo.questions()} == {"tiny-demo"}
            assert {answer.conditions.model for answer in (await bench.answers(run)).values()} == {"tiny"}


# looking at servers -----------------------------------------------------------------------------


async def test_servers_of_different_models_do_not_share_a_run(tmp_path: Path) -> None:
    with two_servers(Manners(["llama"]), Manners(["qwen"])) as (one, other):
        with pytest.raises(UserError, match=r"different models: .* has llama, .* has qwen"):
            async with opened(tmp_path, one, other):
                pass
        async with opened(tmp_path, f"{one.url}=llama", f"{other.url}=qwen") as bench:
            cells = cells_over(PROMPTS, sides=1)
            run = await bench.begin(cells)
            assert (await bench.fill(run, cells, at_once=1)).left == 0
            assert {answer.conditions.model for answer in (await bench.answers(run)).values()} == {"llama", "qwen"}


async def test_what_is_wrong_is_said_before_a_run(tmp_path: Path) -> None:
    with OpenAIServer() as server:
        with pytest.raises(ServerLost, match="cannot be reached"):
            async with opened(tmp_path, server, NO_SERVER):
                pass
        with pytest.raises(UserError, match=r"No server serves polite as 'wrong'\. They have: tiny, tiny-demo"):
            async with opened(tmp_path, server, served={"tiny-demo": "tiny-demo", "polite": "wrong"}):
                pass
        with pytest.raises(UserError, match=r"serves no model 'wrong'\. It has: tiny, tiny-demo\."):
            async with opened(tmp_path, f"{server.url}=wrong"):
                pass
        link = ServerLink(wish_for(NO_SERVER), patience=QUICK)
        with pytest.raises(EngineError, match="still loading"):
            await link.ask(None, lambda event: None)  # type: ignore[arg-type]
        with pytest.raises(ServerLost):
            await link.start()
        assert link.state.phase.value == "failed" and "cannot be reached" in link.state.message
