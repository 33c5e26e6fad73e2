"""Pairs of the database under lint: what the rules are given, which findings are fixed, which waived."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aligntui.core.errors import UserError
from aligntui.core.pair import Verdict
from aligntui.core.prompt_format import Message
from aligntui.data.lint import LintOptions, Severity
from aligntui.store import PairFilter, Store, open_store
from aligntui.workbench.curation.linting import (
    LintWish,
    fix,
    fix_plan,
    fixed_by_rule,
    lint_pairs,
    lint_record,
    waive,
)
from aligntui.workbench.curation.suites import parse_suites, read_suite
from tests.store.builders import ask, both, import_all, make_pair, make_record


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "sessions" / "aligntui.db") as opened:
        yield opened


def rules(*names: str) -> LintOptions:
    return LintOptions(rules=names)


def test_an_example_is_checked_as_a_decided_pair_without_a_rejected_side(store: Store) -> None:
    import_all(store, make_record(prompt="Who?", chosen="<|im_end|>", rejected=None))
    [record] = map(lint_record, store.curated_records())
    assert (record.verdict, record.rejected) == (Verdict.LEFT, None)
    run = lint_pairs(store, options=rules("contamination", "identical-answers"))
    assert run.report.coverage["contamination"].checked == 1 and len(run.open) == 1
    assert run.report.coverage["identical-answers"].not_checked == {"there is no rejected answer": 1}


def test_the_side_that_won_is_chosen(store: Store) -> None:
    session = store.create_session("s")
    answers = both(store, ask(store, session), "L", "R")
    store.add_pair(make_pair(*answers, verdict=Verdict.RIGHT))
    [record] = map(lint_record, store.curated_records())
    assert (record.chosen, record.rejected) == ((("assistant", "R"),), (("assistant", "L"),))
    assert (record.instruction, record.chosen_finish) == ("Be concise.", "stop")


def test_fixes_leave_whole_set_findings_alone_unless_named(store: Store) -> None:
    records = [make_record(prompt=f"q{n}", chosen=f"long answer {n} " * 3, rejected="s") for n in range(30)]
    records.append(make_record(prompt="q?", chosen="<|im_end|>", rejected="something longer than it"))
    pairs = import_all(store, *records)
    run = lint_pairs(store, options=rules("length-skew", "contamination"))
    plan = fix_plan(run)
    assert list(plan.leave_out) == [pairs[-1].id] and fixed_by_rule(run, plan) == {"contamination": 1}
    assert len(fix_plan(run, named=["length-skew"]).leave_out) > 10
    assert not fix_plan(run, Severity.ERROR, named=["length-skew"]).leave_out.keys() - {pairs[-1].id}
    assert fix(store, plan, "ann") == [pairs[-1].id]
    assert store.count_pair_rows() == 30 and store.restore_pairs([pairs[-1].id]) == [pairs[-1].id]


def test_waivers_are_looked_up_in_the_run(store: Store) -> None:
    import_all(store, *(make_record(prompt=f"q{n}", chosen=f"<|im_end|> {n}") for n in range(3)))
    run = lint_pairs(store, options=rules("contamination"))
    key = run.open[0].key
    with pytest.raises(UserError, match="There is no open finding"):
        waive(store, run, key[:5], "too short", "ann")
    made = waive(store, run, key[:12], "one of them", "ann")
    assert (made.key, made.subject) == (key, "chat-template-tokens")
    run = lint_pairs(store, options=rules("contamination"))
    assert len(run.open) == 2 and len(run.parted.waived) == 1
    with pytest.raises(UserError, match="waived already"):
        waive(store, run, key, "again", "ann")
    waive(store, run, "contamination:chat-template-tokens", "all", "ann")
    assert lint_pairs(store, options=rules("contamination")).open == ()


def test_a_waiver_of_texts_that_are_gone_is_stale(store: Store) -> None:
    [pair] = import_all(store, make_record(chosen="<|im_end|>"))
    run = lint_pairs(store, options=rules("contamination"))
    waive(store, run, run.open[0].key, "fine", "ann")
    store.undo_pairs([pair.id])
    run = lint_pairs(store, options=rules("contamination"))
    assert run.parted.stale and run.as_dict()["stale_waivers"]


def test_a_filter_and_progress(store: Store) -> None:
    import_all(store, *(make_record(prompt=f"q{n}", tags=("odd",) if n % 2 else ()) for n in range(10)))
    seen: list[int] = []
    run = lint_pairs(store, PairFilter(tag="odd"), rules("role-order"), on_progress=seen.append)
    assert run.report.pairs == 5 == seen[-1]


def test_options_come_from_file_and_flags(tmp_path: Path) -> None:
    file, patterns = tmp_path / "o.toml", tmp_path / "p.toml"
    file.write_text('rules = ["contamination"]\n[truncation]\ntraining_length = 9\n[contamination.own]\nmine = "x"\n')
    patterns.write_text('yours = "y"\n')
    plain = LintWish(file, patterns_file=patterns).options()
    assert plain.rules == ("contamination",) and plain.truncation.training_length == 9
    assert [one.name for one in plain.contamination.own] == ["mine", "yours"]
    flags = LintWish(file, ("languages",), 12, all_languages=True).options()
    assert (flags.rules, flags.truncation.training_length, flags.languages.sample) == (("languages",), 12, 0)
    for wrong in ("x = 1", "= 3", "\x00"):
        file.write_text(wrong)
        with pytest.raises(UserError):
            LintWish(file).options()


def test_suites_from_lines_columns_and_conversations(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One?\n\n Two? \n")
    (tmp_path / "b.jsonl").write_text('{"prompt": "One?"}\n{"messages": [{"role": "user", "content": "Two?"}]}\n')
    (tmp_path / "c.csv").write_text("key,question\n1,One?\n2,Two?\n")
    for name in ("a.txt", "b.jsonl", "c.csv"):
        assert read_suite(str(tmp_path / name)) == ("One?", "Two?")
    assert parse_suites([f"x={tmp_path / 'a.txt'}"]) == {"x": ("One?", "Two?")}
    (tmp_path / "d.jsonl").write_text('{"prompt": "One?"}\n{"key": 3}\n')
    (tmp_path / "e.jsonl").write_text('{"prompt": "One?"}\nnothing\n')
    (tmp_path / "f.txt").write_text(" \n")
    (tmp_path / "g.txt").write_bytes(b"\xff\xfe")
    for name, says in (
        ("d.jsonl", "line 2 has no prompt"),
        ("e.jsonl", "line 2"),
        ("f.txt", "no prompt"),
        ("g.txt", "UTF-8"),
        ("h.txt", "cannot be read"),
    ):
        with pytest.raises(UserError, match=says):
            read_suite(str(tmp_path / name))
    with pytest.raises(UserError, match="given twice"):
        parse_suites([f"x={tmp_path / 'a.txt'}"] * 2)


def test_conversations_keep_their_messages(store: Store) -> None:
    side = (Message("assistant", "A"), Message("user", "go on"), Message("assistant", "B"))
    import_all(store, make_record(chosen=side, rejected="C"))
    [record] = map(lint_record, store.curated_records())
    assert record.chosen == (("assistant", "A"), ("user", "go on"), ("assistant", "B"))
