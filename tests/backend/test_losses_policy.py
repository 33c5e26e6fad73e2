"""One model as policy and reference."""

from dataclasses import replace

import pytest
import torch
import torch.multiprocessing
from peft import LoraConfig, PrefixTuningConfig, get_peft_model
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel

from aligntui.backend.train.losses.config import LossConfig, Method, SftReduction
from aligntui.backend.train.losses.pairs import Pair, collate
from aligntui.backend.train.losses.policy import prepare, reference_on
from aligntui.backend.train.losses.products import CPU_ROWS
from aligntui.backend.train.losses.step import Totals, pair_step
from aligntui.core.errors import UserError

PAIRS = [Pair([5, 6, 7], [8, 9, 10, 2], [11, 2]), Pair([12, 13], [14, 2], [15, 16, 17, 2])]


@pytest.fixture
def base(tiny_llama):
    return AutoModelForCausalLM.from_pretrained(tiny_llama)


def with_adapter(base, *, dropout=0.0, std=0.3, **options):
    """An adapter that does something."""
    torch.manual_seed(0)
    settings = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj", "down_proj"], **options}
    model = get_peft_model(base, LoraConfig(lora_dropout=dropout, **settings))
    fill(model, "default", std)
    return model


def fill(model, adapter, std):
    for name, parameter in model.named_parameters():
        if "lora_B" in name and adapter in name:
            nn.init.normal_(parameter, std=std)


def trainable(model):
    return {name for name, p in model.named_parameters() if p.requires_grad}


def test_reference_is_the_base_bitwise(base):
    ids = torch.arange(5, 20)[None]
    with torch.no_grad():
        expected = base(input_ids=ids).logits
        model = with_adapter(base)
        assert not torch.equal(model(input_ids=ids).logits, expected)
        with reference_on(model):
            assert torch.equal(model(input_ids=ids).logits, expected)
        assert not torch.equal(model(input_ids=ids).logits, expected)


def test_rows_are_filled_up_on_a_cpu(base):
    packed = prepare(with_adapter(base))
    assert packed.packs and packed.row_multiple == CPU_ROWS
    assert replace(packed, packs=False).row_multiple == CPU_ROWS // 4


def test_a_fresh_adapter_is_its_own_reference(base):
    policy = prepare(with_adapter(base, std=0.0))
    batch = collate(PAIRS)
    assert torch.equal(policy.hidden(batch), policy.reference_hidden(batch))


def test_reference_has_no_dropout_and_no_gradient():
    torch.manual_seed(0)
    base = GPT2LMHeadModel(GPT2Config(vocab_size=64, n_embd=32, n_layer=1, n_head=2, n_positions=64))  # dropout 0.1
    policy = prepare(with_adapter(base, target_modules=["c_attn"], fan_in_fan_out=True))
    policy.peft.train()
    batch = collate(PAIRS)
    first, second = policy.reference_hidden(batch), policy.reference_hidden(batch)
    assert torch.equal(first, second)
    assert not first.requires_grad
    assert not torch.equal(policy.hidden(batch), policy.hidden(batch))


def test_reference_leaves_everything_as_it_was(base):
    model = with_adapter(base, dropout=0.1)
    model.train()
    frozen = next(m for m in model.modules() if isinstance(m, nn.Dropout)).eval()
    before = trainable(model)
    with pytest.raises(RuntimeError), reference_on(model):
        assert not any(m.training for m in model.modules())
        raise RuntimeError
    assert trainable(model) == before
    assert model.training
    assert not frozen.training


