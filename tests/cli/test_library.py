"""`aligntui models`, `adapters`, `instructions` and `config`: what is here and what is in force."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from aligntui.config.keys import ACTIONS
from aligntui.config.options import OPTIONS
from aligntui.core.instruction import CANONICAL_TYPES
from tests.cli.conftest import Cli, InsideCli

# models -------------------------------------------------------------------------------------------


def test_models_list_counts_both_caches(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "models" / "smollm2-135m-instruct-0123456789ab"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(bytes(2_000_000))
    (tmp_path / "cache" / "models" / ".draft-1").mkdir()
    snapshot = tmp_path / "hub" / "models--owner--name" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs" / "main").write_text("abc")
    (snapshot / "model.safetensors").write_bytes(bytes(3_000_000))
    env = {"ALIGNTUI_CACHE": str(tmp_path / "cache"), "HF_HUB_CACHE": str(tmp_path / "hub")}
    embedded, hub = cli.json("models", "list", **env)
    assert embedded == {"model": "embedded", "source": "aligntui", "path": str(folder), "size_bytes": 2_000_002}
    assert (hub["model"], hub["source"], hub["size_bytes"]) == ("owner/name", "hub", 3_000_000)
    shown = cli.ok("models", "list", **env)
    assert "owner/name  3 MB" in shown.out and shown.err == ""


def test_models_list_without_any(cli: Cli, tmp_path: Path) -> None:
    env = {"ALIGNTUI_CACHE": str(tmp_path / "cache"), "HF_HUB_CACHE": str(tmp_path / "hub")}
    result = cli.ok("models", "list", **env)
    assert result.out == "" and "models pull embedded" in result.err
    assert cli.json("models", "list", **env) == []


def test_models_pull_loads_once_and_says_where(cli: Cli) -> None:
    result = cli.ok("models", "pull", "embedded")
    assert result.out == "/models/embedded\n"
    assert "Fetching the model ..." in result.err and "134.5 M parameters" in result.err
    pulled = cli.json("models", "pull", "somebody/model")
    assert (pulled["model"], len(pulled["weights_sha256"])) == ("somebody/model", 64)
    assert "no model 'missing'" in cli.refused("models", "pull", "missing")


def test_models_pull_without_a_name_fetches_the_model_that_the_options_name(inside: InsideCli) -> None:
    assert inside.ok("models", "pull").out == "/models/embedded\n"
    assert inside.json("models", "pull", ALIGNTUI_MODEL="somebody/model")["model"] == "somebody/model"


# adapters -----------------------------------------------------------------------------------------


def test_adapters_list_and_show(inside: InsideCli) -> None:
    path = inside.adapter("polite", run={"mode": "ita"})
    (path / "README.md").write_text("# Polite\n\nSays please.\n")
    (inside.workspace / "adapters" / "torn").mkdir()
    found = {adapter["name"]: adapter for adapter in inside.json("adapters", "list")}
    assert (found["polite"]["rank"], found["polite"]["alpha"], found["polite"]["mode"]) == (4, 8, "ita")
    assert found["polite"]["target_modules"] == ["q_proj", "v_proj"] and found["polite"]["problem"] == ""
    assert "adapter_config.json" in found["torn"]["problem"]
    listed = inside.ok("adapters", "list").out
    assert "Says please." in listed and "cannot be used" in listed
    shown = inside.json("adapters", "show", "polite")
    assert shown["path"] == str(path) and len(shown["sha256"]) == 64
    assert shown["sha256"] in inside.ok("adapters", "show", str(path)).out
    assert "Did you mean 'polite'" in inside.refused("adapters", "show", "polit")
    assert "adapter_config.json" in inside.refused("adapters", "show", "torn")
    inside.refused("adapters", "show", "..")


def test_adapters_show_prints_the_whole_card_and_nothing_that_drives_the_terminal(inside: InsideCli) -> None:
    path = inside.adapter("polite")
    card = "---\nlicense: mit\n---\n# Polite\n\n" + "A sentence of the card. " * 30 + "\n\n\x1b[2Jlast | line\n"
    (path / "README.md").write_text(card)
    out = inside.ok("adapters", "show", "polite").out
    assert out.endswith("\n\n" + card.replace("\x1b", "␛")) and "…" not in out
    assert "bundled" in out and re.search(r"^bundled +no$", out, re.MULTILINE)
    shown = inside.json("adapters", "show", "polite")
    assert shown["whole_card"] == card and shown["card"] == ("A sentence of the card. " * 8).strip()
    assert shown["bundled"] is False


def test_the_bundled_adapter_says_that_it_is(inside: InsideCli) -> None:
    assert inside.json("adapters", "show", "demo")["bundled"] is True
    assert re.search(r"^bundled +yes$", inside.ok("adapters", "show", "demo").out, re.MULTILINE)


def test_checkpoints_of_a_trainer_are_listed_also_below_a_folder_that_is_no_adapter(inside: InsideCli) -> None:
    for step in (100, 50):
        inside.adapter(f"out/checkpoint-{step}")
    [row] = [line for line in inside.ok("adapters", "list").out.splitlines() if line.startswith("out ")]
    assert re.search("50, 100 +cannot be used: ", row) and "out@50, out@100" in row
    reply = inside.json("chat", "--prompt", "x", "--adapter", "out@50")
    assert reply["answers"][1]["conditions"]["adapter_path"].endswith("/adapters/out/checkpoint-50")


# instructions -------------------------------------------------------------------------------------


def test_instructions_list_show_and_add(cli: Cli, inside: InsideCli) -> None:
    listed = inside.json("instructions", "list")
    assert [known["type"] for known in listed] == list(CANONICAL_TYPES)
    assert all(len(known["phrasings"]) == 3 and not known["own"] for known in listed)
    concise = next(known for known in listed if known["type"] == "concise")
    assert inside.ok("instructions", "show", "concise/3").out == concise["phrasings"][2] + "\n"
    assert inside.json("instructions", "show", "concise") == concise
    assert inside.json("instructions", "show", "concise/1") == {
        "text": concise["phrasings"][0],
        "type": "concise",
        "phrasing": 1,
    }
    whole = inside.ok("instructions", "show", "concise").out
    assert all(text in whole for text in (*concise["phrasings"], *concise["characteristics"], "concise/3"))
    assert inside.ok("instructions", "add", "--title", "Pirate", "--text", "Arr.").out == "pirate/1\n"
    assert cli.ok("instructions", "add", "--title", "Pirate", "--text", "-", stdin="Ahoy: “é”\n").out == "pirate/2\n"
    own = inside.json("instructions", "show", "pirate")
    assert own["own"] and own["phrasings"] == ["Arr.", "Ahoy: “é”"]
    assert "own" in inside.ok("instructions", "list").out
    reply = inside.json("chat", "--prompt", "x", "--no-adapter", "--instruction-type", "pirate/2")
    assert reply["answers"][0]["conditions"]["instruction"] == "Ahoy: “é”"


def test_instructions_that_are_not_there(inside: InsideCli) -> None:
    assert "Did you mean 'concise'" in inside.refused("instructions", "show", "concis")
    assert "3 phrasings" in inside.refused("instructions", "show", "concise/4")
    assert "Did you mean 'concise'" in inside.refused(
        "chat", "--prompt", "x", "--no-adapter", "--instruction-type", "concis"
    )
    assert "title" in inside.refused("instructions", "add", "--title", " ", "--text", "x")
    assert "--text" in inside.refused("instructions", "add", "--title", "x")


# config -------------------------------------------------------------------------------------------


def test_config_show_tells_where_values_come_from(inside: InsideCli) -> None:
    inside.workspace.mkdir()
    (inside.workspace / "aligntui.toml").write_text('[options]\nseed = 3\nmode = "ita"\n')
    rows = {row["option"]: row for row in inside.json("config", "show", ALIGNTUI_SEED="5")}
    assert list(rows) == [option.name for option in OPTIONS]
    assert (rows["seed"]["value"], rows["seed"]["source"], rows["seed"]["place"]) == (5, "environment", "ALIGNTUI_SEED")
    assert (rows["mode"]["value"], rows["mode"]["source"], rows["mode"]["line"]) == ("ita", "workspace file", 3)
    assert (rows["top_p"]["source"], rows["annotator"]["value"]) == ("default", "tester")
    shown = inside.ok("config", "show").out
    assert "aligntui.toml, line 2" in shown and "adapter " in shown


def test_config_keys_shows_the_users_own(inside: InsideCli) -> None:
    inside.workspace.mkdir()
    (inside.workspace / "aligntui.toml").write_text('[keys]\nboard.tie = "9"\n')
    rows = {row["action"]: row for row in inside.json("config", "keys")}
    assert list(rows) == [action.id for action in ACTIONS]
    assert (rows["board.tie"]["keys"], rows["board.tie"]["changed"]) == (["9"], True)
    assert (rows["board.left_better"]["keys"], rows["board.left_better"]["changed"]) == (["1"], False)
    assert "\n9 " in inside.ok("config", "keys").out


def test_config_path(inside: InsideCli) -> None:
    paths = inside.json("config", "path")
    assert paths["database"] == {"path": str(inside.workspace / "sessions" / "aligntui.db"), "exists": False}
    assert "(not there)" in inside.ok("config", "path").out


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("[options]\nseed = 1\ntemprature = 1\n", 3, "'temperature'"),
        ("[options]\ntemperature = 9\n", 2, "from 0 to 5"),
        ('[keys]\nboard.tie = "1"\n', 2, "board.left_better"),
        ('[keys]\nboard.tye = "1"\n', 2, "'board.tie'"),
        ("[options\n", 1, "TOML"),
    ],
)
def test_a_wrong_configuration_file_is_refused_with_file_key_and_line(
    inside: InsideCli, text: str, line: int, word: str
) -> None:
    inside.workspace.mkdir()
    file = inside.workspace / "aligntui.toml"
    file.write_text(text)
    for words in (("config", "show"), ("chat", "--prompt", "x"), ("pairs", "undo")):
        said = inside.refused(*words)
        assert f"{file}, line {line}" in said and word in said


def test_a_workspace_of_json_lines_that_cannot_be_read_is_a_warning(inside: InsideCli) -> None:
    own = inside.workspace / "datasets" / "instructions" / "own.jsonl"
    own.parent.mkdir(parents=True)
    own.write_text(json.dumps({"type": "x"}) + "\n")
    assert "warning: " in inside.ok("instructions", "list").err
