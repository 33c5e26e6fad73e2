"""`aligntui chat`: one prompt under equal conditions, stored like a turn of the console."""

from __future__ import annotations

from pathlib import Path

import pytest

from aligntui.config.paths import Workspace
from aligntui.core.conditions import Conditions
from tests.cli.conftest import Cli, InsideCli, stored

CONDITIONS = {
    "model", "model_path", "weights_sha256", "adapter", "adapter_path", "adapter_sha256", "strength", "template_sha256",
    "rendered_prompt", "instruction", "mode", "seed", "temperature", "top_p", "max_new_tokens", "dtype", "quantisation",
    "engine", "versions", "injection_every", "device",
}  # fmt: skip
ANSWER = {
    "side", "adapter", "turn", "text", "token_ids", "logprobs", "finish_reason", "prompt_tokens", "decode_s", "first_token_s",
    "conditions",
}  # fmt: skip


def test_json_has_both_answers_with_all_conditions(cli: Cli) -> None:
    path = cli.adapter("polite")
    result = cli.ok(
        "chat",
        "--prompt",
        "What makes bread rise?",
        "--adapter",
        "polite",
        "--json",
        "--seed",
        "7",
        "--strength",
        "0.5",
    )
    reply = result.json
    assert set(reply) == {"session", "exchange", "take", "answers", "decode_s", "tokens_per_s"}
    base, adapter = reply["answers"]
    for answer in (base, adapter):
        assert set(answer) == ANSWER
        assert set(answer["conditions"]) == CONDITIONS
        assert len(answer["token_ids"]) == len(answer["logprobs"]) > 0
        assert answer["finish_reason"] == "stop"
        assert answer["decode_s"] == reply["decode_s"] > 0
        assert answer["conditions"]["seed"] == 7
        assert answer["conditions"]["mode"] == "system"
        assert answer["conditions"]["instruction"] == ""
    assert (base["side"], base["adapter"], base["conditions"]["strength"]) == ("base", None, 0)
    assert (adapter["side"], adapter["adapter"], adapter["conditions"]["strength"]) == ("polite x0.5", "polite", 0.5)
    assert adapter["conditions"]["adapter_path"] == str(path)
    tokens = sum(len(answer["token_ids"]) - 1 for answer in reply["answers"])  # the last token ends the answer
    assert reply["tokens_per_s"] == pytest.approx((tokens - 2) / reply["decode_s"])
    assert "Fetching" in result.err and "Warming up" in result.err and "\x1b" not in result.err


def test_what_was_printed_is_what_is_stored(inside: InsideCli) -> None:
    inside.adapter("polite")
    reply = inside.json("chat", "--prompt", "Hello", "--adapter", "polite", "--instruction", "Be kind.")
    answers = stored(inside)
    assert [answer.id for answer in answers] == [answer["turn"] for answer in reply["answers"]]
    for answer, printed in zip(answers, reply["answers"], strict=True):
        assert (answer.session_id, answer.take_id) == (reply["session"], reply["take"])
        assert answer.text == printed["text"]
        assert list(answer.token_ids) == printed["token_ids"]
        assert answer.conditions == Conditions.from_dict(printed["conditions"])
        assert answer.conditions.instruction == "Be kind."
        assert "Be kind." in answer.conditions.rendered_prompt


def test_readable_output_has_one_side_after_the_other(cli: Cli) -> None:
    cli.adapter("polite")
    reply = cli.json("chat", "--prompt", "Hello", "--adapter", "polite", "--temperature", "0")
    shown = cli.ok("chat", "--prompt", "Hello", "--adapter", "polite", "--temperature", "0")
    base, adapter = (answer["text"] for answer in reply["answers"])
    assert shown.out == f"[base]\n{base}\n\n[polite]\n{adapter}\n"
    assert "tokens/s" in shown.err and "stored as take_" in shown.err
    alone = cli.ok("chat", "--prompt", "Hello", "--no-adapter", "--temperature", "0")
    assert alone.out == f"{base}\n"


@pytest.mark.parametrize("flags", [["--no-adapter"], ["--adapter", ""]])
def test_the_base_alone(inside: InsideCli, flags: list[str]) -> None:
    assert [answer["adapter"] for answer in inside.json("chat", "--prompt", "x", *flags)["answers"]] == [None]


