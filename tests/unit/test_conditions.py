"""Conditions: what made an answer, and whether two answers may be compared."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

from aligntui.core.conditions import SIDE_FIELDS, Conditions, differences, unintended

BASE = Conditions(
    model="embedded",
    model_path="/models/embedded",
    weights_sha256="w",
    adapter=None,
    adapter_path=None,
    adapter_sha256=None,
    strength=0.0,
    template_sha256="t",
    rendered_prompt="<|im_start|>user\nWhy?",
    instruction="Be brief.",
    mode="system",
    seed=0,
    temperature=0.7,
    top_p=0.95,
    max_new_tokens=256,
    dtype="bfloat16",
    quantisation=None,
    engine="aligntui/0.1.0 mixed-batch",
    versions={"torch": "2.13.0"},
)
SIDE = replace(BASE, adapter="demo", adapter_path="/a/demo", adapter_sha256="a", strength=1.0)


def test_base_and_adapter_differ_only_where_they_are_meant_to() -> None:
    assert set(differences(BASE, SIDE)) == SIDE_FIELDS
    assert unintended(BASE, SIDE) == {}
    assert differences(BASE, BASE) == {}


@pytest.mark.parametrize("name", sorted({f.name for f in fields(Conditions)} - SIDE_FIELDS))
def test_every_other_difference_is_said_with_both_values(name: str) -> None:
    changed = {"torch": "2.14.0"} if name == "versions" else 7
    assert unintended(BASE, replace(SIDE, **{name: changed})) == {name: (getattr(BASE, name), changed)}


def test_what_the_user_varies_can_be_said() -> None:
    other = replace(BASE, seed=1, temperature=0.0)
    assert set(unintended(BASE, other, frozenset({"seed"}))) == {"temperature"}


def test_they_survive_the_way_through_json_and_later_versions() -> None:
    stored = json.loads(json.dumps(SIDE.as_dict()))
    assert Conditions.from_dict(stored) == SIDE
    assert Conditions.from_dict({**stored, "of_a_later_version": 1}) == SIDE


def test_the_hash_follows_the_content() -> None:
    assert Conditions.from_dict(BASE.as_dict()).sha256 == BASE.sha256
    assert replace(BASE, seed=1).sha256 != BASE.sha256


def test_the_keys_are_those_of_the_json_output() -> None:
    promised = (
        "model model_path weights_sha256 adapter adapter_path adapter_sha256 strength template_sha256 rendered_prompt "
        "instruction mode seed temperature top_p max_new_tokens dtype quantisation engine versions"
    )
    assert set(promised.split()) <= set(BASE.as_dict())
