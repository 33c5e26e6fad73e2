"""The step: losses and metrics against a direct computation, masks, splits, and that it learns."""

import math
import os

import pytest
import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from aligntui.backend.infer.weights import load_base
from aligntui.backend.template import encode_rendered, render_prompt
from aligntui.backend.train.losses.config import Annealing, Contrast, KlReading, LossConfig, Method, SftReduction
from aligntui.backend.train.losses.pairs import Pair, collate
from aligntui.backend.train.losses.policy import prepare, reference_on
from aligntui.backend.train.losses.step import Totals, pair_step
from aligntui.core.errors import UserError
from aligntui.core.prompt_format import Message, Mode
from tests.backend import tiny
from tests.backend.test_losses_policy import with_adapter

USERS_CACHE = os.environ.get("ALIGNTUI_CACHE")  # read before the tests get one of their own
PAIRS = [
    Pair([5, 6, 7, 40], [8, 9, 10, 2], [11, 2]),
    Pair([12, 13], [14, 2], [15, 16, 17, 18, 2]),
    Pair([20], [21, 22, 2], [23, 2]),
]
BETA, WEIGHT = 0.3, 0.7
CONFIGS = {
    "sft": LossConfig(Method.SFT),
    "sft, sum": LossConfig(Method.SFT, sft_reduction=SftReduction.SEQUENCE_SUM),
    "dpo": LossConfig(Method.DPO, beta=BETA),
    "dpo, draft": LossConfig(Method.DPO, beta=BETA, contrast=Contrast.PLAIN),
    "rrhf": LossConfig(Method.RRHF, rank_weight=2.0),
    "unified": LossConfig(Method.UNIFIED, beta=BETA, dpo_weight=1.5),
    "unified, draft": LossConfig(
        Method.UNIFIED,
        beta=BETA,
        contrast=Contrast.PLAIN,
        sft_reduction=SftReduction.SEQUENCE_SUM,
        kl=KlReading.DRAFT,
    ),
    "cita": LossConfig(Method.CITA, beta=BETA),
    "cita, code of the follow-up": LossConfig(
        Method.CITA, beta=BETA, contrast=Contrast.REFERENCE, kl=KlReading.LOG_RATIO
    ),
}


@pytest.fixture
def model(tiny_llama):
    return with_adapter(AutoModelForCausalLM.from_pretrained(tiny_llama)).train()


@pytest.fixture
def policy(model):
    return prepare(model)


def adapter_of(policy):
    return [p for p in policy.peft.parameters() if p.requires_grad]


def answer_log_probs(model, prompt, answer):
    """Every answer alone, all its logits at once. Returns (tokens, V)."""
    ids = torch.tensor([[*prompt, *answer]])
    return model(input_ids=ids).logits[0, len(prompt) - 1 : -1].log_softmax(-1)


