"""What the curves of a run say, in plain sentences; each rule is a function of its own.

They are rules of thumb over figures of single steps, which are noisy: beginning and end of a curve are means of a fifth
of its steps, and a change counts when it is larger than twice its standard error. Neighbouring steps are not independent,
so that is a threshold and no test. Every rule is pinned in tests/workbench/test_training_reading.py.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from aligntui.config.training import TrainingConfig
from aligntui.jobs.story import Story
from aligntui.workbench.training.trend import FEWEST_STEPS, Trend

LONG_STEPS = 50
"""From so many steps on, not having learnt is worth a word."""
ALL_WON_STEPS = 20
HIGH_KL = 1.0
"""Nats a token; a policy that far from its reference writes differently from it in about every sentence. A judgement."""
CUT_SHARE = 0.05


@dataclass(frozen=True)
class Reading:
    """One thing that the curves say."""

    rule: str
    weight: str
    """`good`, `note` or `warning`."""
    text: str


Rule = Callable[[Story, TrainingConfig | None], str]
"""What a rule has to say, as a sentence; empty where it does not apply."""


def read_curves(story: Story, config: TrainingConfig | None = None) -> list[Reading]:
    """Everything that the rules have to say of a run so far, warnings first.

    Args:
        story: of the run.
        config: of the run; some rules need it.
    """
    found: list[Reading] = []
    for weight, rules in RULES.items():
        for rule in rules:
            if text := rule(story, config):
                found.append(Reading(rule.__name__, weight, text))
    return found


def loss_is_no_number(story: Story, config: TrainingConfig | None) -> str:
    """Steps whose loss was no finite number."""
    missing = len(story.curves["lr"]) - len(story.curves["loss"])
    if missing <= 0:
        return ""
    return (
        f"{missing} of the steps had a loss that is not a number: the learning rate is too high or a record is damaged."
    )


def loss_does_not_fall(story: Story, config: TrainingConfig | None) -> str:
    """The loss after many steps is where it was."""
    trend = Trend.of(story.curves["loss"])
    if trend is None or len(story.curves["loss"]) < LONG_STEPS or trend.falls or trend.rises:
        return ""
    return (
        f"The loss has not fallen in {len(story.curves['loss'])} steps ({trend.first:.3g} -> {trend.last:.3g}): the learning "
        "rate may be too low, the adapter too small, or the data may hold nothing that tells the answers apart."
    )


def loss_rises(story: Story, config: TrainingConfig | None) -> str:
    """The loss ends clearly above its beginning."""
    trend = Trend.of(story.curves["loss"])
    if trend is None or not trend.rises:
        return ""
    lowered = _lambda_rises(story)
    why = (
        " Part of it is lambda, which rises by design: look at margin and KL instead."
        if lowered
        else " The learning rate is probably too high."
    )
    return f"The loss rises ({trend.first:.3g} -> {trend.last:.3g}).{why}"


def overfits(story: Story, config: TrainingConfig | None) -> str:
    """The held-out loss has turned while the training loss goes on falling."""
    held_out = story.eval_curve()
    trend = Trend.of(story.curves["loss"])
    if len(held_out) < 3 or trend is None or not trend.falls:
        return ""
    best_step, best = min(held_out, key=lambda point: point[1])
    last = held_out[-1][1]
    since = [value for step, value in held_out if step > best_step]
    if len(since) < 2 or last <= best + 0.02 * abs(best):
        return ""
    return (
        f"The held-out loss was lowest at step {best_step:,} ({best:.3g}) and has risen to {last:.3g} while the training loss "
        f"goes on falling: from there on it learns the records and not the rule. The checkpoint near step {best_step:,} is "
        "the one to try."
    )


def chosen_falls_with_the_margin(story: Story, config: TrainingConfig | None) -> str:
    """Likelihood displacement (arXiv 2410.08847): preferred answers lose probability while they win."""
    chosen, margin = Trend.of(story.curves["chosen_logp"]), Trend.of(story.curves["margin"])
    if chosen is None or margin is None or not chosen.falls or not margin.rises:
        return ""
    return (
        f"The chosen log-prob falls ({chosen.first:.4g} -> {chosen.last:.4g}) while the margin grows: both answers become less "
        "likely, the rejected one faster, and the probability goes to texts that nobody chose. Look at the samples; a part "
        "of SFT (unified), a larger lambda or a smaller learning rate holds it."
    )


def margin_grows(story: Story, config: TrainingConfig | None) -> str:
    """What a contrast is there for."""
    chosen, margin = Trend.of(story.curves["chosen_logp"]), Trend.of(story.curves["margin"])
    if chosen is None or margin is None or not margin.rises or chosen.falls:
        return ""
    rejected = Trend.of(story.curves["rejected_logp"])
    how = "the rejected one less likely" if rejected is not None and rejected.falls else "the rejected one lags behind"
    return f"The margin grows ({margin.first:.3g} -> {margin.last:.3g}); the chosen answer keeps or gains probability, {how}."


def margin_stands_still(story: Story, config: TrainingConfig | None) -> str:
    """A contrast that has not begun to work."""
    margin = Trend.of(story.curves["margin"])
    if margin is None or len(story.curves["margin"]) < LONG_STEPS or margin.rises:
        return ""
    if margin.falls:
        return (
            f"The margin falls ({margin.first:.3g} -> {margin.last:.3g}): the KL or SFT part outweighs the contrast, or "
            "chosen and rejected are mixed up in the data."
        )
    return (
        f"The margin has not moved in {len(story.curves['margin'])} steps (about {margin.last:.3g}): nothing tells chosen from "
        "rejected yet. Raise the learning rate or beta, or lower lambda."
    )


def every_pair_is_won(story: Story, config: TrainingConfig | None) -> str:
    """The accuracy has been 1 for long: the contrast is saturated."""
    last = [value for _, value in story.curves["accuracy"][-ALL_WON_STEPS:]]
    if len(last) < ALL_WON_STEPS or min(last) < 1.0:
        return ""
    return (
        f"Every pair of the last {ALL_WON_STEPS} steps was won: little is left to learn from them, and further steps mostly "
        "widen margins that are won already. Held-out accuracy tells whether the rule was learnt."
    )


def accuracy_is_chance(story: Story, config: TrainingConfig | None) -> str:
    """After many steps pairs are won as often as lost."""
    values = [value for _, value in story.curves["accuracy"]]
    last = values[-LONG_STEPS // 2 :]
    if len(values) < LONG_STEPS or abs(statistics.fmean(last) - 0.5) > 0.1:
        return ""
    return f"Pairs are won as often as lost (accuracy {statistics.fmean(last):.0%} over the last {len(last)} steps)."


def kl_is_high(story: Story, config: TrainingConfig | None) -> str:
    """The policy has gone far from its reference."""
    points = story.curves["kl"]
    if len(points) < FEWEST_STEPS:
        return ""
    last = statistics.fmean(value for _, value in points[-5:])
    if last <= HIGH_KL:
        return ""
    return (
        f"The KL is {last:.2g} nats a token: the adapter writes far from the base. Compare its answers to general questions, and "
        "raise lambda or lower the learning rate if they have suffered."
    )


def kl_stays_zero(story: Story, config: TrainingConfig | None) -> str:
    """The policy has not left its reference."""
    points = story.curves["kl"]
    if len(points) < LONG_STEPS or max(abs(value) for _, value in points) > 1e-4:
        return ""
    return f"The KL is 0 after {len(points)} steps: the adapter changes nothing yet."


def kl_is_negative(story: Story, config: TrainingConfig | None) -> str:
    """Only the readings that are no divergence can do that."""
    points = story.curves["kl"]
    if not points or points[-1][1] >= -1e-6 or config is None or config.loss.kl == "full":
        return ""
    return (
        f"The KL reads {points[-1][1]:.3g}, below 0: the reading {config.loss.kl} is no divergence (methods, section 2). "
        "`--set kl=full` measures one."
    )


def gradients_jump(story: Story, config: TrainingConfig | None) -> str:
    """Single steps with gradients far above the usual."""
    values = [value for _, value in story.curves["grad_norm"]]
    if len(values) < FEWEST_STEPS:
        return ""
    usual = statistics.median(values)
    jumps = [step for step, value in story.curves["grad_norm"][3:] if usual > 0 and value > 10 * usual]
    if not jumps:
        return ""
    shown = ", ".join(f"{step:,}" for step in jumps[-3:])
    return (
        f"The gradient norm jumped to more than ten times its median at step {shown}"
        f"{' and others' if len(jumps) > 3 else ''}: look at the records of that step."
    )


def every_step_is_clipped(story: Story, config: TrainingConfig | None) -> str:
    """Clipping decides the length of every step."""
    values = [value for _, value in story.curves["grad_norm"]]
    if config is None or config.optimiser.clip <= 0 or len(values) < FEWEST_STEPS:
        return ""
    share = sum(value > config.optimiser.clip for value in values) / len(values)
    if share < 0.9:
        return ""
    return (
        f"{share:.0%} of the steps were clipped at {config.optimiser.clip:g} (median norm {statistics.median(values):.3g}): "
        "all steps count alike, whatever they found. Usual for sums of log-probs; a larger clip or a smaller beta loosens it."
    )


def nothing_moves(story: Story, config: TrainingConfig | None) -> str:
    """No gradient at all."""
    values = [value for _, value in story.curves["grad_norm"]]
    if len(values) < 3 or max(values) > 0:
        return ""
    return "The gradient is 0 at every step: nothing is trained. Target modules and the truncation of answers are suspects."


def answers_are_cut(story: Story, config: TrainingConfig | None) -> str:
    """Many records do not fit the training length."""
    data = story.data
    if data is None or not data.records or data.truncated + data.dropped <= CUT_SHARE * data.records:
        return ""
    length = f" (length {config.steps.length:,})" if config else ""
    return (
        f"{data.truncated:,} of {data.records:,} records lost the end of an answer and {data.dropped:,} were dropped{length}: "
        "the adapter learns answers without an end. Raise the length, or leave them out."
    )


def samples_stay_the_same(story: Story, config: TrainingConfig | None) -> str:
    """The fixed prompts have had the same answers at three checkpoints and more."""
    by_prompt: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for sample in story.samples:
        by_prompt.setdefault((sample.prompt, sample.instruction), []).append((sample.step, sample.answer))
    if not by_prompt or any(
        len(answers) < 3 or len({text for _, text in answers}) > 1 for answers in by_prompt.values()
    ):
        return ""
    first = min(answers[0][0] for answers in by_prompt.values())
    return f"The sample answers have been the same since step {first:,}: what is learnt does not reach them yet."


def memory_grows(story: Story, config: TrainingConfig | None) -> str:
    """The process takes ever more memory."""
    points = story.curves["memory_bytes"]
    half = points[len(points) // 2 :]
    if len(points) < LONG_STEPS or half[-1][1] < 1.25 * half[0][1]:
        return ""
    return (
        f"Memory has grown from {half[0][1] / 1e9:.1f} to {half[-1][1] / 1e9:.1f} GB since step {half[0][0]:,}: it may run out "
        "before the end. Checkpoints are whole; stop and resume frees it."
    )


def speed_has_dropped(story: Story, config: TrainingConfig | None) -> str:
    """The last steps are much slower than the run was."""
    values = [value for _, value in story.curves["tokens_per_second"]]
    if len(values) < 2 * FEWEST_STEPS:
        return ""
    usual, last = statistics.median(values), statistics.median(values[-5:])
    if last > 0.5 * usual:
        return ""
    return f"It runs at {last:,.0f} tokens/s after {usual:,.0f}: something else is using the machine, or it swaps."


def loss_falls(story: Story, config: TrainingConfig | None) -> str:
    """What training is there for; said where no margin says more."""
    trend = Trend.of(story.curves["loss"])
    if trend is None or not trend.falls or story.curves["margin"]:
        return ""
    held_out = story.eval_curve()
    also = f", held out {held_out[0][1]:.3g} -> {held_out[-1][1]:.3g}" if len(held_out) > 1 else ""
    return f"The loss falls ({trend.first:.3g} -> {trend.last:.3g}{also})."


def too_short_to_read(story: Story, config: TrainingConfig | None) -> str:
    """There are steps, and too few of them."""
    steps = len(story.curves["loss"])
    return f"After {steps} steps the curves say nothing yet." if 0 < steps < FEWEST_STEPS else ""


def _lambda_rises(story: Story) -> bool:
    points = story.curves["kl_weight"]
    return len(points) > 1 and points[-1][1] > 1.01 * points[0][1]


RULES: dict[str, tuple[Rule, ...]] = {
    "warning": (
        loss_is_no_number,
        nothing_moves,
        loss_rises,
        loss_does_not_fall,
        overfits,
        chosen_falls_with_the_margin,
        margin_stands_still,
        accuracy_is_chance,
        kl_is_high,
        kl_stays_zero,
        gradients_jump,
        answers_are_cut,
        memory_grows,
        speed_has_dropped,
    ),
    "note": (every_pair_is_won, kl_is_negative, every_step_is_clipped, samples_stay_the_same, too_short_to_read),
    "good": (margin_grows, loss_falls),
}
"""All rules by the weight of what they say, in the order in which it is said."""
