"""Layout of batches, and packed pairs against rows of their own."""

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from aligntui.backend.train.losses import shared_prompt
from aligntui.backend.train.losses.pairs import Pair, collate
from aligntui.backend.train.losses.policy import prepare
from aligntui.backend.train.losses.shared_prompt import NAME, PairLayout, pair_mask, widened
from aligntui.core.errors import UserError
from tests.backend import tiny

EXAMPLE = Pair([5, 6], [7, 2], [8, 9, 2])
SIZES = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "initializer_range": 0.3,
}


def pairs_of(*lengths, vocabulary=60):
    """Pairs of random tokens with these lengths of prompt, chosen and rejected."""
    generator = torch.Generator().manual_seed(7)

    def tokens(count):
        return torch.randint(1, vocabulary, (count,), generator=generator).tolist()

    return [Pair(tokens(p), tokens(c), tokens(r)) for p, c, r in lengths]


class TestCollate:
    def test_packed(self):
        batch = collate([EXAMPLE])
        assert batch.ids.tolist() == [[5, 6, 7, 2, 8, 9, 2]]
        assert batch.positions.tolist() == [[0, 1, 2, 3, 2, 3, 4]]
        assert batch.predicting.tolist() == [1, 2, 1, 4, 5]
        assert batch.segments == ((2, 2, 3),)
        assert batch.mask is None

    def test_padded(self):
        batch = collate([EXAMPLE], packed=False)
        assert batch.ids.tolist() == [[5, 6, 7, 2, 0], [5, 6, 8, 9, 2]]
        assert batch.mask.tolist() == [[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]]
        assert batch.predicting.tolist() == [1, 2, 6, 7, 8]
        assert batch.segments is None

    @pytest.mark.parametrize("packed", [True, False])
    def test_answers_come_chosen_first(self, packed):
        batch = collate([EXAMPLE, Pair([1], [3, 4], [5])], packed=packed)
        assert batch.targets.tolist() == [7, 2, 3, 4, 8, 9, 2, 5]
        assert batch.answers.tolist() == [0, 0, 1, 1, 2, 2, 2, 3]
        assert batch.counts.tolist() == [2, 2, 3, 1]
        assert batch.pairs == 2
        assert batch.has_rejected

    @pytest.mark.parametrize("packed", [True, False])
    def test_without_rejected(self, packed):
        batch = collate([EXAMPLE, Pair([1], [3, 4])], rejected=False, packed=packed)
        assert batch.targets.tolist() == [7, 2, 3, 4]
        assert batch.counts.tolist() == [2, 2]
        assert not batch.has_rejected
        assert 8 not in batch.ids

    @pytest.mark.parametrize("packed", [True, False])
    def test_only_positions_before_answer_tokens_predict(self, packed):
        """What is predicted follows the predicting token in its own sequence; no prompt token is ever a target."""
        pairs = pairs_of((3, 4, 2), (5, 1, 6), (1, 2, 2))
        batch = collate(pairs, packed=packed)
        rows = [(p.prompt, p.chosen) for p in pairs] + [(p.prompt, p.rejected) for p in pairs]
        before = [([*prompt, *answer])[len(prompt) - 1 : -1] for prompt, answer in rows]
        assert batch.ids.flatten()[batch.predicting].tolist() == [token for row in before for token in row]
        assert batch.targets.tolist() == [token for _, answer in rows for token in answer]

    @pytest.mark.parametrize(
        ("pair", "name"),
        [
            (Pair([], [1], [1]), "prompt"),
            (Pair([1], [], [1]), "chosen answer"),
            (Pair([1], [1], []), "rejected answer"),
            (Pair([1], [1]), "rejected answer"),
        ],
    )
    def test_empty_parts_are_refused(self, pair, name):
        with pytest.raises(UserError, match=f"Pair 2 of the batch has a {name} without tokens"):
            collate([EXAMPLE, pair])

    def test_no_pairs_are_refused(self):
        with pytest.raises(UserError, match="at least one pair"):
            collate([])

    def test_moves_to_a_device(self):
        moved = collate([EXAMPLE], packed=False).to("meta")
        tensors = [v for v in vars(moved).values() if isinstance(v, torch.Tensor)]
        assert len(tensors) == 7
        assert {t.device.type for t in tensors} == {"meta"}