def direct(model, config, weight=WEIGHT):
    """Loss and metrics written out pair by pair."""
    sums, ratios, means, kls, tokens = {}, {}, {}, [], {"chosen": [], "rejected": []}
    readings, right = [], []
    for number, pair in enumerate(PAIRS):
        positions, draft = [], 0.0
        for side, answer in (("chosen", pair.chosen), ("rejected", pair.rejected)):
            pick = torch.tensor(answer)[:, None]
            policy = answer_log_probs(model, pair.prompt, answer)
            with torch.no_grad(), reference_on(model):
                base = answer_log_probs(model, pair.prompt, answer)
            logp, base_logp = policy.gather(-1, pick)[:, 0], base.gather(-1, pick)[:, 0]
            sums[side, number], means[side, number] = logp.sum(), logp.mean()
            ratios[side, number] = (logp - base_logp).sum()
            positions.append(functional.kl_div(base, policy, log_target=True, reduction="none").sum(-1))
            draft = draft + (logp.exp() * (logp - base_logp)).sum()
            tokens[side].append(len(answer))
            if side == "chosen":
                right += (policy.argmax(-1) == pick[:, 0]).tolist()
        kls.append(torch.cat(positions).mean())
        log_ratio = 0.5 * (ratios["chosen", number] + ratios["rejected", number])
        readings.append({KlReading.FULL: kls[-1], KlReading.DRAFT: draft, KlReading.LOG_RATIO: log_ratio}[config.kl])
    count = len(PAIRS)

    def column(values, side):
        return torch.stack([values[side, n] for n in range(count)])

    compared = {None: means, Contrast.REFERENCE: ratios, Contrast.PLAIN: sums}[config.contrasted]
    margins = column(compared, "chosen") - column(compared, "rejected")
    per = sum(tokens["chosen"]) if config.sft_reduction is SftReduction.TOKEN_MEAN else count
    sft = -column(sums, "chosen").sum() / per
    contrast = -torch.log(torch.sigmoid(config.beta * margins)).mean()
    rank = torch.relu(-margins).mean()
    reading = torch.stack(readings).mean()
    loss = {
        Method.SFT: sft,
        Method.DPO: contrast,
        Method.RRHF: sft + config.rank_weight * rank,
        Method.UNIFIED: sft + config.dpo_weight * contrast + weight * reading,
        Method.CITA: contrast + weight * reading,
    }[config.method]
    metrics = {
        "loss": loss,
        "chosen_logp": column(sums, "chosen").mean(),
        "token_accuracy": sum(right) / len(right),
        "pairs": count,
        "chosen_tokens": sum(tokens["chosen"]),
    }
    if config.needs_rejected:
        metrics |= {
            "rejected_logp": column(sums, "rejected").mean(),
            "rejected_tokens": sum(tokens["rejected"]),
            "margin": (config.beta if config.contrasted else 1) * margins.mean(),
            "accuracy": (margins > 0).float().mean(),
        }
    if config.needs_reference:
        metrics |= {
            "kl": torch.stack(kls).mean(),
            "chosen_reward": config.beta * column(ratios, "chosen").mean(),
            "rejected_reward": config.beta * column(ratios, "rejected").mean(),
        }
    if config.minimises_kl:
        metrics["lambda"] = weight
        if config.kl is not KlReading.FULL:
            metrics[f"kl_{config.kl}"] = reading
    if config.method in (Method.SFT, Method.RRHF, Method.UNIFIED):
        metrics["sft"] = sft
    if config.contrasted:
        metrics["contrast"] = contrast
    if config.method is Method.RRHF:
        metrics["rank"] = rank
    return loss, {name: float(torch.as_tensor(value).detach()) for name, value in metrics.items()}


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", CONFIGS)
def test_loss_gradients_and_metrics_equal_a_direct_computation(policy, name, packed):
    config = CONFIGS[name]
    expected, metrics = direct(policy.peft, config)
    batch = collate(PAIRS, rejected=config.needs_rejected, packed=packed)
    step = pair_step(policy, batch, config, kl_weight=WEIGHT)
    assert step.values() == pytest.approx(metrics, rel=1e-4, abs=1e-5)
    adapter = adapter_of(policy)
    ours, theirs = (torch.autograd.grad(loss, adapter) for loss in (step.loss, expected))
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("name", [name for name, config in CONFIGS.items() if config.needs_reference])
def test_kl_is_zero_at_the_start(tiny_llama, name):
    policy = prepare(with_adapter(AutoModelForCausalLM.from_pretrained(tiny_llama), std=0.0).train())
    values = pair_step(policy, collate(PAIRS), CONFIGS[name], kl_weight=WEIGHT).values()
    assert values["kl"] == 0.0
    assert values["chosen_reward"] == values["rejected_reward"] == 0.0
    if name == "dpo":
        assert values["loss"] == pytest.approx(math.log(2), abs=1e-6)


def test_kl_rises_with_distance(tiny_llama):
    found = []
    for std in (0.01, 0.1, 0.5):
        policy = prepare(with_adapter(AutoModelForCausalLM.from_pretrained(tiny_llama), std=std))
        found.append(pair_step(policy, collate(PAIRS), CONFIGS["cita"]).values()["kl"])
    assert 0 < found[0] < found[1] < found[2]


def test_lambda_is_the_schedules_start_unless_said(policy):
    assert pair_step(policy, collate(PAIRS), CONFIGS["cita"]).values()["lambda"] == pytest.approx(0.01)
    weight = CONFIGS["cita"].kl_weight.at(9, 10)
    assert pair_step(policy, collate(PAIRS), CONFIGS["cita"], kl_weight=weight).values()["lambda"] == pytest.approx(0.1)


@pytest.mark.parametrize("weight", [0.0, -0.1, math.nan])
def test_cita_without_lambda_is_refused(policy, weight):
    with pytest.raises(UserError, match="mandatory"):
        pair_step(policy, collate(PAIRS), CONFIGS["cita"], kl_weight=weight)


