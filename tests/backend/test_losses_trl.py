"""DPO as TRL computes it, on the same model and the same batch."""

from dataclasses import replace

import pytest
import torch
from transformers import AutoModelForCausalLM
from trl import DPOConfig, DPOTrainer

from aligntui.backend.train.losses.config import Contrast, KlReading, LossConfig, Method
from aligntui.backend.train.losses.pairs import Pair, collate
from aligntui.backend.train.losses.policy import prepare
from aligntui.backend.train.losses.step import pair_step
from datasets import Dataset
from tests.backend import tiny
from tests.backend.test_losses_policy import with_adapter

ROWS = [
    {"prompt": "Why is the sky blue?", "chosen": " Air scatters blue light.", "rejected": " It reflects the sea."},
    {"prompt": "Name a prime.", "chosen": " Seven.", "rejected": " Nine is a prime number, as everybody knows."},
    {"prompt": "Is ice lighter than water?", "chosen": " Yes: it floats.", "rejected": " No."},
]
BETA = 0.25


@pytest.fixture
def trainer(tiny_llama, tmp_path):
    options = DPOConfig(
        output_dir=str(tmp_path),
        beta=BETA,
        per_device_train_batch_size=len(ROWS),
        gradient_checkpointing=False,
        bf16=False,
        use_cpu=True,
        max_length=None,
        report_to=[],
        disable_tqdm=True,
        seed=3,
    )
    return DPOTrainer(
        model=with_adapter(AutoModelForCausalLM.from_pretrained(tiny_llama)),
        args=options,
        train_dataset=Dataset.from_list(ROWS),
        processing_class=tiny.make_tokenizer(),
    )


def pairs_of(inputs):
    """The pairs of a batch as TRL collated it."""
    rows = []
    for ids, real, answer in zip(
        inputs["input_ids"], inputs["attention_mask"].bool(), inputs["completion_mask"].bool(), strict=True
    ):
        rows.append((ids[real & ~answer].tolist(), ids[answer].tolist()))
    half = len(rows) // 2
    pairs = [Pair(rows[i][0], rows[i][1], rows[half + i][1]) for i in range(half)]
    assert all(rows[i][0] == rows[half + i][0] for i in range(half))
    return pairs


def gradients(trainer):
    found = [p.grad.clone() for p in trainer.model.parameters() if p.requires_grad]
    trainer.model.zero_grad()
    return found


@pytest.mark.parametrize("packed", [True, False])
def test_dpo_is_trls(trainer, packed):
    inputs = next(iter(trainer.get_train_dataloader()))
    assert "ref" in trainer.model.peft_config  # TRL keeps a given adapter's first state as the reference, by this name
    nudge(trainer.model)
    trainer.model.train()
    theirs = trainer.compute_loss(trainer.model, inputs)
    theirs.backward()
    expected = gradients(trainer)
    reported = {name: values[-1] for name, values in trainer._metrics["train"].items()}

    policy = prepare(trainer.model, reference=("ref",))
    step = pair_step(policy, collate(pairs_of(inputs), packed=packed), LossConfig(Method.DPO, beta=BETA))
    step.loss.backward()
    values = step.values()
    assert abs(values["margin"]) > 0.1
    assert step.loss.item() == pytest.approx(theirs.item(), abs=1e-4)
    torch.testing.assert_close(gradients(trainer), expected, atol=1e-4, rtol=1e-3)
    for ours, name in {
        "margin": "rewards/margins",
        "accuracy": "rewards/accuracies",
        "chosen_reward": "rewards/chosen",
        "rejected_reward": "rewards/rejected",
        "chosen_logp": "logps/chosen",
        "rejected_logp": "logps/rejected",
        "token_accuracy": "mean_token_accuracy",
    }.items():
        assert values[ours] == pytest.approx(reported[name], abs=1e-3), name


def test_code_of_the_follow_up_is_trls_dpo_and_half_the_log_ratios(trainer):
    """The loss that `cita-paper`'s lambda was tuned for; see papers.md, 2.1."""
    inputs = next(iter(trainer.get_train_dataloader()))
    policy = prepare(trainer.model, reference=("ref",))
    nudge(trainer.model)
    theirs = trainer.compute_loss(trainer.model, inputs).item()
    reported = {name: values[-1] for name, values in trainer._metrics["train"].items()}
    config = LossConfig(Method.CITA, beta=BETA, contrast=Contrast.REFERENCE, kl=KlReading.LOG_RATIO)
    step = pair_step(policy, collate(pairs_of(inputs)), config, kl_weight=0.5)
    ratio = 0.5 * (reported["rewards/chosen"] + reported["rewards/rejected"]) / BETA
    assert abs(ratio) > 1e-2
    assert step.loss.item() == pytest.approx(theirs + 0.5 * ratio, abs=1e-3)
    plain = pair_step(policy, collate(pairs_of(inputs)), replace(config, method=Method.DPO))
    assert plain.loss.item() == pytest.approx(theirs, abs=1e-4)


def nudge(model):
    """Move the trained adapter away from its reference."""
    torch.manual_seed(9)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad and "lora_B" in name:
                parameter.add_(0.1 * torch.randn_like(parameter))
