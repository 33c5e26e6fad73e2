"""Adapter folders: found by name, step or path; never out of their place; damage is said and pickles stay shut."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aligntui.config import paths
from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError
from aligntui.data.adapter_folders import AdapterFolder, find_adapter, list_adapters
from aligntui.data.adapter_weights import read_header

CONFIG = {
    "peft_type": "LORA",
    "r": 4,
    "lora_alpha": 8,
    "target_modules": ["v_proj", "q_proj"],
    "base_model_name_or_path": "some/base",
}


def safetensors(tensors: dict[str, tuple[str, list[int], bytes]], **header: object) -> bytes:
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}, **header}
    data = b""
    for name, (dtype, shape, content) in tensors.items():
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text + data


WEIGHTS = safetensors({"b.lora_B": ("F32", [2, 4], bytes(32)), "a.lora_A": ("BF16", [4, 3], bytes(range(24)))})


def an_adapter(folder: Path, config: object = CONFIG, weights: bytes | None = WEIGHTS) -> Path:
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    if weights is not None:
        (folder / "adapter_model.safetensors").write_bytes(weights)
    return folder


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch) -> Workspace:
    """A workspace that does not see the adapters of this repository."""
    monkeypatch.setattr(paths, "_PACKAGE", tmp_path / "installed" / "aligntui")
    workspace = Workspace(tmp_path / "w")
    workspace.make()
    return workspace


def complaint(workspace: Workspace, ref: str) -> str:
    with pytest.raises(UserError) as caught:
        find_adapter(workspace, ref)
    return str(caught.value)


# what is read -----------------------------------------------------------------------------------


def test_an_adapter_is_described(workspace) -> None:
    folder = an_adapter(workspace.adapters / "polite")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Polite\n\nMakes the base \x1b[1mpolite.\nMore.\n")
    (folder / "run").mkdir()
    (folder / "run" / "config.json").write_text(
        json.dumps({"mode": "ita", "template_sha256": "t", "base_weights_sha256": "w", "lr": 1})
    )
    found = find_adapter(workspace, "polite")
    assert found == AdapterFolder(
        name="polite",
        path=folder,
        rank=4,
        alpha=8.0,
        target_modules=("q_proj", "v_proj"),
        base_model="some/base",
        parameters=20,
        size_bytes=len(WEIGHTS),
        mode="ita",
        template_sha256="t",
        base_weights_sha256="w",
        card="Makes the base ␛[1mpolite.",
    )
    assert list_adapters(workspace) == [found]


def test_the_hash_is_of_the_content_and_not_of_the_file_order(workspace) -> None:
    swapped = safetensors({"a.lora_A": ("BF16", [4, 3], bytes(range(24))), "b.lora_B": ("F32", [2, 4], bytes(32))})
    other = safetensors({"a.lora_A": ("BF16", [4, 3], bytes(24)), "b.lora_B": ("F32", [2, 4], bytes(32))})
    for name, config, weights in (
        ("one", CONFIG, WEIGHTS),
        ("same", dict(reversed(CONFIG.items())), swapped),
        ("other", CONFIG, other),
        ("louder", {**CONFIG, "lora_alpha": 16}, WEIGHTS),
    ):
        an_adapter(workspace.adapters / name, config, weights)
    hashes = {found.name: found.sha256 for found in list_adapters(workspace)}
    assert hashes["one"] == hashes["same"]
    assert len(set(hashes.values())) == 3
    assert all(len(value) == 64 for value in hashes.values())


def test_the_hash_is_the_engines(workspace) -> None:
    hashing = pytest.importorskip("aligntui.backend.infer.hashing")
    from aligntui.core.ids import canonical_json, sha256_text

    folder = an_adapter(workspace.adapters / "one")
    tensors = hashing.tensors_sha256([folder / "adapter_model.safetensors"])
    assert find_adapter(workspace, "one").sha256 == sha256_text(tensors + "\n" + canonical_json(CONFIG))


def test_files_written_by_the_safetensors_library_are_read(workspace) -> None:
    numpy = pytest.importorskip("numpy")
    library = pytest.importorskip("safetensors.numpy")
    tensors = {"a": numpy.ones((3, 5), "float16"), "scalar": numpy.ones((), "float32"), "none": numpy.ones((0, 4))}
    an_adapter(workspace.adapters / "real", weights=library.save(tensors))
    assert find_adapter(workspace, "real").parameters == 16


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"peft_type": "LORA"}, (8, 8.0, (), "")),
        ({"target_modules": "all-linear", "lora_alpha": 0.5}, (8, 0.5, ("all-linear",), "")),
        ({"base_model_name_or_path": None, "target_modules": None}, (8, 8.0, (), "")),
    ],
)
def test_sparse_configurations_mean_pefts_defaults(workspace, config, expected) -> None:
    an_adapter(workspace.adapters / "a", config)
    found = find_adapter(workspace, "a")
    assert (found.rank, found.alpha, found.target_modules, found.base_model) == expected


@pytest.mark.parametrize(
    ("card", "line"),
    [
        ("", ""),
        ("# Only a title\n", "Only a title"),
        ("---\nopen: 1\n", "open: 1"),
        ("\n\n## A\n \nB\n", "B"),
        ("# A\n<!-- a hint\nto the writer -->\nB\n", "B"),
        ("---\nbase_model: x\n---\n# Model Card for Model ID\n\n<!-- Provide -->\n\nUse the code below.\n", ""),
        (f"One. {'Two two. ' * 30}", f"One. {'Two two. ' * 21}".strip()),
        ("word " * 60, ("word " * 39 + "word…")),
    ],
    ids=["empty", "title", "torn head", "prose", "comment", "peft's template", "whole sentences", "no sentence ends"],
)
def test_a_card_is_summed_up_by_its_first_sentences(workspace, card: str, line: str) -> None:
    (an_adapter(workspace.adapters / "a") / "README.md").write_text(card)
    assert find_adapter(workspace, "a").card == line
    assert len(line) <= 200


def test_the_whole_card_is_there_also_for_a_checkpoint(workspace) -> None:
    text = "---\nlicense: mit\n---\n# Polite\n\n" + "Long. " * 500
    folder = an_adapter(workspace.adapters / "polite")
    assert find_adapter(workspace, "polite").whole_card == ""
    (folder / "README.md").write_text(text)
    for place in (folder / "run" / "checkpoints" / "checkpoint-5", folder / "checkpoint-6"):
        (an_adapter(place) / "README.md").write_text("# Model Card for Model ID")
    for ref in ("polite", "polite@5", "polite@6", f"{folder}@6"):
        assert find_adapter(workspace, ref).whole_card == text


def test_an_unreadable_run_story_is_no_story(workspace) -> None:
    folder = an_adapter(workspace.adapters / "a")
    (folder / "run").mkdir()
    (folder / "run" / "config.json").write_text('{"mode": 3')
    assert find_adapter(workspace, "a").mode == ""
    (folder / "run" / "config.json").write_text('{"mode": 3}')
    assert find_adapter(workspace, "a").mode == ""


# names ------------------------------------------------------------------------------------------


def test_a_missing_adapter_is_answered_with_the_nearest(workspace) -> None:
    assert complaint(workspace, "polit").endswith(f"The folder {workspace.adapters} has none.")
    an_adapter(workspace.adapters / "polite")
    an_adapter(workspace.adapters / "rude")
    assert complaint(workspace, "polit") == "There is no adapter 'polit'. Did you mean 'polite'?"
    assert complaint(workspace, "zzz") == "There is no adapter 'zzz'. Known: polite, rude."


@pytest.mark.parametrize(
    "ref", ["", " ", "..", ".", ".hidden", "a b", "a\x00b", "é", "x" * 65, "-x", "@3", "a\\b", "~", "x@" + "9" * 5000]
)
def test_what_is_no_name_is_refused(workspace, ref: str) -> None:
    assert "cannot be the name of an adapter" in complaint(workspace, ref)


def test_a_link_out_of_the_folder_is_refused_and_listed_with_the_reason(workspace, tmp_path) -> None:
    outside = an_adapter(tmp_path / "outside")
    (workspace.adapters / "link").symlink_to(outside)
    inner = an_adapter(workspace.adapters / "inner", weights=None)
    (inner / "adapter_model.safetensors").symlink_to(outside / "adapter_model.safetensors")
    (workspace.adapters / "loop").symlink_to(workspace.adapters / "loop")
    for name in ("link", "inner"):
        assert f"The adapter {name} leads out of" in complaint(workspace, name)
    assert "There is no adapter 'loop'" in complaint(workspace, "loop")
    assert [(found.name, "by a symbolic link" in found.problem) for found in list_adapters(workspace)] == [
        ("inner", True),
        ("link", True),
    ]


def test_a_link_inside_the_folder_and_a_linked_adapters_folder_are_fine(workspace, tmp_path) -> None:
    an_adapter(workspace.adapters / "polite")
    (workspace.adapters / "alias").symlink_to("polite")
    assert find_adapter(workspace, "alias").rank == 4
    other = Workspace(tmp_path / "other")
    other.root.mkdir()
    other.adapters.symlink_to(workspace.adapters)
    assert find_adapter(other, "polite").rank == 4


def test_a_path_may_lie_anywhere(workspace, tmp_path, monkeypatch) -> None:
    folder = an_adapter(tmp_path / "else where" / "mine")
    assert find_adapter(workspace, str(folder)).path == folder
    assert find_adapter(workspace, str(folder)).name == "mine"
    monkeypatch.chdir(folder)
    assert find_adapter(workspace, "./").name == "mine"
    assert find_adapter(workspace, "../mine").rank == 4
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_adapter(workspace, "~/else where/mine").name == "mine"
    assert "There is no adapter folder ../absent" in complaint(workspace, "../absent")
    assert "is no folder" in complaint(workspace, "./adapter_config.json")


def test_bundled_adapters_come_second(workspace, tmp_path) -> None:
    inside = tmp_path / "installed" / "aligntui" / "bundled" / "adapters"
    an_adapter(inside / "demo")
    an_adapter(inside / "not-announced")
    an_adapter(workspace.adapters / "zebra")
    assert [(found.name, found.bundled) for found in list_adapters(workspace)] == [("zebra", False), ("demo", True)]
    found = find_adapter(workspace, "demo")
    assert (found.path, found.bundled) == (inside / "demo", True)
    assert find_adapter(workspace, str(inside / "demo")).bundled
    own = an_adapter(workspace.adapters / "demo", {**CONFIG, "r": 2})
    found = find_adapter(workspace, "demo")
    assert (found.path, found.bundled) == (own, False)
    assert [(found.name, found.bundled) for found in list_adapters(workspace)] == [("demo", False), ("zebra", False)]


# checkpoints ------------------------------------------------------------------------------------


def test_checkpoints_are_found_and_taken_by_step(workspace) -> None:
    folder = an_adapter(workspace.adapters / "polite")
    (folder / "README.md").write_text("Polite.")
    for step in (200, 20, 1000):
        an_adapter(folder / "run" / "checkpoints" / f"checkpoint-{step}", {**CONFIG, "r": 2})
    (folder / "run" / "checkpoints" / "checkpoint-300").mkdir()
    (folder / "run" / "checkpoints" / "checkpoint-latest").mkdir()
    (folder / "run" / "config.json").write_text('{"mode": "ita"}')
    assert find_adapter(workspace, "polite").checkpoints == (20, 200, 1000)
    found = find_adapter(workspace, "polite@20")
    assert (found.name, found.rank, found.mode, found.card) == ("polite@20", 2, "ita", "Polite.")
    assert found.path == folder / "run" / "checkpoints" / "checkpoint-20"
    assert find_adapter(workspace, f"{folder}@200").name == "polite@200"
    assert complaint(workspace, "polite@7") == (
        "The adapter polite has no checkpoint of step 7. It has 20, 200, 1000."
    )  # fmt: skip
    assert "lacks adapter_config.json" in complaint(workspace, "polite@300")
    assert "cannot be the name" in complaint(workspace, "polite@latest")


def test_a_run_that_has_not_ended_can_be_used_by_its_checkpoints(workspace) -> None:
    an_adapter(workspace.adapters / "polite" / "run" / "checkpoints" / "checkpoint-5")
    assert find_adapter(workspace, "polite@5").rank == 4
    assert "has not written them yet. Its checkpoints can be used: polite@5." in complaint(workspace, "polite")
    [listed] = list_adapters(workspace)
    assert "lacks adapter_config.json" in listed.problem and listed.checkpoints == (5,)
    (workspace.adapters / "fresh" / "run").mkdir(parents=True)
    assert complaint(workspace, "fresh").endswith("; its training has not written them yet.")


def test_checkpoints_lie_where_a_trainer_of_transformers_leaves_them(workspace) -> None:
    folder = workspace.adapters / "out"
    for step in (150, 50, 100):
        an_adapter(folder / f"checkpoint-{step}", {**CONFIG, "r": step})
    (folder / "checkpoint-7").mkdir()
    assert [(found.name, found.checkpoints) for found in list_adapters(workspace)] == [("out", (50, 100, 150))]
    found = find_adapter(workspace, "out@50")
    assert (found.name, found.rank, found.path) == ("out@50", 50, folder / "checkpoint-50")
    assert find_adapter(workspace, f"{folder}@100").rank == 100
    assert "lacks adapter_config.json" in complaint(workspace, "out@7")
    assert complaint(workspace, "out@8").endswith("has no checkpoint of step 8. It has 50, 100, 150.")


def test_of_one_step_in_both_places_the_one_of_the_run_counts(workspace) -> None:
    folder = an_adapter(workspace.adapters / "polite")
    run = folder / "run" / "checkpoints"
    for place, step, rank in ((folder, 5, 1), (folder, 6, 2), (run, 5, 3), (run, 7, 4)):
        an_adapter(place / f"checkpoint-{step}", {**CONFIG, "r": rank})
    (run / "checkpoint-6").mkdir()
    [listed] = list_adapters(workspace)
    assert listed.checkpoints == (5, 6, 7)
    assert [find_adapter(workspace, f"polite@{step}").rank for step in (5, 6, 7)] == [3, 2, 4]
    assert [listed.checkpoint_path(step) for step in (5, 6, 7)] == [
        run / "checkpoint-5",
        folder / "checkpoint-6",
        run / "checkpoint-7",
    ]


def test_a_checkpoint_that_leads_out_is_refused(workspace, tmp_path) -> None:
    outside = an_adapter(tmp_path / "outside")
    folder = an_adapter(workspace.adapters / "polite")
    (folder / "run" / "checkpoints").mkdir(parents=True)
    (folder / "run" / "checkpoints" / "checkpoint-5").symlink_to(outside)
    assert find_adapter(workspace, "polite").checkpoints == ()
    assert "leads out of" in complaint(workspace, "polite@5")
    (folder / "checkpoint-8").symlink_to(outside)
    assert find_adapter(workspace, "polite").checkpoints == ()
    assert "leads out of" in complaint(workspace, "polite@8")


def test_a_checkpoint_that_leads_to_itself_hides_no_adapter(workspace) -> None:
    folder = an_adapter(workspace.adapters / "polite")
    an_adapter(folder / "run" / "checkpoints" / "checkpoint-2")
    (folder / "run" / "checkpoints" / "checkpoint-1").symlink_to("checkpoint-1")
    assert [(found.name, found.checkpoints, found.problem) for found in list_adapters(workspace)] == [
        ("polite", (2,), "")
    ]
    assert "no checkpoint of step 1. It has 2." in complaint(workspace, "polite@1")
    (folder / "run" / "checkpoints" / "checkpoint-1").unlink()
    an_adapter(folder / "run" / "checkpoints" / "checkpoint-1", weights=None)
    (folder / "run" / "checkpoints" / "checkpoint-1" / "adapter_model.safetensors").symlink_to(
        "adapter_model.safetensors"
    )
    assert list_adapters(workspace)[0].checkpoints == (2,)


# damage -----------------------------------------------------------------------------------------


def test_missing_files_are_named(workspace) -> None:
    (workspace.adapters / "empty").mkdir()
    an_adapter(workspace.adapters / "half", weights=None)
    pickled = an_adapter(workspace.adapters / "pickled", weights=None)
    (pickled / "adapter_model.bin").write_bytes(b"\x80\x04.")
    assert "lacks adapter_config.json. A PEFT adapter has" in complaint(workspace, "empty")
    assert "lacks adapter_model.safetensors" in complaint(workspace, "half")
    message = complaint(workspace, "pickled")
    assert "has only adapter_model.bin, a pickle, and lacks adapter_model.safetensors" in message
    assert "never loaded" in message


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ("{", "cannot be read: it is not JSON"),
        ("[]", "cannot be read: it is no JSON object"),
        ("\udcff", "cannot be read: it is not JSON"),
        ("[" * 90_000, "cannot be read: maximum recursion depth"),
        (" " * (5 << 20), "cannot be read: it has more than"),
        ({"peft_type": "IA3"}, "is of the PEFT type 'IA3'"),
        ({"r": "4"}, "says something impossible"),
        ({"r": 0}, "says something impossible"),
        ({"lora_alpha": None}, "says something impossible"),
        ({"target_modules": [1]}, "says something impossible"),
        ({"base_model_name_or_path": 3}, "says something impossible"),
    ],
)
def test_a_damaged_configuration_is_said(workspace, config, reason: str) -> None:
    folder = an_adapter(workspace.adapters / "a", CONFIG)
    text = config if isinstance(config, str) else json.dumps(config)
    (folder / "adapter_config.json").write_text(text, errors="surrogateescape")
    assert reason in complaint(workspace, "a")


def header_only(text: bytes, data: bytes = b"") -> bytes:
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        (b"", "it is cut off, or no safetensors file"),
        (b"short", "it is cut off, or no safetensors file"),
        (b"\x80\x04\x95" + bytes(100), "it is cut off, or no safetensors file"),
        (b"\xff" * 200, "it is cut off, or no safetensors file"),
        (WEIGHTS[:20], "it is cut off, or no safetensors file"),
        (WEIGHTS[:-1], "it is cut off: "),
        (WEIGHTS + b"x", "it is too long: "),
        (header_only(b"{no"), "its header is damaged"),
        (header_only(b"\xff\xfe{}"), "its header is damaged"),
        (header_only(b"[]"), "its header is no JSON object"),
        (header_only(b"[" * 90_000), "maximum recursion depth"),
        (header_only(b'{"a": 3}'), "something impossible of the tensor 'a'"),
        (header_only(b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}', bytes(4)), "impossible"),
        (header_only(b'{"a": {"dtype": "X9", "shape": [1], "data_offsets": [0, 4]}}', bytes(4)), "impossible"),
        (header_only(b'{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, -4]}}'), "impossible"),
        (header_only(b'{"a": {"dtype": "F32", "shape": 1, "data_offsets": [0, 4]}}', bytes(4)), "impossible"),
        (header_only(b'{"a": {"dtype": "U8", "shape": [4], "data_offsets": [1, 5]}}', bytes(5)), "leave a gap"),
        (
            header_only(
                b'{"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},'
                b'"b": {"dtype": "U8", "shape": [4], "data_offsets": [2, 6]}}',
                bytes(6),
            ),
            "its tensors overlap",
        ),
    ],
)
def test_damaged_weights_are_said(workspace, weights: bytes, reason: str) -> None:
    an_adapter(workspace.adapters / "a", weights=weights)
    an_adapter(workspace.adapters / "b")
    message = complaint(workspace, "a")
    assert reason in message
    assert message.endswith("Copy or train the adapter again.")
    assert [(found.name, bool(found.problem)) for found in list_adapters(workspace)] == [("a", True), ("b", False)]


def test_every_cut_of_a_file_is_noticed(tmp_path) -> None:
    file = tmp_path / "weights"
    for length in range(len(WEIGHTS)):
        file.write_bytes(WEIGHTS[:length])
        with pytest.raises(UserError):
            read_header(file)
    file.write_bytes(WEIGHTS)
    assert len(read_header(file)[0]) == 2


def test_a_workspace_without_an_adapters_folder_has_none(workspace) -> None:
    workspace.adapters.rmdir()
    assert list_adapters(workspace) == []
    (workspace.adapters).write_text("a file")
    assert list_adapters(workspace) == []


def test_files_beside_the_adapters_are_not_adapters(workspace) -> None:
    (workspace.adapters / "README.md").write_text("x")
    (workspace.adapters / ".cache").mkdir()
    (workspace.adapters / "odd name").mkdir()
    assert [(found.name, found.problem != "") for found in list_adapters(workspace)] == [("odd name", True)]


def test_modules_are_shown_by_their_last_parts() -> None:
    layers = tuple(f"model.layers.{at}.self_attn.{name}" for at in range(3) for name in ("q_proj", "v_proj"))
    assert AdapterFolder("x", Path("x"), target_modules=layers).module_names == ("q_proj", "v_proj")
    assert AdapterFolder("x", Path("x"), target_modules=("down_proj",)).module_names == ("down_proj",)