class TestMask:
    def test_answers_do_not_see_each_other(self):
        mask = pair_mask(2, 2, 1, None, torch.device("cpu"))
        assert mask.int().tolist() == [
            [1, 0, 0, 0, 0],
            [1, 1, 0, 0, 0],
            [1, 1, 1, 0, 0],
            [1, 1, 1, 1, 0],
            [1, 1, 0, 0, 1],
        ]

    def test_window_counts_in_the_answers_own_sequence(self):
        mask = pair_mask(2, 2, 2, 2, torch.device("cpu"))
        assert mask.int().tolist() == [
            [1, 0, 0, 0, 0, 0],
            [1, 1, 0, 0, 0, 0],
            [0, 1, 1, 0, 0, 0],
            [0, 0, 1, 1, 0, 0],
            [0, 1, 0, 0, 1, 0],
            [0, 0, 0, 0, 1, 1],
        ]

    def test_what_fills_up_sees_itself_alone(self):
        mask = widened(pair_mask(1, 1, 1, None, torch.device("cpu")), 5)
        assert mask.int().tolist() == [
            [1, 0, 0, 0, 0],
            [1, 1, 0, 0, 0],
            [1, 0, 1, 0, 0],
            [0, 0, 0, 1, 0],
            [0, 0, 0, 0, 1],
        ]
        assert widened(None, 5) is None and widened(mask, 5) is mask
        layout = PairLayout(((20, 9, 4), (32, 0, 0)), torch.device("cpu"))
        assert [None if one is None else len(one) for one in layout.masks(None, 32)] == [64, None]

    def test_plainly_causal_needs_none(self):
        assert pair_mask(2, 2, 0, None, torch.device("cpu")) is None


def adapted(model, **options):
    """A PEFT model whose adapter does something, ready for steps."""
    torch.manual_seed(0)
    model = get_peft_model(model, LoraConfig(r=2, target_modules=options.pop("target_modules", ["q_proj", "v_proj"])))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    return prepare(model, **options)


def llama(tmp_path):
    return AutoModelForCausalLM.from_pretrained(tiny.save_llama(tmp_path / "llama"))


def gemma3(tmp_path):
    return AutoModelForCausalLM.from_pretrained(tiny.save_gemma3(tmp_path / "gemma3"))


def gpt2(tmp_path):
    return AutoModelForCausalLM.from_pretrained(tiny.save_gpt2(tmp_path / "gpt2"))


def mistral(_):
    return MistralForCausalLM(MistralConfig(**SIZES, sliding_window=5))


def qwen3(_):
    return Qwen3ForCausalLM(Qwen3Config(**SIZES, head_dim=16))


@pytest.mark.parametrize(
    ("make", "targets"),
    [
        (llama, ["q_proj", "v_proj"]),
        (gemma3, ["q_proj", "v_proj"]),  # a window of 8 positions, shorter than the pairs
        (mistral, ["q_proj", "v_proj"]),
        (qwen3, ["q_proj", "v_proj"]),
        (gpt2, ["c_attn"]),  # learned positions
    ],
)
def test_packed_pairs_equal_rows_of_their_own(make, targets, tmp_path):
    torch.manual_seed(0)
    policy = adapted(make(tmp_path), target_modules=targets)
    assert policy.packs
    policy.peft.eval()  # GPT-2 has dropout
    pairs = pairs_of((9, 6, 11), (4, 13, 2), (1, 1, 1))
    packed, padded = collate(pairs), collate(pairs, packed=False)
    hidden = policy.hidden(packed)
    torch.testing.assert_close(hidden, policy.hidden(padded), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(policy.reference_hidden(packed), policy.reference_hidden(padded), atol=1e-4, rtol=1e-4)
    # and the same gradients
    weights = torch.randn_like(hidden)
    adapter = [p for p in policy.peft.parameters() if p.requires_grad]
    ours, theirs = (torch.autograd.grad((policy.hidden(b) * weights).sum(), adapter) for b in (packed, padded))
    torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-3)


