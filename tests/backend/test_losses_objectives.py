"""Losses against values computed by hand, and the rules of their configuration."""

import math

import pytest
import torch

from aligntui.backend.train.losses.config import Annealing, Contrast, KlReading, LossConfig, Method, SftReduction
from aligntui.backend.train.losses.objectives import (
    answer_sums,
    contrast_loss,
    draft_kl,
    full_kl,
    log_ratio_kl,
    pair_kl,
    rank_loss,
    sft_loss,
)
from aligntui.core.errors import UserError

# two pairs: chosen answers of 2 and 1 tokens, rejected ones of 1 and 3
ANSWERS = torch.tensor([0, 0, 1, 2, 3, 3, 3])
COUNTS = torch.tensor([2.0, 1.0, 1.0, 3.0])
LOGP = torch.tensor([-1.0, -2.0, -0.5, -3.0, -1.0, -1.0, -2.5])
REFERENCE = torch.tensor([-1.5, -2.0, -0.25, -2.0, -1.0, -1.5, -2.0])


def test_sums_over_answers():
    assert answer_sums(LOGP, ANSWERS, 4).tolist() == [-3.0, -0.5, -3.0, -4.5]
    assert answer_sums(LOGP, ANSWERS, 5).tolist()[4] == 0.0


def test_sft():
    chosen = torch.tensor([-3.0, -0.5])
    assert sft_loss(chosen, 3, 2, SftReduction.TOKEN_MEAN).item() == pytest.approx(3.5 / 3)
    assert sft_loss(chosen, 3, 2, SftReduction.SEQUENCE_SUM).item() == pytest.approx(3.5 / 2)


def test_dpo_by_hand():
    ratios = answer_sums(LOGP - REFERENCE, ANSWERS, 4)
    assert ratios.tolist() == pytest.approx([0.5, -0.25, -1.0, 0.0])
    found = contrast_loss(ratios[:2], ratios[2:], 0.4)
    assert found.tolist() == pytest.approx([math.log(1 + math.exp(-0.4 * 1.5)), math.log(1 + math.exp(0.4 * 0.25))])


def test_dpo_starts_at_ln_2():
    ratios = torch.zeros(3)
    assert contrast_loss(ratios, ratios, 0.1).tolist() == pytest.approx([math.log(2)] * 3)


def test_cita_is_the_softmax_that_the_draft_prints():
    chosen, rejected, beta = torch.tensor([-3.0, -0.5]), torch.tensor([-3.5, -4.5]), 0.3
    printed = [
        -math.log(math.exp(beta * s) / (math.exp(beta * s) + math.exp(beta * r)))
        for s, r in [(-3.0, -3.5), (-0.5, -4.5)]
    ]
    assert contrast_loss(chosen, rejected, beta).tolist() == pytest.approx(printed)


def test_cita_gradients_are_the_closed_form():
    beta = 0.3
    chosen = torch.tensor([-3.0, -0.5, -40.0], dtype=torch.float64, requires_grad=True)
    rejected = torch.tensor([-3.5, -4.5, -10.0], dtype=torch.float64, requires_grad=True)
    contrast_loss(chosen, rejected, beta).sum().backward()
    won = torch.sigmoid(beta * (chosen - rejected)).detach()
    torch.testing.assert_close(chosen.grad, -beta * (1 - won))
    torch.testing.assert_close(rejected.grad, beta * (1 - won))
    # what the draft prints for the second, +beta * P+, is another number
    assert not torch.allclose(rejected.grad, beta * won)


@pytest.mark.parametrize("difference", [-1e4, 1e4])
def test_contrast_stays_finite(difference):
    chosen = torch.tensor([difference], requires_grad=True)
    loss = contrast_loss(chosen, torch.zeros(1), 1.0)
    loss.sum().backward()
    assert loss.isfinite().all()
    assert chosen.grad.isfinite().all()


def test_rank_by_hand():
    chosen, rejected = torch.tensor([-1.5, -0.5]), torch.tensor([-1.0, -1.5])
    assert rank_loss(chosen, rejected).tolist() == pytest.approx([0.5, 0.0])