def test_more_than_two_columns(inside: InsideCli) -> None:
    inside.adapter("a")
    inside.adapter("b")
    reply = inside.json("chat", "--prompt", "x", "--adapter", "b", "--adapter", "a")
    assert [answer["side"] for answer in reply["answers"]] == ["base", "b", "a"]


def test_the_flags_reach_the_engine(inside: InsideCli) -> None:
    flags = [
        "--model",
        "somebody/model",
        "--dtype",
        "fp32",
        "--quantisation",
        "nf4",
        "--device",
        "cpu",
        "--top-p",
        "0.5",
    ]
    flags += [
        "--mode",
        "injection",
        "--injection-every",
        "2",
        "--max-new-tokens",
        "5",
        "--temperature",
        "1.5",
        "--threads",
        "1",
    ]
    [answer] = inside.json("chat", "--prompt", "x", "--no-adapter", "--instruction", "Sing.", *flags)["answers"]
    c = answer["conditions"]
    assert (c["model"], c["dtype"], c["quantisation"], c["device"]) == ("somebody/model", "float32", "nf4", "cpu")
    assert (c["mode"], c["injection_every"], c["top_p"], c["temperature"]) == ("injection", 2, 0.5, 1.5)
    assert c["max_new_tokens"] == 5 == len(answer["token_ids"])
    assert answer["finish_reason"] == "length"
    assert "system" not in c["rendered_prompt"] and "Sing." in c["rendered_prompt"]


def test_a_session_goes_on_in_every_column(talked: Cli) -> None:
    tree = talked.json("sessions", "show", "What makes bread rise?")
    first, second = tree["exchanges"]
    answers = first["takes"][0]["answers"]
    assert sorted(second["parents"]) == sorted(answer["id"] for answer in answers)
    for before, after in zip(answers, second["takes"][0]["answers"], strict=True):
        assert before["text"] in after["conditions"]["rendered_prompt"]


def test_the_prompt_from_stdin_and_from_a_file(cli: Cli, tmp_path: Path) -> None:
    text = "Zwei Zeilen\nund “Zeichen” 日本\n"
    file = tmp_path / "prompt.txt"
    file.write_text(text, "utf-8")
    for flags, stdin in ((["--prompt", "-"], text), (["--prompt-file", "-"], text), (["--prompt-file", str(file)], "")):
        [answer] = cli.json("chat", *flags, "--no-adapter", "--no-store", stdin=stdin)["answers"]
        assert f"<|im_start|>user\n{text.strip()}<|im_end|>" in answer["conditions"]["rendered_prompt"]


def test_no_store_writes_nothing(talked: Cli, cli: Cli) -> None:
    reply = cli.json("chat", "--prompt", "x", "--no-adapter", "--no-store")
    assert (reply["session"], reply["exchange"], reply["take"], reply["answers"][0]["turn"]) == (None,) * 4
    assert not cli.workspace.exists()
    database = Workspace(talked.workspace).database
    before = database.read_bytes()
    reply = talked.json(
        "chat", "--prompt", "And pie?", "--no-adapter", "--no-store", "--session", "What makes bread rise?"
    )
    assert "And cake?" in reply["answers"][0]["conditions"]["rendered_prompt"]
    assert database.read_bytes() == before
    assert [hit for hit in talked.json("sessions", "search", "pie")] == []


def test_hostile_text_cannot_drive_the_terminal(cli: Cli) -> None:
    for flags in ((), ("--json",)):
        out = cli.ok("chat", "--prompt", "!hostile", "--no-adapter", "--no-store", *flags).out
        assert not set(out) & {*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), "\u202e", "\ud800"} - {"\n"}
    assert "[bold red]markup[/]" in out
    raw = cli.json("chat", "--prompt", "!hostile", "--no-adapter", "--no-store")["answers"][0]["text"]
    assert "\x1b[2J" in raw and "\x9b" in raw


def test_warnings_stand_on_stderr_before_the_answer(inside: InsideCli) -> None:
    inside.adapter("foreign", run={"mode": "ita"})
    inside.script(warnings=["This model has no chat template."])
    err = inside.ok("chat", "--prompt", "x", "--adapter", "foreign", "--json").err
    for warning in (
        "no chat template",
        "foreign: It says that it was trained on",
        "trained with mode ita, the chat uses mode system",
    ):
        assert f"warning: {warning}" in err or warning in err
    assert err.count("warning: ") == 4
