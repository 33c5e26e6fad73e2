"""Each rule, on curves that call for it and on curves that do not."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from aligntui.config.training import TrainingConfig, apply_settings
from aligntui.jobs.story import Story
from aligntui.wire import run_events as wire
from aligntui.workbench.training.reading import RULES, read_curves
from aligntui.workbench.training.trend import Trend

Curve = Callable[[int], float]


def story(steps: int = 60, **curves: Curve) -> Story:
    """A run whose figures follow the given functions of the step, with a little noise."""
    dice = random.Random(5)
    made = Story()
    for number in range(1, steps + 1):
        values = {name: curve(number) + dice.gauss(0, 0.01) for name, curve in curves.items()}
        exact = {name: curves[name](number) for name in ("accuracy", "grad_norm", "memory_bytes") if name in curves}
        event = wire.Step(number, **{"lr": 1e-4, **values, **exact})  # type: ignore[arg-type]
        made.add(wire.Stamped(number, float(number), event))
    return made


def rising(scale: float = 0.1) -> Curve:
    return lambda step: scale * step


def falling(scale: float = 0.1) -> Curve:
    return lambda step: -scale * step


def flat(value: float = 1.0) -> Curve:
    return lambda step: value


def held_out(made: Story, *points: tuple[int, float]) -> Story:
    for number, loss in points:
        made.add(wire.Stamped(1000 + number, 1.0, wire.Eval(number, loss=loss)))
    return made


def rules(made: Story, config: TrainingConfig | None = None) -> list[str]:
    return [one.rule for one in read_curves(made, config)]


def text(made: Story, rule: str, config: TrainingConfig | None = None) -> str:
    return next(one.text for one in read_curves(made, config) if one.rule == rule)


def test_a_healthy_contrast_is_told_in_one_sentence() -> None:
    made = story(loss=falling(0.005), margin=rising(), chosen_logp=rising(0.05), rejected_logp=falling(0.2))
    assert rules(made) == ["margin_grows"]
    assert "rejected one less likely" in text(made, "margin_grows")


def test_chosen_falls_while_the_margin_grows() -> None:
    made = story(loss=falling(0.005), margin=rising(), chosen_logp=falling(0.1), rejected_logp=falling(0.3))
    said = text(made, "chosen_falls_with_the_margin")
    assert "both answers become less likely" in said.replace("\n", " ") and "-0.6" in said
    assert "margin_grows" not in rules(made)


def test_a_loss_that_stands_still_and_one_that_rises() -> None:
    assert "loss_does_not_fall" in rules(story(loss=flat()))
    assert "loss_does_not_fall" not in rules(story(30, loss=flat())), "too early to say"
    assert "learning rate" in text(story(loss=rising()), "loss_rises")
    annealed = story(loss=rising(), kl_weight=rising(0.01))
    assert "lambda, which rises by design" in text(annealed, "loss_rises")


def test_sft_has_a_falling_loss() -> None:
    made = held_out(story(loss=falling(0.01)), (10, 2.0), (60, 1.5))
    assert rules(made) == ["loss_falls"]
    assert "held out 2 -> 1.5" in text(made, "loss_falls")


def test_overfitting_names_the_checkpoint_to_try() -> None:
    made = held_out(story(loss=falling(0.01)), (10, 1.0), (20, 0.8), (30, 0.9), (40, 1.0))
    assert "step 20" in text(made, "overfits")
    assert "overfits" not in rules(held_out(story(loss=falling(0.01)), (10, 1.0), (20, 0.9), (30, 0.8), (40, 0.79)))
    assert "overfits" not in rules(held_out(story(loss=flat()), (10, 1.0), (20, 0.8), (30, 0.9), (40, 1.0)))


def test_a_margin_that_does_not_move_or_falls() -> None:
    assert "has not moved in 60 steps" in text(story(loss=falling(), margin=flat(0)), "margin_stands_still")
    assert "mixed up" in text(story(loss=falling(), margin=falling()), "margin_stands_still")
    assert "margin_stands_still" not in rules(story(30, loss=falling(), margin=flat(0)))


def test_accuracy_at_chance_and_at_its_end() -> None:
    coin = story(accuracy=lambda step: float(step % 2))
    assert "accuracy_is_chance" in rules(coin) and "every_pair_is_won" not in rules(coin)
    won = story(accuracy=flat(1.0))
    assert "every_pair_is_won" in rules(won) and "accuracy_is_chance" not in rules(won)


def test_kl_far_none_and_below_zero() -> None:
    assert "kl_is_high" in rules(story(kl=rising()))
    assert "kl_is_high" not in rules(story(kl=flat(0.3)))
    still = Story()
    for number in range(1, 61):
        still.add(wire.Stamped(number, 1.0, wire.Step(number, kl=0.0)))
    assert "kl_stays_zero" in rules(still)
    below = story(kl=flat(-0.5))
    log_ratio = apply_settings(TrainingConfig(), ["kl=log_ratio"])
    assert "log_ratio is no divergence" in text(below, "kl_is_negative", log_ratio)
    assert "kl_is_negative" not in rules(below, TrainingConfig())


def test_gradients() -> None:
    jumping = story(grad_norm=lambda step: 50.0 if step in (20, 40) else 1.0)
    assert "at step 20, 40" in text(jumping, "gradients_jump")
    assert "gradients_jump" not in rules(story(grad_norm=lambda step: 1.0 + step % 3))
    assert "nothing_moves" in rules(story(grad_norm=flat(0.0)))
    assert "100% of the steps were clipped at 1" in text(
        story(grad_norm=flat(7.0)), "every_step_is_clipped", TrainingConfig()
    )
    assert "every_step_is_clipped" not in rules(
        story(grad_norm=flat(7.0)), apply_settings(TrainingConfig(), ["clip=0"])
    )


def test_memory_and_speed() -> None:
    assert "memory_grows" in rules(story(80, memory_bytes=lambda step: 1e9 + 5e7 * step))
    assert "memory_grows" not in rules(story(80, memory_bytes=flat(2e9)))
    slower = story(60, tokens_per_second=lambda step: 100.0 if step < 55 else 20.0)
    assert "after 100" in text(slower, "speed_has_dropped")
    assert "speed_has_dropped" not in rules(story(60, tokens_per_second=flat(100)))


def test_records_that_were_cut() -> None:
    made = story(5)
    made.add(wire.Stamped(900, 1.0, wire.Data(100, 1000, 500, truncated=30, dropped=2)))
    assert "30 of 100 records lost the end" in text(made, "answers_are_cut")
    made.add(wire.Stamped(901, 1.0, wire.Data(100, 1000, 500, truncated=3, dropped=0)))
    assert "answers_are_cut" not in rules(made)


def test_samples_that_never_change() -> None:
    made = story(5)
    for number in (10, 20, 30):
        made.add(wire.Stamped(100 + number, 1.0, wire.Sample(number, "p", "", "the same")))
    assert "since step 10" in text(made, "samples_stay_the_same")
    made.add(wire.Stamped(140, 1.0, wire.Sample(40, "p", "", "another")))
    assert "samples_stay_the_same" not in rules(made)


def test_a_loss_that_is_no_number_is_counted() -> None:
    made = story(20, loss=flat())
    made.add(wire.Stamped(99, 1.0, wire.Step(21, loss=None, lr=1e-4)))
    assert text(made, "loss_is_no_number").startswith("1 of the steps")


def test_few_steps_say_nothing_and_none_says_less() -> None:
    assert rules(story(4, loss=rising())) == ["too_short_to_read"]
    assert rules(Story()) == []


def test_noise_without_a_trend_is_none() -> None:
    dice = random.Random(1)
    for _ in range(20):
        trend = Trend.of([(n, dice.gauss(0, 1)) for n in range(60)])
        assert trend is not None and not (trend.rises and trend.falls)
    steady = Trend.of([(n, 2.0) for n in range(60)])
    assert steady is not None and not steady.rises and not steady.falls


def test_a_trend_by_hand() -> None:
    trend = Trend.of([(n, float(n)) for n in range(1, 16)])  # fifths: 1 2 3 and 13 14 15, variance 1 each
    assert trend is not None
    assert (trend.first, trend.last, trend.change) == (2.0, 14.0, 12.0)
    assert trend.error == pytest.approx(math.sqrt(2 / 3))
    assert Trend.of([(n, 1.0) for n in range(9)]) is None


def test_every_rule_is_listed_once_and_tested_here() -> None:
    names = [rule.__name__ for found in RULES.values() for rule in found]
    assert len(set(names)) == len(names)
    here = Path(__file__).read_text()
    assert [name for name in names if f'"{name}"' not in here] == []
