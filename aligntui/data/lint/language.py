"""Which language a text is in, the same answer every time."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

from aligntui.data.lint.normal import UNSPACED

CHARACTERS = 300
"""Of a text that are looked at: more makes langdetect slower and hardly surer."""

_CODE = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.MULTILINE | re.DOTALL)
_UNSPACED = re.compile(f"[{UNSPACED}]")
_WEIGHT_UNSPACED = 8

NAMES: dict[str, str] = {
    "af": "Afrikaans", "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech", "cy": "Welsh",
    "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian",
    "fi": "Finnish", "fr": "French", "gu": "Gujarati", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian",
    "id": "Indonesian", "it": "Italian", "ja": "Japanese", "kn": "Kannada", "ko": "Korean", "lt": "Lithuanian",
    "lv": "Latvian", "mk": "Macedonian", "ml": "Malayalam", "mr": "Marathi", "ne": "Nepali", "nl": "Dutch",
    "no": "Norwegian", "pa": "Punjabi", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
    "sk": "Slovak", "sl": "Slovenian", "so": "Somali", "sq": "Albanian", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil",
    "te": "Telugu", "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese",
    "zh-cn": "Chinese", "zh-tw": "Chinese",
}  # fmt: skip
"""What langdetect 1.0.9 can tell, by its codes."""

_KIN = (
    {"da", "no", "sv"}, {"hr", "sl"}, {"cs", "sk"}, {"ca", "es", "pt"}, {"bg", "mk", "ru", "uk"}, {"hi", "mr", "ne"},
    {"af", "nl"}, {"id", "tl"}, {"fa", "ur"}, {"zh-cn", "zh-tw"}, {"et", "fi"},
)  # fmt: skip


def excerpt_of(text: str) -> str:
    """The part of a text that `detect` looks at, without code blocks."""
    return _CODE.sub(" ", text[: 8 * CHARACTERS]).strip()[:CHARACTERS]


@lru_cache(maxsize=8192)  # an answer stands in two pairs or more where instructions are opposed
def detect(text: str, least_letters: int, least_probability: float) -> str | None:
    """Code of the language of a text.

    Args:
        text: what `excerpt_of` returned.
        least_letters: letters below which it is not tried; a character of a script without spaces counts as eight.
        least_probability: below which the result is not believed.

    Returns:
        A code of `NAMES`; None where it cannot be told.

    Source: langdetect 1.0.9, seeded: it draws random numbers, so that unseeded two calls may differ.
    """
    from langdetect.lang_detect_exception import LangDetectException

    letters = sum(map(str.isalpha, text)) + (_WEIGHT_UNSPACED - 1) * len(_UNSPACED.findall(text))
    if letters < least_letters:
        return None
    detector = _factory().create()
    detector.append(text)
    try:
        ranked = detector.get_probabilities()
    except LangDetectException:  # no letter that any profile knows
        return None
    return ranked[0].lang if ranked and ranked[0].prob >= least_probability else None


def are_kin(one: str, other: str) -> bool:
    """Whether two languages are the same or so near that short texts of them are taken for each other."""
    return one == other or any(one in kin and other in kin for kin in _KIN)


def names_a_language(normal_text: str) -> bool:
    """Whether a normalised text names a language or speaks of translating, and so may well be answered in another."""
    return bool(_NAMED.search(normal_text))


_NAMED = re.compile(
    rf"\b(?:{'|'.join(sorted({name.lower() for name in NAMES.values()}))}|translat\w{{1,10}}|mandarin)\b"
)


@cache
def _factory() -> Any:
    # a factory of our own: the module's one is shared, and seeding it would seed it for everybody
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()
    factory.load_profile(PROFILES_DIRECTORY)
    factory.seed = 0
    return factory
