"""Every language that the bank asks for is told on a short answer, the same way each time."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aligntui.score.track_a.checking import check_answer
from aligntui.score.track_a.languages import LANGUAGES, _factory, detect
from aligntui.score.track_a.loading import load_prompts

PROMPTS = {prompt.id: prompt for prompt in load_prompts()}

ANSWERS = {
    "ta-lt-01": "Battez trois œufs avec une pincée de sel et versez-les dans une poêle chaude.",
    "ta-lt-02": "आटे में थोड़ा नमक और पानी मिलाकर गूँध लें और गरम तवे पर सेंकें।",
    "ta-lt-03": "Im Herbst wird das Wasser knapp, und der Baum wirft seine Blätter ab.",
    "ta-lt-04": "Mti mdogo wa mwembe unahitaji jua, maji ya kutosha na udongo wenye rutuba.",
    "ta-lt-05": "El rayo es una descarga eléctrica entre las nubes y el suelo.",
    "ta-lt-06": "Talvi on pitkä ja pimeä. Ihmiset sytyttävät kynttilöitä ja odottavat kevättä.",
    "ta-lt-07": "Gli elefanti usano la proboscide per bere, mangiare e salutarsi.",
    "ta-lt-08": "จิ้งจกกินแมลงและอาศัยอยู่ตามผนังบ้าน",
    "ta-lt-09": "Um buraco negro é uma região do espaço de onde nem a luz consegue sair.",
    "ta-lt-10": "يتغير شكل القمر خلال الشهر لأن الشمس تضيء جزءا مختلفا منه.",
    "ta-lt-11": "Οι αγώνες γίνονταν κάθε τέσσερα χρόνια προς τιμήν του Δία.",
    "ta-lt-12": "最早使用纸币的是宋朝的商人，因为铜钱太重，不方便携带。",
    "ta-lt-13": "Een spreekwoord is een korte, bekende uitspraak met een wijze les.",
    "ta-lt-14": "한글은 자음과 모음을 모아 한 글자를 만드는 문자입니다.",
    "ta-lt-15": "Pieśń ludowa to utwór przekazywany ustnie z pokolenia na pokolenie.",
    "ta-lt-16": "Davul düğünlerde çalınan büyük ve eski bir çalgıdır.",
    "ta-lt-17": "Игроки по очереди выкладывают кости так, чтобы совпадало число точек.",
    "ta-lt-18": "Mọi người ngồi thành vòng tròn và lần lượt kể một câu chuyện ngắn.",
    "ta-lt-20": "昨日は代わりに働いてくださって、本当にありがとうございました。",
    "ta-lt-22": "קראו את הטקסט פעמיים, סמנו את הרעיונות העיקריים וכתבו אותם במילים שלכם.",
    "ta-lt-24": "A kis karcolást dióval vagy viasszal lehet eltüntetni az asztalról.",
    "ta-lt-26": "তাঁতি সুতো রং করে তাঁতে বসান এবং ধীরে ধীরে শাড়ি বোনেন।",
    "ta-lt-30": "வெயில் நாட்களில் உடல் வியர்வையால் நீரை இழப்பதால் போதிய நீர் குடிக்க வேண்டும்.",
    "ta-lt-32": "Bawalah air minum, topi, jaket pelampung, makanan kecil, dan obat mabuk laut.",
}  # fmt: skip


@pytest.mark.parametrize(("name", "answer"), ANSWERS.items())
def test_a_short_answer_in_the_language_asked_for_passes(name: str, answer: str) -> None:
    verdict = check_answer(PROMPTS[name], answer)
    assert verdict.passed, verdict.reason


def test_the_answers_cover_all_languages_of_the_bank() -> None:
    asked = {prompt.params.language for prompt in PROMPTS.values() if prompt.params.language}
    assert {PROMPTS[name].params.language for name in ANSWERS} == asked


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_an_answer_in_english_fails_and_says_so(name: str) -> None:
    verdict = check_answer(PROMPTS[name], "I am sorry, but I can only answer this question in English.")
    assert not verdict.passed
    assert f"wanted {LANGUAGES[PROMPTS[name].params.language]}, found English" in verdict.reason


def test_both_ways_of_writing_chinese_are_chinese() -> None:
    simplified, traditional = "这些学生应该多读书，因为知识很重要。", "這些學生應該多讀書，因為知識很重要。"
    for text in (simplified, traditional):
        found = detect(text)
        assert found is not None
        assert found.language == "zh"


def test_what_has_no_hangul_is_not_korean() -> None:
    # fails when langdetect has learned traditional characters: strike out the rule about Hangul then
    assert langdetect_alone("起雞皮疙瘩是身體對寒冷或情緒的反應。") == "ko"
    korean = detect("한글은 자음과 모음을 모아 쓰는 문자입니다. 漢字도 있습니다.")
    assert korean is not None
    assert korean.language == "ko"


def langdetect_alone(text: str) -> str:
    detector = _factory().create()
    detector.append(text)
    return detector.get_probabilities()[0].lang


def test_nothing_to_go_by_is_none() -> None:
    assert detect("") is None
    assert detect("12 345 ...") is None


def test_chance_plays_no_part() -> None:
    text = "Casa sol mar taxi hotel menu"
    first = detect(text)
    for seed in range(5):
        random.seed(seed)
        assert detect(text) == first


def test_the_shared_factory_of_langdetect_stays_unseeded() -> None:
    from langdetect.detector_factory import DetectorFactory

    detect("any text at all")
    assert DetectorFactory.seed is None


@settings(deadline=None)  # the first call loads the profiles
@given(st.text())
def test_any_text_gets_a_known_language_or_none(text: str) -> None:
    found = detect(text)
    assert found is None or (found.language in LANGUAGES and 0 < found.probability <= 1)
