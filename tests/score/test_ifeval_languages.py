"""Our faster langdetect answers as langdetect does with its seed at 0."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langdetect import DetectorFactory, LangDetectException
from langdetect.detector import Detector
from langdetect.detector_factory import PROFILES_DIRECTORY

from aligntui.score.ifeval import languages
from aligntui.score.ifeval.checkers.arguments import known_languages

TEXTS = [
    "The ferry leaves at noon, and nobody has packed the bread.",
    "THE FERRY LEAVES AT NOON, AND NOBODY HAS PACKED THE BREAD.",
    "Die Fähre fährt um zwölf, und niemand hat das Brot eingepackt.",
    "Le bac part à midi et personne n'a emballé le pain.",
    "El transbordador sale a mediodía y nadie ha preparado el pan.",
    "Phà rời bến lúc giữa trưa và chưa ai gói bánh mì.",
    "Phà rời bến lúc giữa trưa và chưa ai gói bánh mì.".replace("ờ", "ơ\u0300"),
    "Feribot öğlen kalkıyor ve kimse ekmeği hazırlamadı. İyi yolculuklar!",
    "Paromul pleacă la amiază și nimeni nu a pus pâinea, iată țara.",
    "Паром уходит в полдень, и никто не упаковал хлеб.",
    "Пором відходить опівдні, і ніхто не спакував хліб.",
    "Το πλοίο φεύγει το μεσημέρι και κανείς δεν πήρε ψωμί.",
    "المعدية تغادر عند الظهر ولم يحزم أحد الخبز.",
    "قایق ظهر حرکت می‌کند و هیچ‌کس نان را نبسته است.",
    "המעבורת יוצאת בצהריים ואיש לא ארז את הלחם.",
    "नाव दोपहर को जाती है और किसी ने रोटी नहीं बाँधी।",
    "नौका दुपारी सुटते आणि कोणीही भाकरी बांधली नाही.",
    "ফেরি দুপুরে ছাড়ে, আর কেউ রুটি বাঁধেনি।",
    "เรือข้ามฟากออกตอนเที่ยง และยังไม่มีใครเตรียมขนมปัง",
    "渡し船は正午に出るのに、だれもパンを包んでいない。",
    "渡船中午出发，可是没有人准备面包。",
    "渡船中午出發，可是沒有人準備麵包。",
    "나룻배는 정오에 떠나는데 아무도 빵을 싸지 않았다.",
    "The ferry, паром, 渡し船, המעבורת: all leave at noon.",
    "Write to ferry@example.org or see https://example.org/a?b=c for the timetable of the boats.",
    "a" * 20_000,
    "паром " * 3_000 + "ferry " * 3_000,
    "Noon.  " * 2_000,
    "1 2 3 … ★ \u2028 \x00",
    "🛶🥖",
    "\ud800 ferry",
    "I",
]


@pytest.fixture(scope="module")
def factory() -> Iterator[DetectorFactory]:
    own = DetectorFactory()
    own.load_profile(PROFILES_DIRECTORY)
    own.seed = 0
    yield own


def theirs(factory: DetectorFactory, text: str) -> str | None:
    detector = factory.create()
    detector.append(text)
    try:
        return detector.detect()
    except LangDetectException:
        return None


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_written_texts(factory: DetectorFactory, text: str) -> None:
    assert languages.detect(text) == theirs(factory, text)


MIXED = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("aeiountrsldAEIOUTRSLD ,.ßéçñğışțơẤ"),
        st.sampled_from("оеаинтсрв وانيلم האלויר कनरमतस กนรมท 中的是了一 かのにはカタ 가나다라"),
    ),
    min_size=1,
    max_size=80,
)


@given(text=MIXED)
@settings(max_examples=150, deadline=None)
def test_any_text(factory: DetectorFactory, text: str) -> None:
    assert languages.detect(text) == theirs(factory, text)


def test_the_same_answer_every_time() -> None:
    torn = "Ja, so, no, si, da."
    assert len({languages.detect(torn) for _ in range(20)}) == 1


def test_what_is_relied_upon_in_langdetect() -> None:
    # settings of a detector that `languages` writes down again because they are no constants there
    detector = DetectorFactory()
    detector.langlist = ["en"]
    made = detector.create()
    assert (made.n_trial, made.max_text_length, made.alpha) == (7, 10_000, Detector.ALPHA_DEFAULT)
    assert made.prior_map is None


def test_known_languages_are_those_of_the_profiles(factory: DetectorFactory) -> None:
    assert known_languages() == set(factory.langlist)
    assert len(known_languages()) == 55