def test_pairs_without_rejected_pack_too(tmp_path):
    policy = adapted(llama(tmp_path))
    pairs = pairs_of((3, 4, 1), (5, 2, 1))
    packed, padded = (collate(pairs, rejected=False, packed=p) for p in (True, False))
    torch.testing.assert_close(policy.hidden(packed), policy.hidden(padded), atol=1e-5, rtol=1e-4)


def test_what_fills_up_rows_does_not_matter(tmp_path):
    policy = adapted(llama(tmp_path))
    pairs = pairs_of((3, 9, 2), (6, 1, 4))
    zeros, others = (policy.hidden(collate(pairs, packed=False, pad_id=i)) for i in (0, 33))
    assert torch.equal(zeros, others)


@pytest.mark.parametrize(
    "make",
    [
        lambda: MambaForCausalLM(MambaConfig(vocab_size=64, hidden_size=32, num_hidden_layers=1, state_size=4)),
        lambda: Gemma2ForCausalLM(Gemma2Config(**SIZES, head_dim=16, attn_logit_softcapping=20.0)),
    ],
    ids=["recurrent", "soft-capped attention"],
)
def test_models_that_cannot_pack_are_padded(make):
    torch.manual_seed(0)
    model = make()
    targets = ["in_proj"] if isinstance(model, MambaForCausalLM) else ["q_proj"]
    policy = adapted(model, target_modules=targets)
    assert not policy.packs
    batch = collate(pairs_of((3, 4, 2), (2, 1, 5)), packed=False)
    assert policy.hidden(batch).shape == (12, 32)


def test_a_model_whose_packed_form_differs_is_padded(tmp_path, monkeypatch):
    """What `prepare` finds out by trying: here the attention forgets who may see whom."""
    model = llama(tmp_path)
    monkeypatch.setattr(shared_prompt, "pair_mask", lambda *_: None)
    assert not adapted(model).packs
    assert model.config._attn_implementation == "sdpa"


def test_installed_attention_serves_other_calls_as_before(tmp_path):
    model = llama(tmp_path).eval()
    ids = torch.arange(10, 30)[None]
    padding = torch.tensor([[0] * 5 + [1] * 15])
    with torch.no_grad():
        before = model(input_ids=ids).logits, model(input_ids=ids, attention_mask=padding).logits[:, 5:]
        assert shared_prompt.install(model)
        assert model.config._attn_implementation == NAME
        after = model(input_ids=ids).logits, model(input_ids=ids, attention_mask=padding).logits[:, 5:]
        shared_prompt.uninstall(model)
    torch.testing.assert_close(after, before)
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize("make", [llama, mistral])  # causal masks, and those of a window
def test_a_filled_row_gives_what_the_bare_one_gives(make, tmp_path):
    policy = adapted(make(tmp_path))
    pairs = pairs_of((3, 4, 2), (5, 1, 6))
    bare, filled = (collate(pairs, multiple=m) for m in (1, 16))
    assert bare.ids.shape == (1, 21) and filled.ids.shape == filled.positions.shape == (1, 32)
    assert filled.segments == (*bare.segments, (11, 0, 0)) and filled.pairs == 2
    assert torch.equal(filled.predicting, bare.predicting) and torch.equal(filled.targets, bare.targets)
    torch.testing.assert_close(policy.hidden(filled), policy.hidden(bare))
    assert collate(pairs, multiple=7).ids.shape == (1, 21)
    wide = collate(pairs, packed=False, multiple=16)
    assert wide.ids.shape == wide.mask.shape == (4, 16)
    torch.testing.assert_close(policy.hidden(wide), policy.hidden(collate(pairs, packed=False)))
    half = policy.peft.to(torch.bfloat16)  # attention fills up its pairs, too
    assert half is policy.peft
    together, alone = policy.hidden(bare).float(), policy.hidden(collate(pairs, packed=False)).float()
    torch.testing.assert_close(together, alone, atol=0.06, rtol=0.06)
