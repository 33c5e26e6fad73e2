"""Layouts of preference pairs, and that `datasets` and TRL take the files as they are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntui.core.errors import EnvironmentProblem, UserError
from aligntui.core.prompt_format import Message, Mode
from aligntui.data.pair_layouts import LAYOUTS, PreferencePair, records, write_jsonl


def user(text: str) -> Message:
    return Message("user", text)


def assistant(text: str) -> Message:
    return Message("assistant", text)


def make_pair(**changes: Any) -> PreferencePair:
    values: dict[str, Any] = {
        "instruction": "Be concise.",
        "mode": Mode.SYSTEM,
        "prompt": [user("Why is the sky blue?")],
        "chosen": [assistant("Rayleigh scattering.")],
        "rejected": [assistant("Well, it all began long ago.")],
    }
    return PreferencePair(**(values | changes))


CONVERSATION = {
    "prompt": [user("Hi"), assistant("Hello!"), user("Why?")],
    "chosen": [assistant("Because."), user("Really?"), assistant("Yes.")],
    "rejected": [assistant("Dunno."), user("Really?"), assistant("Maybe.")],
}


def record(layout: str, pair: PreferencePair, **options: Any) -> dict[str, Any]:
    return next(records([pair], layout, **options))


def roles_and_texts(messages: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in messages]


def test_trl_puts_the_instruction_where_it_stood_in_the_chat() -> None:
    made = record("trl", make_pair())
    assert made == {
        "prompt": [
            {"role": "system", "content": "Be concise."},
            {"role": "user", "content": "Why is the sky blue?"},
        ],
        "chosen": [{"role": "assistant", "content": "Rayleigh scattering."}],
        "rejected": [{"role": "assistant", "content": "Well, it all began long ago."}],
    }


@pytest.mark.parametrize(
    ("mode", "options", "expected"),
    [
        (Mode.SYSTEM, {"system_slot": False}, "Be concise.\n\nWhy is the sky blue?"),
        (Mode.ITA, {}, "### Alignment Instruction:\nBe concise.\n\n### User Prompt:\nWhy is the sky blue?"),
        (Mode.INJECTION, {}, "Be concise.\n\nWhy is the sky blue?"),
        (Mode.NONE, {}, "Why is the sky blue?"),
    ],
)
def test_trl_in_the_other_modes(mode: Mode, options: dict[str, Any], expected: str) -> None:
    assert roles_and_texts(record("trl", make_pair(mode=mode), **options)["prompt"]) == [("user", expected)]


def test_trl_carries_the_instruction_into_later_turns_of_a_side() -> None:
    made = record("trl", make_pair(mode=Mode.INJECTION, injection_every=2, **CONVERSATION))
    assert [text for _, text in roles_and_texts(made["prompt"])] == ["Be concise.\n\nHi", "Hello!", "Why?"]
    assert [text for _, text in roles_and_texts(made["chosen"])] == ["Because.", "Be concise.\n\nReally?", "Yes."]
    assert [text for _, text in roles_and_texts(made["rejected"])] == ["Dunno.", "Be concise.\n\nReally?", "Maybe."]
    by_system = record("trl", make_pair(**CONVERSATION))
    assert [role for role, _ in roles_and_texts(by_system["prompt"])] == ["system", "user", "assistant", "user"]
    assert [text for _, text in roles_and_texts(by_system["chosen"])] == ["Because.", "Really?", "Yes."]


def test_eba_is_three_strings() -> None:
    assert record("eba", make_pair()) == {
        "prompt": "### Alignment Instruction:\nBe concise.\n\n### User Prompt:\nWhy is the sky blue?",
        "chosen": "Rayleigh scattering.",
        "rejected": "Well, it all began long ago.",
    }
    assert record("eba", make_pair(instruction=" "))["prompt"] == "Why is the sky blue?"
    assert record("eba", make_pair(mode=Mode.NONE))["prompt"] == "Why is the sky blue?"


def test_eba_of_several_turns_goes_on_under_headings() -> None:
    made = record("eba", make_pair(**CONVERSATION))
    assert made["prompt"] == (
        "### Alignment Instruction:\nBe concise.\n\n### User Prompt:\nHi\n\n### Response:\nHello!\n\n### User Prompt:\nWhy?"
    )
    assert made["chosen"] == "Because.\n\n### User Prompt:\nReally?\n\n### Response:\nYes."
    assert record("eba", make_pair(instruction="", **CONVERSATION))["prompt"].startswith("### User Prompt:\nHi")


def test_ita_is_prompt_and_completion() -> None:
    assert record("ita", make_pair()) == {
        "prompt": [
            {
                "role": "user",
                "content": "### Alignment Instruction:\nBe concise.\n\n### User Prompt:\nWhy is the sky blue?",
            }
        ],
        "completion": [{"role": "assistant", "content": "Rayleigh scattering."}],
    }
    assert roles_and_texts(record("ita", make_pair(mode=Mode.NONE))["prompt"]) == [("user", "Why is the sky blue?")]


def test_contrastive_ita_shows_the_rejected_answer() -> None:
    made = record("contrastive-ita", make_pair())
    assert roles_and_texts(made["prompt"]) == [
        (
            "user",
            "### Alignment Instruction:\nBe concise.\n\n### User Prompt:\nWhy is the sky blue?\n\n"
            "### Rejected Response (Bad):\nWell, it all began long ago.\n\n### What's expected instead?",
        )
    ]
    assert roles_and_texts(made["completion"]) == [("assistant", "Rayleigh scattering.")]
    bare = record("contrastive-ita", make_pair(mode=Mode.NONE))["prompt"][0]["content"]
    assert bare.startswith("### User Prompt:\nWhy is the sky blue?\n\n### Rejected Response (Bad):\n")


def test_ita_of_several_turns() -> None:
    made = record("contrastive-ita", make_pair(**CONVERSATION))
    assert [role for role, _ in roles_and_texts(made["prompt"])] == ["user", "assistant", "user"]
    assert made["prompt"][0]["content"].endswith("### User Prompt:\nHi")
    assert "Dunno.\n\n### User Prompt:\nReally?\n\n### Response:\nMaybe." in made["prompt"][2]["content"]
    assert made["completion"][1]["content"].endswith("### User Prompt:\nReally?")
    assert made["completion"][2] == {"role": "assistant", "content": "Yes."}


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": []},
        {"prompt": [user("Hi"), assistant("Hello")]},
        {"chosen": []},
        {"rejected": []},
        {"chosen": [user("?"), assistant("!")]},
        {"rejected": [assistant("!"), user("?")]},
    ],
)
def test_what_is_no_pair(changes: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        make_pair(**changes)


def test_an_unknown_layout_gets_the_nearest() -> None:
    with pytest.raises(UserError, match="no layout 'tlr'") as caught:
        records([make_pair()], "tlr")
    assert "trl" in caught.value.hint


TEXTS = st.text(st.characters(), max_size=20)


@given(TEXTS, TEXTS, st.sampled_from(list(Mode)), st.sampled_from(list(LAYOUTS)))
def test_any_text_is_one_line_of_utf_8(
    tmp_path_factory: pytest.TempPathFactory, a: str, b: str, mode: Mode, layout: str
) -> None:
    path = tmp_path_factory.mktemp("layouts") / "pairs.jsonl"
    pair = make_pair(instruction=a, mode=mode, prompt=[user(b)], chosen=[assistant(a)], rejected=[assistant(b)])
    made = list(records([pair, pair], layout))
    assert write_jsonl(path, made) == 2
    lines = path.read_bytes().decode("utf-8").splitlines()
    assert len(lines) == 2
    if not any(0xD800 <= ord(char) < 0xE000 for char in a + b):
        assert [json.loads(line) for line in lines] == made


def test_the_same_pairs_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.jsonl", "two.jsonl"):
        write_jsonl(tmp_path / "deep" / name, records([make_pair()], "trl"))
    one, two = ((tmp_path / "deep" / name).read_bytes() for name in ("one.jsonl", "two.jsonl"))
    assert one == two
    assert one.startswith(b'{"chosen":[{"content":"Rayleigh scattering.","role":"assistant"}],"prompt":[')


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    places = [tmp_path, tmp_path / "file" / "pairs.jsonl", Path("/dev/null"), tmp_path / ("n" * 300)]
    places += [Path("/proc/pairs.jsonl")] if Path("/proc/self").exists() else []
    for place in places:
        with pytest.raises(UserError) as caught:
            write_jsonl(place, records([make_pair()], "trl"))
        assert caught.value.hint
    assert (tmp_path / "file").read_text() == "kept"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_failure_half_way_keeps_the_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    write_jsonl(path, records([make_pair()], "trl"))
    before = path.read_bytes()

    def broken() -> Any:
        yield record("trl", make_pair())
        raise UserError("The database went away.")

    for rows in (broken(), iter(())):
        with pytest.raises(UserError):
            write_jsonl(path, rows)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["pairs.jsonl"]


@pytest.mark.skipif(sys.platform == "win32", reason="no resource limits")
def test_a_full_disk_keeps_the_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text("kept")
    code = (
        "import resource, sys, pathlib\n"
        "from aligntui.core.errors import EnvironmentProblem\n"
        "from aligntui.data.pair_layouts import write_jsonl\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try:\n"
        "    write_jsonl(pathlib.Path(sys.argv[1]), ({'a': 'x' * 1000} for _ in range(100)))\n"
        "except EnvironmentProblem as error:\n"
        "    print(error.exit_code, error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert run.stdout.startswith(f"{EnvironmentProblem.exit_code} {path} could not be written")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("pairs.jsonl", "kept")]


# What follows trains: a tiny Llama with random weights and a tokenizer made from the texts themselves.

CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>\n{{ message.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)

PAIRS = [
    make_pair(),
    make_pair(mode=Mode.ITA, chosen=[assistant("Luft streut blaues Licht. 天気")]),
    make_pair(instruction="", mode=Mode.NONE),
    make_pair(mode=Mode.INJECTION, injection_every=2, **CONVERSATION),
]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    base = Tokenizer(models.BPE())
    base.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    base.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    base.train_from_iterator([json.dumps(record("trl", pair)) for pair in PAIRS], trainer)
    made = PreTrainedTokenizerFast(tokenizer_object=base, pad_token="<pad>", eos_token="<|end|>")
    made.chat_template = CHAT_TEMPLATE
    return made


@pytest.fixture
def model(tokenizer: Any) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(1)
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=512,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )


def exported(layout: str, tmp_path: Path) -> Any:
    from datasets import load_dataset

    path = tmp_path / f"{layout}.jsonl"
    write_jsonl(path, records(PAIRS, layout))
    loaded = load_dataset("json", data_files=str(path), cache_dir=str(tmp_path / "cache"), split="train")
    assert loaded.to_list() == list(records(PAIRS, layout))
    return loaded


def settings(tmp_path: Path) -> dict[str, Any]:
    return {
        "output_dir": str(tmp_path / "run"),
        "max_steps": 1,
        "per_device_train_batch_size": 4,
        "use_cpu": True,
        "report_to": [],
        "save_strategy": "no",
        "disable_tqdm": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "logging_steps": 1,
    }


def dpo_trainer(layout: str, tmp_path: Path, model: Any, tokenizer: Any) -> Any:
    from peft import LoraConfig
    from trl import DPOConfig, DPOTrainer

    return DPOTrainer(
        model=model,
        args=DPOConfig(**settings(tmp_path)),
        train_dataset=exported(layout, tmp_path),
        processing_class=tokenizer,
        peft_config=LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"),
    )


@pytest.mark.parametrize("layout", ["trl", "eba"])
def test_dpo_trainer_takes_the_file_as_it_is(layout: str, tmp_path: Path, model: Any, tokenizer: Any) -> None:
    trainer = dpo_trainer(layout, tmp_path, model, tokenizer)
    assert len(trainer.train_dataset) == len(PAIRS)
    result = trainer.train()
    assert result.training_loss == pytest.approx(0.693147, abs=1e-5), "ln 2: policy and reference are still equal"


@pytest.mark.parametrize("layout", ["ita", "contrastive-ita"])
def test_sft_trainer_takes_the_file_as_it_is(layout: str, tmp_path: Path, model: Any, tokenizer: Any) -> None:
    from trl import SFTConfig, SFTTrainer

    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(**settings(tmp_path)),
        train_dataset=exported(layout, tmp_path),
        processing_class=tokenizer,
    )
    assert len(trainer.train_dataset) == len(PAIRS)
    assert trainer.train().training_loss > 1.0


def test_the_dpo_trainer_sees_the_rendered_chat(tmp_path: Path, model: Any, tokenizer: Any) -> None:
    trainer = dpo_trainer("trl", tmp_path, model, tokenizer)
    row = trainer.train_dataset[0]
    assert tokenizer.decode(row["prompt_ids"]) == (
        "<|system|>\nBe concise.<|end|>\n<|user|>\nWhy is the sky blue?<|end|>\n<|assistant|>\n"
    )
    assert tokenizer.decode(row["chosen_ids"]).startswith("Rayleigh scattering.<|end|>")