def test_frozen_earlier_stage_stays_frozen(base):
    """PEFT alone makes every active adapter trainable when adapters are switched back on."""
    model = with_adapter(base)
    model.add_adapter("later", LoraConfig(r=2, target_modules=["q_proj"]))
    fill(model, "later", 0.3)
    model.base_model.set_adapter(["default", "later"])
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("later" in name)
    before = trainable(model)
    assert before and all("later" in name for name in before)
    policy = prepare(model, reference=("default",))
    batch = collate(PAIRS)
    stage = policy.reference_hidden(batch)
    assert trainable(model) == before
    both = policy.hidden(batch)
    with torch.no_grad(), reference_on(model):
        neither = policy.hidden(batch)
    assert trainable(model) == before
    model.base_model.set_adapter(["default"])
    torch.testing.assert_close(policy.hidden(batch), stage, atol=1e-4, rtol=1e-4)
    assert (stage - both).abs().max() > 0.1
    assert (stage - neither).abs().max() > 0.1


def test_prepared_model_still_does_what_it_did(base):
    model = with_adapter(base).eval()
    ids = torch.arange(5, 15)[None]
    options = {"max_new_tokens": 6, "do_sample": False, "pad_token_id": 0}
    with torch.no_grad():
        before = model(input_ids=ids, labels=ids), model.generate(input_ids=ids, **options)
        prepare(model)
        prepare(model)
        after = model(input_ids=ids, labels=ids), model.generate(input_ids=ids, **options)
    torch.testing.assert_close(after[0].logits, before[0].logits)
    torch.testing.assert_close(after[0].loss, before[0].loss)
    assert torch.equal(after[1], before[1])


def test_half_sharded_head_is_noticed_at_the_step(base):
    policy = prepare(with_adapter(base))
    base.lm_head.weight = nn.Parameter(base.lm_head.weight[:100].clone(), requires_grad=False)
    with pytest.raises(UserError, match="sharded"):
        pair_step(policy, collate(PAIRS), LossConfig(Method.DPO))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda base: base, "PEFT adapter is needed"),
        (lambda base: with_adapter(base, bias="lora_only"), "no reference"),
        (
            lambda base: get_peft_model(base, PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)),
            "adds tokens",
        ),
    ],
)
def test_models_without_a_reference_are_refused(base, make, match):
    with pytest.raises(UserError, match=match):
        prepare(make(base))


def test_unknown_reference_is_refused(base):
    with pytest.raises(UserError, match="'first', which the model does not have"):
        prepare(with_adapter(base), reference=("first",))


def test_logits_of_an_unknown_kind_are_refused(base):
    model = with_adapter(base)
    base.lm_head.register_forward_hook(lambda module, inputs, output: output.square())
    with pytest.raises(UserError, match="does not know"):
        prepare(model)


CONFIG = LossConfig(Method.UNIFIED, sft_reduction=SftReduction.TOKEN_MEAN)


def gradients(policy, pairs, totals=None, scale=1.0):
    step = pair_step(policy, collate(pairs), CONFIG, kl_weight=0.3, totals=totals)
    (step.loss * scale).backward()
    return [p.grad for p in policy.peft.parameters() if p.requires_grad]


def one_process(rank, folder, port_file):
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{port_file}", rank=rank, world_size=2)
    policy = prepare(with_adapter(AutoModelForCausalLM.from_pretrained(folder)))
    policy = policy.called_through(DistributedDataParallel(policy.peft))
    # DDP takes the mean over processes, the totals make each loss a part of the sum
    found = gradients(policy, PAIRS[rank : rank + 1], Totals(2, 6), scale=2.0)
    torch.save(found, f"{port_file}.{rank}")
    torch.distributed.destroy_process_group()


def test_two_processes_learn_what_one_does(tiny_llama, tmp_path):
    """Each has one of the two pairs; DDP sees the forward pass and averages the gradients."""
    meeting = tmp_path / "meeting"
    torch.multiprocessing.start_processes(
        one_process, args=(str(tiny_llama), str(meeting)), nprocs=2, start_method="spawn"
    )
    policy = prepare(with_adapter(AutoModelForCausalLM.from_pretrained(tiny_llama)))
    expected = gradients(policy, PAIRS)
    for rank in (0, 1):
        torch.testing.assert_close(torch.load(f"{meeting}.{rank}"), expected, atol=1e-5, rtol=1e-4)