def test_pairs_without_rejected_are_refused_where_they_are_compared(policy):
    batch = collate(PAIRS, rejected=False)
    with pytest.raises(UserError, match="rrhf compares"):
        pair_step(policy, batch, CONFIGS["rrhf"])


def test_packed_batches_are_refused_by_a_model_that_cannot_read_them(model):
    with pytest.raises(UserError, match="must be padded"):
        pair_step(prepare(model, pack=False), collate(PAIRS), CONFIGS["dpo"])


def test_padding_never_counts(policy):
    """Neither its tokens nor how much of it there is."""
    plain = pair_step(policy, collate(PAIRS, packed=False), CONFIGS["unified"])
    other = pair_step(policy, collate(PAIRS, packed=False, pad_id=77), CONFIGS["unified"])
    assert plain.values() == other.values()
    alone = [pair_step(policy, collate([p], packed=False), CONFIGS["dpo"]).values() for p in PAIRS]
    together = pair_step(policy, collate(PAIRS, packed=False), CONFIGS["dpo"]).values()
    for name in ("loss", "kl", "margin", "chosen_logp"):
        assert together[name] == pytest.approx(sum(v[name] for v in alone) / len(PAIRS), rel=1e-4)


def test_prompt_tokens_are_never_scored(policy):
    """A prompt token whose prediction changes leaves the loss alone; what it does to later tokens is all it can do.

    The hidden states at all positions that predict prompt tokens are spoiled on their way to the loss.
    """
    batch = collate(PAIRS, packed=False)
    expected = pair_step(policy, batch, CONFIGS["cita"]).values()
    spoiled = []

    def spoil(module, inputs, output):
        keep = torch.zeros(output.shape[0] * output.shape[1], dtype=torch.bool)
        keep[batch.predicting] = True
        spoiled.append(int((~keep).sum()))
        return torch.where(keep.view(output.shape[:2])[..., None], output, torch.full_like(output, 1e3))

    handle = policy.peft.get_base_model().model.norm.register_forward_hook(spoil)
    assert pair_step(policy, batch, CONFIGS["cita"]).values() == expected
    handle.remove()
    assert spoiled and min(spoiled) > sum(len(p.prompt) for p in PAIRS)


@pytest.mark.parametrize("name", CONFIGS)
def test_parts_of_a_step_add_up(policy, name):
    """Accumulated batches of different size give the loss and gradients of one large batch."""
    config, adapter = CONFIGS[name], adapter_of(policy)
    options = {"rejected": config.needs_rejected}
    whole = pair_step(policy, collate(PAIRS, **options), config, kl_weight=WEIGHT).loss
    totals = Totals(len(PAIRS), sum(len(p.chosen) for p in PAIRS))
    parts = [
        pair_step(policy, collate(part, **options), config, kl_weight=WEIGHT, totals=totals).loss
        for part in (PAIRS[:1], PAIRS[1:])
    ]
    torch.testing.assert_close(parts[0] + parts[1], whole)
    ours, theirs = (torch.autograd.grad(loss, adapter) for loss in (parts[0] + parts[1], whole))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_gradient_checkpointing_changes_nothing(policy):
    adapter = adapter_of(policy)
    expected = torch.autograd.grad(pair_step(policy, collate(PAIRS), CONFIGS["cita"], kl_weight=WEIGHT).loss, adapter)
    policy.peft.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    found = torch.autograd.grad(pair_step(policy, collate(PAIRS), CONFIGS["cita"], kl_weight=WEIGHT).loss, adapter)
    torch.testing.assert_close(found, expected)


