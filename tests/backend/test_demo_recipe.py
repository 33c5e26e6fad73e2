"""The recipe of the demo adapter: data, masks, loss, and the folder that ships."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model_state_dict
from safetensors.torch import load_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from aligntui.backend.infer.weights import Base
from aligntui.backend.template import find_template
from aligntui.backend.train import demo_data, demo_effect, demo_recipe
from aligntui.backend.train.demo_card import CARD_FILE, CONFIG_FILE, RUN_FILE, WEIGHTS_FILE, write_adapter
from aligntui.backend.train.demo_data import Encoded, Record, collate, encode, expand, split
from aligntui.config.paths import bundled
from aligntui.core.errors import UserError
from aligntui.core.instruction import CANONICAL_TYPES

DEMO = bundled("adapters", "demo")
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TINY = demo_recipe.Settings(rank=4, alpha=8, learning_rate=2e-2, dtype="float32", threads=1)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def library():
    return demo_data.read_library(demo_recipe.LIBRARY_FILE)


@pytest.fixture(scope="module")
def pair_files():
    return sorted(demo_recipe.PAIRS_FOLDER.glob("part-*.jsonl"))


@pytest.fixture(scope="module")
def records(library, pair_files):
    return demo_data.read_records(pair_files, library)


@pytest.fixture(scope="module")
def tokenizer():
    """Every byte a token, ChatML as the template."""
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate([*specials, *alphabet])}, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    made.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    made.chat_template = CHATML
    return made


@pytest.fixture
def base(tokenizer):
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    return Base(
        model=model.eval().requires_grad_(False),
        tokenizer=tokenizer,
        template=find_template(tokenizer),
        asked="tiny",
        folder=Path(),
        weights_sha256="",
        dtype="float32",
        quantisation=None,
        device="cpu",
        context_length=2048,
        parameters=0,
        architecture="LlamaForCausalLM",
        end_ids=frozenset({tokenizer.eos_token_id}),
        pad_id=tokenizer.pad_token_id,
        versions={},
    )


def test_each_record_gives_two_examples_with_opposite_preferences(records, library):
    examples = expand(records, library)
    assert len(examples) == 2 * len(records)
    for record, first, second in zip(records, examples[::2], examples[1::2], strict=True):
        assert first.prompt == second.prompt == record.prompt
        assert (first.chosen, first.rejected) == (second.rejected, second.chosen)
        assert first.type != second.type
        assert dict(record.answers)[first.type] == first.chosen
        assert dict(record.answers)[second.type] == second.chosen
        for example in (first, second):
            assert library[example.type].phrasings[example.phrasing - 1] == example.instruction


def test_phrasings_take_turns_and_rotate(records, library):
    examples = expand(records, library)
    for kind in CANONICAL_TYPES:
        counts = Counter(e.phrasing for e in examples if e.type == kind)
        assert set(counts) == {1, 2, 3}
        assert max(counts.values()) - min(counts.values()) <= 1
    rotated = [expand(records, library, rotation=r) for r in range(3)]
    assert all({e.phrasing for e in same} == {1, 2, 3} for same in zip(*rotated, strict=True))
    assert expand(records, library) == examples


def test_bundled_records_are_distinct_and_cover_all_types(records):
    assert len(records) >= 250
    assert len({r.id for r in records}) == len(records)
    counts = Counter(kind for r in records for kind, _ in r.answers)
    assert set(counts) == set(CANONICAL_TYPES)
    assert min(counts.values()) >= 45


def test_a_prompt_that_occurs_twice_is_refused(tmp_path, library):
    line = {"id": "x-1", "prompt": "Why?", "answers": {"concise": "So.", "neutral": "Some say so."}}
    file = tmp_path / "part-x.jsonl"
    file.write_text("\n".join(json.dumps(line | {"id": f"x-{i}"}) for i in (1, 2)), "utf-8")
    with pytest.raises(UserError, match=r"x-1 and x-2"):
        demo_data.read_records([file], library)


def test_held_out_records_are_about_a_tenth_and_do_not_move(records):
    train, held_out = split(records)
    assert 0.05 < len(held_out) / len(records) < 0.15
    assert not {r.prompt for r in train} & {r.prompt for r in held_out}
    assert split(records[::-1])[1] == held_out[::-1]


def test_unseen_prompts_are_unseen(records):
    assert not {p.lower() for p in demo_effect.UNSEEN_PROMPTS} & {r.prompt.lower() for r in records}


def test_masks_cover_exactly_the_answers_and_their_end(base, library):
    records = [Record("r", "How so?", (("concise", "Yes."), ("creative", "Once upon a time, yes.")))]
    encoded = [encode(e, base.tokenizer, base.template) for e in expand(records, library)]
    batch = collate(encoded, base.pad_id)
    answers = ["Yes.", "Once upon a time, yes.", "Once upon a time, yes.", "Yes."]  # chosen twice, rejected twice
    for row, text in enumerate(answers):
        marked = batch.ids[row][batch.answer[row]].tolist()
        assert marked[-1] == base.tokenizer.eos_token_id
        assert base.tokenizer.decode(marked[:-1]) == text
        start = int(batch.answer[row].nonzero()[0])
        assert base.tokenizer.decode(batch.ids[row, :start]).endswith("How so?<|im_end|>\n<|im_start|>assistant\n")
        assert batch.answer[row].sum() == len(marked) == batch.answer[row, start:].cumprod(0).sum()
    assert library["concise"].phrasings[0] in base.tokenizer.decode(batch.ids[0])
    assert library["creative"].phrasings[0] in base.tokenizer.decode(batch.ids[1])


def test_the_worked_example_of_collate():
    batch = collate([Encoded([5, 6], [7, 2], [8, 9, 2])], pad_id=0)
    assert batch.ids.tolist() == [[5, 6, 7, 2, 0], [5, 6, 8, 9, 2]]
    assert batch.answer.int().tolist() == [[0, 0, 1, 1, 0], [0, 0, 1, 1, 1]]


def test_log_probs_equal_those_of_each_row_alone(base):
    batch = collate([Encoded([5, 6, 9], [7, 2], [8, 9, 3, 2]), Encoded([5], [4, 4, 4, 2], [1, 2])], pad_id=0)
    log_probs, rows = demo_recipe.answer_log_probs(base.model, batch)
    plain = [([5, 6, 9], [7, 2]), ([5], [4, 4, 4, 2]), ([5, 6, 9], [8, 9, 3, 2]), ([5], [1, 2])]
    for row, (prompt, answer) in enumerate(plain):
        logits = base.model(torch.tensor([prompt + answer])).logits[0]
        expected = logits.log_softmax(-1)[len(prompt) - 1 : -1].gather(1, torch.tensor(answer)[:, None])[:, 0]
        torch.testing.assert_close(log_probs[rows == row], expected)


def test_losses_by_hand():
    log_probs = torch.tensor([-1.0, -3.0, -4.0, -6.0, -2.0])  # chosen: two tokens; rejected: three
    found = demo_recipe.losses(
        log_probs, torch.tensor([0, 0, 1, 1, 1]), 1, replace(TINY, beta=2.0, contrast_weight=0.5)
    )
    assert found.sft.item() == pytest.approx(2.0)  # (1 + 3) / 2
    margin = 2.0 * (-2.0 - -4.0)
    assert found.contrast.item() == pytest.approx(torch.log1p(torch.exp(torch.tensor(-margin))).item())
    assert found.total.item() == pytest.approx(found.sft.item() + 0.5 * found.contrast.item())
    assert found.won.item() == 1.0


def test_the_loss_falls_within_five_steps(base, library, records):
    model = demo_recipe.add_adapter(base.model, TINY)
    short = [min(records, key=lambda r: len(r.prompt) + sum(len(text) for _, text in r.answers))]
    examples = expand(short, library)
    batch = collate([encode(e, base.tokenizer, base.template) for e in examples], base.pad_id)
    before = {n: p.clone() for n, p in base.model.named_parameters() if "lora" not in n}
    history = demo_recipe.train(model, iter([batch] * 5), 5, TINY)
    assert history[-1]["loss"] < history[0]["loss"] - 0.05
    assert all(torch.equal(p, before[n]) for n, p in base.model.named_parameters() if "lora" not in n)


def test_two_runs_are_the_same(base, library, records):
    import copy

    runs = []
    for model in (base.model, copy.deepcopy(base.model)):
        adapted = demo_recipe.add_adapter(model, TINY)
        stream = demo_recipe.batches(records[:4], library, base, TINY)
        demo_recipe.train(adapted, stream, 2, TINY)
        runs.append(get_peft_model_state_dict(adapted, save_embedding_layers=False))
    assert all(torch.equal(tensor, runs[1][name]) for name, tensor in runs[0].items())


def test_learning_rate_rises_and_falls():
    settings = replace(TINY, warmup=0.1, learning_rate=1.0)
    rates = [demo_recipe.learning_rate(step, 100, settings) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == pytest.approx(1.0)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.01


def test_what_is_written_is_what_was_measured(base, tmp_path):
    model = demo_recipe.add_adapter(base.model, TINY)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.uniform_(-1, 1)
    demo_recipe.round_to_stored(model)
    tensors = get_peft_model_state_dict(model, save_embedding_layers=False)
    write_adapter(tmp_path, tensors, model.peft_config["default"].to_dict())
    stored = load_file(tmp_path / WEIGHTS_FILE)
    assert all(t.dtype == torch.bfloat16 for t in stored.values())
    assert all(torch.equal(stored[name].float(), tensor) for name, tensor in tensors.items())
    LoraConfig.from_pretrained(tmp_path)


def test_answers_do_not_depend_on_their_batch(base, library):
    cases = [
        (k.type, k.phrasings[0], prompt) for k in list(library.values())[:2] for prompt in ("Why?", "How does it go?")
    ]
    together = demo_effect.answer_all(base, base.model, cases, max_new_tokens=6)
    alone = [demo_effect.answer_all(base, base.model, [case], max_new_tokens=6)[0] for case in cases]
    assert together == alone
    assert [(a.type, a.prompt) for a in together] == [(case[0], case[2]) for case in cases]


def test_checks_and_recogniser_know_the_written_answers(records):
    train, held_out = split(records)
    rates = demo_effect.check_rates([pair for r in records for pair in r.answers])
    for name, (own, others) in rates.items():
        assert own > 0.6, name
        assert others < 0.1, name
    recogniser = demo_effect.Recogniser([pair for r in train for pair in r.answers])
    written = [pair for r in held_out for pair in r.answers]
    assert sum(recogniser.name(text) == kind for kind, text in written) / len(written) > 0.8


def test_looping():
    assert demo_effect.looping("a b c d e f " * 3)
    assert not demo_effect.looping("The quick brown fox jumps over the lazy dog and goes home again.")


class TestShippedFolder:
    """adapters/demo as it is in the repository."""

    def test_is_small_and_plain(self):
        files = [f for f in DEMO.rglob("*") if f.is_file()]
        assert sum(f.stat().st_size for f in files) <= 2_000_000
        assert {str(f.relative_to(DEMO)) for f in files} == {CARD_FILE, CONFIG_FILE, WEIGHTS_FILE, str(RUN_FILE)}
        for file in (CARD_FILE, CONFIG_FILE, RUN_FILE):
            text = (DEMO / file).read_text("utf-8")
            assert "/root" not in text
            assert "/home" not in text
            assert "/work" not in text

    def test_loads_with_peft_on_the_shapes_of_the_real_base(self):
        config = LlamaConfig(
            vocab_size=49152,
            hidden_size=576,
            intermediate_size=1536,
            num_hidden_layers=30,
            num_attention_heads=9,
            num_key_value_heads=3,
            tie_word_embeddings=True,
        )
        with torch.device("meta"):
            model = LlamaForCausalLM(config)
        adapted = PeftModel.from_pretrained(model, str(DEMO), torch_device="cpu", low_cpu_mem_usage=True)
        found = get_peft_model_state_dict(adapted, save_embedding_layers=False)
        stored = load_file(DEMO / WEIGHTS_FILE)
        assert set(found) == set(stored)
        assert all(found[name].shape == tensor.shape for name, tensor in stored.items())
        assert any(tensor.abs().max() > 0 for name, tensor in stored.items() if "lora_B" in name)
        assert adapted.peft_config["default"].base_model_name_or_path == demo_recipe.BASE_NAME

    def test_run_config_tells_how_it_was_made(self, pair_files):
        story = json.loads((DEMO / RUN_FILE).read_text("utf-8"))
        assert story["base_model"] == "embedded"
        assert story["mode"] == "system"
        assert story["injection_every"] is None
        assert story["data_sha256"] == demo_data.data_sha256([demo_recipe.LIBRARY_FILE, *pair_files])
        assert len(story["base_weights_sha256"]) == len(story["template_sha256"]) == 64
        card = (DEMO / CARD_FILE).read_text("utf-8")
        for key in ("base_weights_sha256", "template_sha256", "data_sha256", "recipe"):
            assert story[key] in card
