"""Languages: shares, mismatches, sampling."""

from __future__ import annotations

import random
from typing import Any

import pytest

from aligntui.data.lint import LintRecord, Severity
from aligntui.data.lint.language import NAMES, are_kin, detect, excerpt_of, names_a_language
from aligntui.data.lint.normal import normal
from tests.data.lint_builders import record, run

RULE = "languages"
TEXTS = {
    "en": "The ferry leaves at seven in the morning and takes about two hours to cross the bay.",
    "de": "Die Fähre fährt morgens um sieben ab und braucht ungefähr zwei Stunden über die Bucht.",
    "fr": "Le bateau part à sept heures du matin et met environ deux heures pour traverser la baie.",
    "ja": "フェリーは朝の七時に出発し、湾を渡るのに約二時間かかります。",
    "zh-cn": "渡轮早上七点出发，大约需要两个小时才能穿过海湾。",
    "ru": "Паром отправляется в семь часов утра и пересекает залив примерно за два часа.",
}


def pair(name: str, asked: str, chosen: str, rejected: str | None = None, **changes: Any) -> LintRecord:
    texts = [TEXTS.get(one, one) if one else None for one in (asked, chosen, rejected or chosen)]
    return record(name, prompt=texts[0], chosen=texts[1], rejected=texts[2], **changes)


def mixed(count: int) -> list[LintRecord]:
    return [pair(f"{code}{i}", code, code) for i in range(count) for code in ("en", "de")]


@pytest.mark.parametrize("code", TEXTS)
def test_detection_is_the_same_every_time(code: str) -> None:
    random.seed(1)
    before = random.getstate()
    assert {detect(TEXTS[code], 20, 0.9) for _ in range(20)} == {code}
    assert random.getstate() == before


def test_what_cannot_be_told() -> None:
    assert detect("Ok, yes.", 20, 0.9) is None
    assert detect("12345 67890 !!! " * 10, 20, 0.9) is None
    assert detect("今日は", 20, 0.5) == "ja"
    code = "```py\nfor i in range(10):\n    print(i, 'the quick brown fox jumps')\n```"
    assert excerpt_of(f"{TEXTS['de']}\n{code}\nEnde.") == f"{TEXTS['de']}\n \nEnde."


def test_a_set_in_two_languages_is_quiet_and_its_shares_are_given() -> None:
    report = run(mixed(20), RULE)
    assert not report.findings
    shares = report.statistics[RULE]["shares"]["chosen"]
    assert {code: (figures["count"], figures["of"]) for code, figures in shares.items()} == {
        "en": (20, 40),
        "de": (20, 40),
    }
    assert report.coverage[RULE].checked == 40


def test_an_answer_in_another_language_than_its_prompt() -> None:
    records = [*mixed(10), pair("wrong", "de", "en", "de"), pair("both", "en", "ja"), pair("side", "en", "en", "fr")]
    findings = run(records, RULE).findings
    assert [(f.subject, f.pair_ids, f.severity) for f in findings] == [
        ("other-language", ("wrong",), Severity.WARNING),
        ("other-language", ("both",), Severity.WARNING),
        ("sides-differ", ("side",), Severity.NOTICE),
    ]
    assert findings[0].message == "The prompt is in German and the chosen answer in English."


def test_a_language_that_was_asked_for_is_no_defect() -> None:
    asked = pair("a", "Please translate this for the harbour office and keep it polite and short.", "de")
    told = pair("b", "en", "de", instruction="Always answer in German.")
    assert not run([*mixed(10), asked, told], RULE).findings
    assert names_a_language(normal("Réponds en FRENCH")) and not names_a_language("frenchman's finish")


def test_one_language_only() -> None:
    (finding,) = run([pair(f"p{i}", "en", "en") for i in range(30)], RULE).findings
    assert (finding.subject, finding.severity, len(finding.pair_ids)) == ("single-language", Severity.NOTICE, 30)
    fewer = run([pair(f"p{i}", "en", "en") for i in range(12)], RULE).findings[0]
    assert fewer.key == finding.key


def test_a_share_that_was_wanted() -> None:
    records = [*mixed(40), pair("x", "fr", "fr")]
    groups = {"languages": {"wanted": {"fr": 0.2, "de": 0.3}}}
    (finding,) = run(records, RULE, **groups).findings
    assert (finding.subject, finding.pair_ids) == ("too-little-fr", ("x",))
    assert "20% were wanted" in finding.message


def test_the_sample_does_not_depend_on_the_order_and_says_what_it_left() -> None:
    records = mixed(50)
    reports = [run(order, RULE, languages={"sample": 30}) for order in (records, records[::-1])]
    assert reports[0].statistics == reports[1].statistics
    assert reports[0].statistics[RULE]["sampled"] == 30
    assert reports[0].coverage[RULE].checked == 30
    assert reports[0].coverage[RULE].not_checked == {"not in the sample": 70}
    assert run(records, RULE, languages={"sample": 0}).coverage[RULE].checked == 100


def test_all_and_a_sample_of_all_say_the_same() -> None:
    records = [*mixed(10), pair("wrong", "de", "en", "de"), record("short", chosen="Ok.")]
    one, other = (run(records, RULE, languages={"sample": sample}) for sample in (0, 1000))
    assert one.findings == other.findings
    assert one.coverage == other.coverage


def test_every_language_has_a_name_and_kin_go_both_ways() -> None:
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()
    factory.load_profile(PROFILES_DIRECTORY)
    assert set(factory.get_lang_list()) == set(NAMES)
    assert are_kin("da", "no") and are_kin("no", "da") and are_kin("de", "de") and not are_kin("de", "en")