def test_full_kl_takes_both_answers_of_a_pair_together():
    kl = torch.tensor([0.1, 0.2, 0.3, 0.6, 0.0, 0.4, 0.1])
    assert full_kl(kl, ANSWERS, COUNTS).tolist() == pytest.approx([0.9 / 3, 0.8 / 4])


def test_draft_kl_by_hand():
    expected = [
        math.exp(-1.0) * 0.5 + math.exp(-2.0) * 0.0 + math.exp(-3.0) * -1.0,
        math.exp(-0.5) * -0.25 + math.exp(-1.0) * 0.0 + math.exp(-1.0) * 0.5 + math.exp(-2.5) * -0.5,
    ]
    assert draft_kl(LOGP, REFERENCE, ANSWERS, 2).tolist() == pytest.approx(expected)


def test_log_ratio_kl_can_be_negative():
    assert log_ratio_kl(torch.tensor([0.5, -0.25]), torch.tensor([-1.0, 0.0])).tolist() == [-0.25, -0.125]


def test_readings_by_name():
    kl = torch.full((7,), 0.25)
    found = {r: pair_kl(r, LOGP, REFERENCE, kl, ANSWERS, COUNTS).tolist() for r in KlReading}
    assert found[KlReading.FULL] == pytest.approx([0.25, 0.25])
    assert found[KlReading.LOG_RATIO] == pytest.approx([-0.25, -0.125])
    assert found[KlReading.DRAFT] == pytest.approx(draft_kl(LOGP, REFERENCE, ANSWERS, 2).tolist())


class TestAnnealing:
    def test_endpoints(self):
        weight = Annealing(0.01, 0.1)
        assert weight.at(0, 100) == 0.01
        assert weight.at(99, 100) == pytest.approx(0.1)
        assert weight.at(1, 3) == pytest.approx(0.055)

    def test_past_the_end_it_stays(self):
        assert Annealing(0.01, 0.1).at(500, 100) == pytest.approx(0.1)

    def test_one_step_starts(self):
        assert Annealing(0.01, 0.1).at(0, 1) == 0.01

    def test_constant(self):
        assert {Annealing(2.3e-4, 2.3e-4).at(s, 7) for s in range(7)} == {2.3e-4}


class TestConfig:
    @pytest.mark.parametrize("weight", [Annealing(0.0, 0.1), Annealing(0.1, 0.0), Annealing(0.0, 0.0)])
    def test_cita_without_kl_is_refused(self, weight):
        with pytest.raises(UserError, match="mandatory in CITA-KL"):
            LossConfig(Method.CITA, kl_weight=weight)

    @pytest.mark.parametrize(
        "options",
        [
            {"beta": 0.0},
            {"beta": -1.0},
            {"beta": math.nan},
            {"beta": math.inf},
            {"dpo_weight": -1.0},
            {"rank_weight": -0.1},
            {"kl_weight": Annealing(-0.1, 0.1)},
            {"kl_weight": Annealing(0.1, math.nan)},
        ],
    )
    @pytest.mark.parametrize("method", [Method.UNIFIED, Method.CITA])
    def test_weights_out_of_range_are_refused(self, method, options):
        with pytest.raises(UserError, match=next(iter(options))):
            LossConfig(method, **options)

    def test_unified_may_do_without_kl(self):
        assert LossConfig(Method.UNIFIED, kl_weight=Annealing(0.0, 0.0)).minimises_kl

    def test_what_methods_need(self):
        needs = {m: (LossConfig(m).needs_rejected, LossConfig(m).needs_reference) for m in Method}
        assert needs == {
            Method.SFT: (False, False),
            Method.DPO: (True, True),
            Method.RRHF: (True, False),
            Method.UNIFIED: (True, True),
            Method.CITA: (True, True),
        }
        assert not LossConfig(Method.DPO, contrast=Contrast.PLAIN).needs_reference

    def test_own_contrasts(self):
        contrasts = {m: LossConfig(m).contrasted for m in Method}
        assert contrasts == {
            Method.SFT: None,
            Method.RRHF: None,
            Method.DPO: Contrast.REFERENCE,
            Method.UNIFIED: Contrast.REFERENCE,
            Method.CITA: Contrast.PLAIN,
        }
        assert LossConfig(Method.CITA, contrast=Contrast.REFERENCE).contrasted is Contrast.REFERENCE
