"""Versions out of the database: what is in them, what the manifest says, and that TRL trains on them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from aligntui.config.paths import Workspace
from aligntui.core.errors import UserError
from aligntui.core.pair import Verdict
from aligntui.data.dataset_versions import find_version, load_manifest, verify
from aligntui.store import PairFilter, Store, open_store
from aligntui.workbench.curation.versions import BuildWish, build_version, data_set_list
from aligntui.workbench.pair_export import ExportWish, described, export_pairs
from tests.store.builders import ask, both, import_all, make_pair, make_record


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    with open_store(workspace.database) as opened:
        yield opened


def fill(store: Store, count: int = 12) -> None:
    import_all(
        store,
        *(
            make_record(f"Question {n}?", f"Good {n}.", f"Bad {n}.", instruction="Be brief." if n % 2 else "")
            for n in range(count)
        ),
    )


def test_an_export_and_a_version_of_the_same_pairs_have_the_same_content(
    store: Store, workspace: Workspace, tmp_path: Path
) -> None:
    fill(store)
    exported = export_pairs(store, ExportWish("eba", tmp_path / "out.jsonl"))
    made = build_version(store, workspace, BuildWish("mine")).written.manifest
    assert exported.content_sha256 == made.content_sha256
    assert json.loads(exported.manifest.read_text())["content_sha256"] == made.content_sha256


def test_the_same_database_gives_the_same_bytes(store: Store, tmp_path: Path) -> None:
    fill(store)
    first, second = (export_pairs(store, ExportWish("trl", tmp_path / name)) for name in ("a.jsonl", "b.jsonl"))
    assert first.out.read_bytes() == second.out.read_bytes() and first.sha256 == second.sha256


def test_an_export_leaves_out_and_counts_what_the_layout_cannot_hold(store: Store, tmp_path: Path) -> None:
    fill(store, 2)
    import_all(store, make_record("Who?", "Me.", None))
    counts = export_pairs(store, ExportWish("trl", tmp_path / "a.jsonl")).counts
    assert (counts.written, counts.examples, counts.misfits) == (2, 0, {"no rejected answer": 1})
    counts = export_pairs(store, ExportWish("alpaca", tmp_path / "a.jsonl")).counts
    assert (counts.written, counts.examples, counts.misfits) == (3, 1, {})
    with pytest.raises(UserError, match=r"under these filters.* 1 with no rejected answer"):
        export_pairs(store, ExportWish("trl", tmp_path / "b.jsonl", PairFilter(verdicts=(Verdict.EXAMPLE,))))
    assert not (tmp_path / "b.jsonl").exists() and not (tmp_path / "b.jsonl.manifest.json").exists()


def test_a_filter_is_described_by_what_differs_from_the_default() -> None:
    assert described(PairFilter()) == {}
    wanted = PairFilter(tag="a", imported=False, verdicts=(Verdict.LEFT,), deleted=None)
    assert described(wanted) == {"tag": "a", "imported": False, "verdicts": ["left"], "deleted": None}


def test_undecided_verdicts_are_counted(store: Store, workspace: Workspace) -> None:
    session = store.create_session("s")
    for number, verdict in enumerate((Verdict.LEFT, Verdict.TIE, Verdict.BAD, Verdict.SKIP)):
        store.add_pair(make_pair(*both(store, ask(store, session, f"q{number}")), verdict=verdict))
    built = build_version(store, workspace, BuildWish("mine"))
    assert built.left_out == {"undecided": 3} == built.as_dict()["origin"]["left_out"]
    assert built.written.manifest.counts.records == 1


def test_nothing_is_left_of_a_version_that_failed(store: Store, workspace: Workspace) -> None:
    with pytest.raises(UserError, match="There is no record"):
        build_version(store, workspace, BuildWish("mine"))
    fill(store, 3000)

    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_version(store, workspace, BuildWish("mine"), stop)
    assert not (workspace.datasets / "mine").exists() and data_set_list(workspace).own == ()


def test_a_version_that_another_one_overtook_is_found_unchanged(store: Store, workspace: Workspace) -> None:
    fill(store)
    assert build_version(store, workspace, BuildWish("mine")).written.is_new
    again = build_version(store, workspace, BuildWish("mine"))
    assert not again.written.is_new and again.written.manifest.version == 1
    assert build_version(store, workspace, BuildWish("mine", seed=3)).written.manifest.version == 2
    assert verify(find_version(workspace, "mine@2")) == []


def test_dpo_trainer_trains_a_step_on_a_built_version(store: Store, workspace: Workspace, tmp_path: Path) -> None:
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM
    from trl import DPOConfig, DPOTrainer

    from datasets import load_dataset
    from tests.backend.tiny import make_tokenizer, save_llama

    fill(store)
    folder = build_version(store, workspace, BuildWish("mine", validation_share=0.3)).written.folder
    counts = load_manifest(folder).counts
    files = {name: str(folder / f"{name}.jsonl") for name in ("train", "validation")}
    loaded = load_dataset("json", data_files=files, cache_dir=str(tmp_path / "cache"))
    assert (len(loaded["train"]), len(loaded["validation"])) == (counts.train, counts.validation)
    trainer = DPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(save_llama(tmp_path / "model")),
        args=DPOConfig(
            output_dir=str(tmp_path / "run"), max_steps=1, per_device_train_batch_size=4, use_cpu=True, report_to=[],
            save_strategy="no", disable_tqdm=True, bf16=False, gradient_checkpointing=False,
        ),
        train_dataset=loaded["train"],
        eval_dataset=loaded["validation"],
        processing_class=make_tokenizer(),
        peft_config=LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"),
    )  # fmt: skip
    assert trainer.train().training_loss == pytest.approx(0.693147, abs=1e-5), "ln 2: policy and reference are equal"
    assert trainer.evaluate()["eval_loss"] == pytest.approx(0.693147, abs=0.05)
