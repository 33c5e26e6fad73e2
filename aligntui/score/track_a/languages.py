"""Which language an answer is in, the same result every time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import regex

LANGUAGES: dict[str, str] = {
    "af": "Afrikaans", "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech", "cy": "Welsh",
    "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish", "et": "Estonian", "fa": "Persian",
    "fi": "Finnish", "fr": "French", "gu": "Gujarati", "he": "Hebrew", "hi": "Hindi", "hr": "Croatian", "hu": "Hungarian",
    "id": "Indonesian", "it": "Italian", "ja": "Japanese", "kn": "Kannada", "ko": "Korean", "lt": "Lithuanian",
    "lv": "Latvian", "mk": "Macedonian", "ml": "Malayalam", "mr": "Marathi", "ne": "Nepali", "nl": "Dutch",
    "no": "Norwegian", "pa": "Punjabi", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
    "sk": "Slovak", "sl": "Slovenian", "so": "Somali", "sq": "Albanian", "sv": "Swedish", "sw": "Swahili", "ta": "Tamil",
    "te": "Telugu", "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese",
    "zh": "Chinese",
}  # fmt: skip
"""What langdetect 1.0.9 can tell, by its codes; `zh` stands for its `zh-cn` and `zh-tw`, which are one language written twice."""

_HANGUL = regex.compile(r"\p{Hangul}")


@dataclass(frozen=True)
class Detected:
    """The likeliest language of a text."""

    language: str
    """A code of `LANGUAGES`."""
    probability: float
    """0 to 1, as langdetect gives it."""


def detect(text: str) -> Detected | None:
    """The likeliest language of a text, or None where langdetect finds nothing to go by.

    Korean is struck out where there is no Hangul: langdetect takes Chinese in traditional characters for Korean.

    Source: langdetect 1.0.9, seeded: it draws random numbers, so that unseeded two calls may differ. Pinned in
        tests/score/test_track_a_languages.py.
    """
    from langdetect.lang_detect_exception import LangDetectException

    detector = _factory().create()
    detector.append(text)
    try:
        ranked = detector.get_probabilities()
    except LangDetectException:  # no letter that any profile knows
        return None
    ranked = [guess for guess in ranked if guess.lang != "ko" or _HANGUL.search(text)]
    if not ranked:
        return None
    language = ranked[0].lang.partition("-")[0]
    both = sum(guess.prob for guess in ranked if guess.lang.partition("-")[0] == language)
    return Detected(language, min(1.0, both))


@cache
def _factory() -> Any:
    # a factory of our own: the module's one is shared, and seeding it would seed it for everybody
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()
    factory.load_profile(PROFILES_DIRECTORY)
    factory.seed = 0
    return factory
