"""Rows as they come over the pipe: everything wrong with them is said before anything is decoded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aligntui.backend.infer.adapters import AdapterShelf
from aligntui.backend.infer.conditions import conditions_of
from aligntui.backend.infer.prepare import prepare_row
from aligntui.core.errors import UserError
from aligntui.wire.engine import AdapterRef, Row
from tests.backend import tiny

ROW = Row("r", (("user", "Why?"),), instruction="Be brief.", temperature=0.5, seed=3)


def test_a_row_is_rendered_and_tokenised(shelf: AdapterShelf) -> None:
    plan, rendered = prepare_row(ROW, shelf)
    assert rendered == "<|system|>Be brief.<|end|><|user|>Why?<|end|><|assistant|>"
    assert plan.prompt_ids == tiny.ids_of(rendered)
    assert (plan.sampling.temperature, plan.sampling.seed, plan.adapter, plan.prefix_ids) == (0.5, 3, None, [])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"history": (("user", "  \n "),)}, "prompt is empty"),
        ({"history": (("user", "x\ud800y"),)}, "half a character"),
        ({"instruction": "\udfff"}, "half a character"),
        ({"prefix_text": "\udfff"}, "half a character"),
        ({"history": ()}, "must end with a message of the user"),
        ({"history": (("user", "x"), ("assistant", "y"))}, "must end with a message of the user"),
        ({"history": (("system", "x"), ("user", "y"))}, "not of 'system'"),
        ({"mode": "shout"}, "mode 'shout' is not known"),
        ({"mode": "injection", "injection_every": 0}, "at least 1"),
        ({"temperature": -1.0}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"seed": -1}, "seed"),
        ({"strength": float("nan")}, "strength"),
        ({"strength": 50.0}, "strength"),
        ({"prefix_token_ids": (99999,)}, "does not have"),
        ({"adapter": AdapterRef("x", "/no/where")}, "no adapter folder"),
    ],
)
def test_what_is_wrong_with_a_row(shelf: AdapterShelf, changes: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        prepare_row(replace(ROW, **changes), shelf)  # type: ignore[arg-type]


def test_a_prompt_longer_than_the_context_is_said_with_counts(shelf: AdapterShelf) -> None:
    with pytest.raises(UserError, match=r"The prompt has 1,\d+ tokens; the context of this model holds 512"):
        prepare_row(replace(ROW, history=(("user", "x" * 1200),)), shelf)


def test_a_prefix_loses_the_tokens_that_ended_it(shelf: AdapterShelf) -> None:
    ids = tiny.ids_of("So")
    assert prepare_row(replace(ROW, prefix_token_ids=(*ids, tiny.END_ID)), shelf)[0].prefix_ids == ids
    assert prepare_row(replace(ROW, prefix_text="So é"), shelf)[0].prefix_ids == tiny.ids_of("So é")


def test_conditions_say_everything(shelf: AdapterShelf, adapter_a: object) -> None:
    plan, rendered = prepare_row(ROW, shelf)
    base = conditions_of(ROW, shelf.base, plan.adapter, rendered, "mixed-batch")
    assert (base.adapter, base.adapter_path, base.adapter_sha256, base.strength) == (None, None, None, 0.0)
    assert (base.mode, base.instruction, base.injection_every) == ("system", "Be brief.", None)
    assert base.engine.startswith("aligntui/") and base.engine.endswith(" mixed-batch")
    assert base.rendered_prompt == rendered
    row = replace(ROW, adapter=AdapterRef("a", str(adapter_a)), strength=1.5, mode="injection", injection_every=2)
    plan, rendered = prepare_row(row, shelf)
    tuned = conditions_of(row, shelf.base, plan.adapter, rendered, "mixed-batch")
    assert plan.adapter is not None
    assert (tuned.adapter, tuned.adapter_path, tuned.strength) == ("a", str(adapter_a), 1.5)
    assert tuned.adapter_sha256 == plan.adapter.sha256
    assert tuned.injection_every == 2
    assert tuned.as_dict()["weights_sha256"] == base.weights_sha256