def test_without_gradients_it_evaluates(policy):
    trained = pair_step(policy, collate(PAIRS), CONFIGS["unified"]).values()
    with torch.no_grad():
        step = pair_step(policy, collate(PAIRS), CONFIGS["unified"])
    assert not step.loss.requires_grad
    assert step.values() == pytest.approx(trained, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("name", ["sft", "dpo", "cita"])
def test_bfloat16_follows_float32(tiny_llama, name):
    values = []
    for dtype in (torch.float32, torch.bfloat16):
        base = AutoModelForCausalLM.from_pretrained(tiny_llama, dtype=torch.bfloat16).to(dtype)
        policy = prepare(with_adapter(base, std=0.1))
        config = CONFIGS[name]
        step = pair_step(policy, collate(PAIRS, rejected=config.needs_rejected), config, kl_weight=WEIGHT)
        assert step.loss.dtype == torch.float32
        step.loss.backward()
        assert all(p.grad.isfinite().all() for p in adapter_of(policy))
        values.append(step.values())
    assert values[1]["loss"] == pytest.approx(values[0]["loss"], rel=0.05)
    assert values[1]["chosen_logp"] == pytest.approx(values[0]["chosen_logp"], rel=0.05)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_loss_falls(tiny_llama, name):
    config = CONFIGS[name]
    policy = prepare(with_adapter(AutoModelForCausalLM.from_pretrained(tiny_llama), std=0.0).train())
    optimiser = torch.optim.AdamW(adapter_of(policy), lr=2e-2)
    batch = collate(PAIRS, rejected=config.needs_rejected)
    history = []
    for step in range(12):
        result = pair_step(policy, batch, config, kl_weight=Annealing(0.01, 0.1).at(step, 12))
        optimiser.zero_grad()
        result.loss.backward()
        optimiser.step()
        history.append(result.values())
    assert history[-1]["loss"] < history[0]["loss"] - 0.1
    if config.needs_rejected:
        assert history[-1]["margin"] > history[0]["margin"]
    if config.needs_reference:
        assert history[0]["kl"] == 0 < history[-1]["kl"]


def quantised(folder):
    pytest.importorskip("bitsandbytes")
    options = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)
    base = AutoModelForCausalLM.from_pretrained(folder, quantization_config=options, dtype=torch.float32)
    assert type(base.model.layers[0].mlp.down_proj).__name__ == "Linear4bit"
    return base


@pytest.fixture
def wide_llama(tmp_path):
    """Layers as wide as the 4-bit kernels want them."""
    return tiny.save_llama(tmp_path / "wide", hidden_size=128, intermediate_size=256)


def test_a_quantised_base_is_trained_too(wide_llama):
    """The reference runs first, and every layer of the adapter still learns, also after an evaluation."""
    policy = prepare(with_adapter(quantised(wide_llama), std=0.1).train())
    for _ in range(2):
        packed, padded = (pair_step(policy, collate(PAIRS, packed=p), CONFIGS["cita"]) for p in (True, False))
        assert packed.values() == pytest.approx(padded.values(), rel=1e-3, abs=1e-4)
        assert packed.values()["kl"] > 0
        gradients = torch.autograd.grad(packed.loss, adapter_of(policy))
        assert all(g.abs().max() > 0 for g in gradients)
        with torch.no_grad():
            policy.peft.eval()(input_ids=torch.tensor([[5, 6, 7]]))
        policy.peft.train()


def test_a_quantised_base_that_has_answered_is_refused_where_it_would_not_learn(wide_llama):
    base = quantised(wide_llama).eval()
    with torch.no_grad():
        base(input_ids=torch.tensor([[5, 6, 7]]))
    if not getattr(base.model.layers[0].mlp.down_proj.weight.quant_state, "packing_format_for_cpu", False):
        pytest.skip("this processor's 4-bit layers keep their form")
    with pytest.raises(UserError, match="pass no gradients on"):
        prepare(with_adapter(base))


@pytest.mark.real_model
def test_embedded_model_packed_as_padded(monkeypatch):
    if USERS_CACHE is None:
        monkeypatch.delenv("ALIGNTUI_CACHE")
    else:
        monkeypatch.setenv("ALIGNTUI_CACHE", USERS_CACHE)
    base = load_base(dtype="float32", device="cpu")
    policy = prepare(with_adapter(base.model, std=0.02))
    assert policy.packs

    def ids(text):
        return encode_rendered(base.tokenizer, text)

    prompts = [
        ids(render_prompt(base.tokenizer, base.template, [Message("user", text)], "Answer briefly.", Mode.SYSTEM))
        for text in ("What is a tide?", "Why do cats purr when somebody strokes them?")
    ]
    pairs = [
        Pair(prompts[0], ids("The sea rising and falling with the moon."), ids("A long story, really, and a wet one.")),
        Pair(prompts[1], ids("Mostly from contentment."), ids("They do so for reasons that nobody has fully settled.")),
    ]
    packed, padded = (pair_step(policy, collate(pairs, packed=p), CONFIGS["cita"]).values() for p in (True, False))
    assert packed == pytest.approx(padded, rel=1e-4, abs=1e-4)
    assert packed["kl"] > 0
