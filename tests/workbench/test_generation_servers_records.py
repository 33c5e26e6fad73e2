"""What is kept of a server's answer: conditions that admit what nobody knows, and cache keys that hold all that is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aligntui.core.conditions import Conditions, unintended
from aligntui.core.ids import sha256_text
from aligntui.core.turn import Finish
from aligntui.engine.servers.address import Api, ServerAddress
from aligntui.engine.servers.answer import ServerAnswer
from aligntui.engine.servers.offer import Offer
from aligntui.engine.servers.question import OPTIONAL, Dialect
from aligntui.wire.engine import Row
from aligntui.workbench.generation.cells import cache_key
from aligntui.workbench.generation.served import (
    conditions_of,
    question_of,
    served_cache_key,
    served_ref,
    whole_record,
)
from tests.workbench.test_generation_cells import ASKING, CELL, MODEL, SIDE

DEMO = served_ref("demo", "llama-demo")
OFFER = Offer(
    ServerAddress("http://gpu1:8000/v1"),
    {"base": "llama", "demo": "llama-demo"},
    context_length=4096,
    software="vllm",
    roots={"base": "org/llama", "demo": "/adapters/demo"},
    fingerprint="fp_1",
)
ROW = Row("key", (("user", "Why?"),), "Be brief.", adapter=DEMO, temperature=0.7, top_p=0.9, max_new_tokens=32, seed=5)
BASE = replace(ROW, adapter=None)
ANSWER = ServerAnswer("Yes.", Finish.STOP, model="llama-demo", fingerprint="fp_2")


def test_conditions_admit_what_is_not_known() -> None:
    assert conditions_of(ROW, OFFER, "llama", ANSWER) == Conditions(
        model="llama",
        model_path="org/llama",
        weights_sha256="unknown:llama",
        adapter="demo",
        adapter_path="served:llama-demo",
        adapter_sha256="unknown:llama-demo",
        strength=1.0,
        template_sha256="unknown",
        rendered_prompt="",
        instruction="Be brief.",
        mode="system",
        seed=5,
        temperature=0.7,
        top_p=0.9,
        max_new_tokens=32,
        dtype="unknown",
        quantisation=None,
        engine="server:gpu1:8000",
        versions={"url": "http://gpu1:8000/v1", "software": "vllm", "system_fingerprint": "fp_2"},
        device="unknown",
    )


def test_the_sides_of_one_server_are_comparable_and_those_of_others_are_not() -> None:
    base, demo = conditions_of(BASE, OFFER, "llama"), conditions_of(ROW, OFFER, "llama")
    assert not unintended(base, demo)
    elsewhere = conditions_of(ROW, replace(OFFER, address=ServerAddress("http://gpu2:8000/v1")), "llama")
    assert set(unintended(base, elsewhere)) == {"engine", "versions"}
    local = replace(base, engine="aligntui/0.1.0 mixed-batch", weights_sha256="w" * 64, dtype="float32")
    assert {"engine", "weights_sha256", "dtype"} <= set(unintended(base, local))
    later = conditions_of(BASE, OFFER, "llama", replace(ANSWER, model="llama", fingerprint="fp_3"))
    assert set(unintended(base, later)) == {"versions"}, "the server says that it has changed"


def test_what_a_server_says_of_itself_is_kept() -> None:
    own = replace(OFFER, dialect=Dialect(fields=OPTIONAL - {"top_k", "logprobs"}))
    said = conditions_of(ROW, own, "llama", replace(ANSWER, model="llama-demo-2026-01")).versions
    assert said["answered_as"] == "llama-demo-2026-01" and said["servers_own"] == "top_k"
    assert "answered_as" not in conditions_of(ROW, OFFER, "llama", ANSWER).versions
    bare = Offer(ServerAddress("http://gpu1:8000/v1"), {"base": "llama"})
    assert conditions_of(BASE, bare, "llama").versions == {"url": "http://gpu1:8000/v1"}


def test_a_plain_text_is_known_to_the_last_letter() -> None:
    plain = replace(OFFER, dialect=Dialect(Api.PLAIN, system_slot=False))
    found = conditions_of(ROW, plain, "llama")
    assert (found.rendered_prompt, found.template_sha256) == ("Be brief.\n\nWhy?", sha256_text("plain"))


def test_a_later_turn_carries_its_history_and_the_instruction_where_it_is_due() -> None:
    history = (("user", "One?"), ("assistant", "1."), ("user", "Two?"))
    asked = question_of(replace(ROW, history=history, mode="injection", injection_every=2), OFFER)
    assert [(one.role, one.content) for one in asked.messages] == [
        ("user", "Be brief.\n\nOne?"),
        ("assistant", "1."),
        ("user", "Two?"),
    ]
    assert asked.sampling.seed == 5 and asked.sampling.top_p == 0.9


def key(row: Row = ROW, offer: Offer = OFFER) -> str:
    return served_cache_key(row, offer)


@pytest.mark.parametrize(
    "other",
    [
        key(replace(ROW, history=(("user", "Why not?"),))),
        key(replace(ROW, instruction="Be long.")),
        key(replace(ROW, mode="ita")),
        key(replace(ROW, seed=6)),
        key(replace(ROW, temperature=0.8)),
        key(replace(ROW, max_new_tokens=33)),
        key(BASE),
        key(offer=replace(OFFER, address=ServerAddress("http://gpu2:8000/v1"))),
        key(offer=replace(OFFER, models={"demo": "llama-demo-2"})),
        key(offer=replace(OFFER, roots={"demo": "/adapters/demo-2"})),
        key(offer=replace(OFFER, fingerprint="fp_2")),
        key(offer=replace(OFFER, software="llamacpp")),
        key(offer=replace(OFFER, context_length=8192)),
        key(offer=replace(OFFER, dialect=Dialect(Api.PLAIN))),
        key(offer=replace(OFFER, dialect=Dialect(fields=OPTIONAL - {"top_k"}))),
        cache_key(CELL.row(SIDE, ASKING), SIDE, MODEL),
    ],
)
def test_whatever_is_known_to_decide_an_answer_makes_another_key(other: str) -> None:
    assert other != key()


@pytest.mark.parametrize(
    "same",
    [
        key(replace(ROW, row="another")),
        key(replace(ROW, injection_every=3)),
        key(replace(ROW, adapter=served_ref("demo", "whatever it was called before"))),
        key(offer=replace(OFFER, models={"base": "another", "demo": "llama-demo"})),
        key(offer=replace(OFFER, has=("llama", "llama-demo"), warnings=("w",))),
    ],
)
def test_names_and_settings_out_of_force_do_not(same: str) -> None:
    assert same == key()


def test_in_greedy_decoding_neither_seed_nor_nucleus_counts() -> None:
    greedy = replace(ROW, temperature=0.0)
    assert key(greedy) == key(replace(greedy, seed=9, top_p=0.5)) != key()


def test_log_probs_are_kept_only_one_for_each_token_id() -> None:
    both = replace(ANSWER, token_ids=(1, 2), logprobs=(-0.5, -1.0))
    assert whole_record(both) == both and whole_record(ANSWER) == ANSWER
    assert whole_record(replace(both, token_ids=())).logprobs == ()
    one = whole_record(replace(both, logprobs=(-0.5,)))
    assert (one.token_ids, one.logprobs) == ((1, 2), ())
