"""Hand-written answers to prompts of the bank, five that pass and five that fail for each type."""

from __future__ import annotations

from collections import Counter

import pytest

from aligntui.score.track_a.checking import check_answer
from aligntui.score.track_a.loading import load_prompts

PROMPTS = {prompt.id: prompt for prompt in load_prompts()}

PASSING = [
    ("ta-wc-55", "The last lighthouse keeper switched himself off first."),  # 8 of 8
    ("ta-wc-19", "Thank you for asking, but sadly I cannot join then."),  # 10 of 10
    ("ta-wc-31", "Rain again, goats again, and still I have no wish to leave."),  # 12 of 14
    ("ta-wc-37", "Rust is the flaky brown crust that forms when iron slowly reacts with the oxygen in moist air."),  # 18
    ("ta-wc-25", "Felt is a dense cloth made by matting wet wool fibres together with heat and pressure."),  # 16 of 15
    ("ta-sc-31", "Check when the first morning bus leaves. Ask whether a taxi can be shared. Let someone know where you are."),
    ("ta-sc-41", "Magma is molten rock that is still underground. Lava is the same rock once it has reached the surface."),
    ("ta-sc-23", "A joint is loose or one leg is short. Try each joint by hand. Glue what moves and put a pad under the rest."),
    ("ta-sc-49", "I wanted that job too, so today is not easy. But there is nobody I would rather see in it!"),
    ("ta-sc-15", "A conductor sets the tempo. He or she balances the sections. Most of the work is done in rehearsal, though."),
    ("ta-fw-01", "Rinse the grains, cover them with stock, boil, then simmer under a lid until everything is absorbed."),
    ("ta-fw-08", "It spins a sticky net of silk and waits for a tremor. Cobwebs in corners are what remains."),
    ("ta-fw-19", "May I take Thursday off next week? I would be pleased to work on Saturday instead."),
    ("ta-fw-33", "A whole number is even when it can be halved without a remainder."),
    ("ta-fw-31", "Arrive early, know your platform and keep your ticket at hand. Wear trainers if you have a long way to go."),
    ("ta-rw-01", "Keep them dry, dark and airy; with patience and a mesh bag they last for months."),
    ("ta-rw-30", "Evenings can be long. Keep a list of names in your Pocket, and call one of them tonight."),
    ("ta-rw-59", "A lobster counts no weeks. People did, and gave one day to each of the seven wanderers of the sky."),
    ("ta-rw-46", "Treat it like a glacier, slow and steady: five messages a day, and archive the rest."),
    ("ta-rw-53", "Knitting keeps many stitches on two needles, crochet one on a hook (ideal for a \u201cpirate\u201d)."),
    ("ta-nc-09", "Mercury \u2013 Venus \u2013 Earth \u2013 Mars \u2013 Jupiter \u2013 Saturn \u2013 Uranus \u2013 Neptune"),
    ("ta-nc-59", "April has thirty days. So do June and September and November. Count knuckles and hollows on a fist."),
    ("ta-nc-36", "A vacuum between two walls keeps heat from moving in or out."),
    ("ta-nc-13", "Mira had been knitting when the lights went out. She laughed and lit a candle and carried on."),
    ("ta-nc-41", "First comes the crust. Below it lie the mantle and the outer core; the inner core is solid."),
    ("ta-lt-21", "Le matin, parce que l'esprit est encore frais et que la maison est calme."),
    ("ta-lt-42", "地震のときは、まず机の下に入って頭を守りましょう。"),
    ("ta-lt-31", "Συγγνώμη, πού είναι ο σταθμός του τρένου; Σας ευχαριστώ πολύ για τη βοήθεια."),
    ("ta-lt-52", "ห้องน้ำสาธารณะช่วยให้ทุกคนออกจากบ้านได้อย่างสบายใจ"),
    ("ta-lt-33", "Среднее — это сумма всех чисел, делённая на их количество."),
    ("ta-wf-28", "Leave one key with a person you trust. A key under the mat is the first that anybody finds."),
    ("ta-wf-34", "A right triangle has one angle of ninety degrees, and its longest side lies opposite that angle."),
    ("ta-wf-58", "It is fair where all can come at one hour. Elsewhere it only looks Fair and is unfair to many."),
    ("ta-wf-20", "The article will miss Friday's deadline, as two sources are silent. Could the deadline be Tuesday?"),
    ("ta-wf-06", "Vapour freezes onto a speck of dust as ice, and the way ice bonds makes six arms grow. It stays icy."),
    ("ta-ss-01", "Both use the dry heat of an oven, but baking sets a dough while roasting browns what was solid already."),
    ("ta-ss-55", "He kept her umbrella for eleven years, in case it rained where she was."),
    ("ta-ss-37", "It tells how acidic something is, from lemon juice at about 2.5 to bleach at about 12.5."),
    ("ta-ss-45", "Open-source software comes with code that anyone may read, change and share"),
    ("ta-ss-23", "Air is trapped inside, so bleed it with a key until only water comes out!"),
]  # fmt: skip

FAILING = [
    ("ta-wc-55", "She waited for the ship. It came home empty, and she waited still, every spring.", "8 words, 2 more or fewer allowed, found 15"),
    ("ta-wc-19", "No, thanks.", "found 2"),
    ("ta-wc-31", "Rain again, goats again, soup again, and still I have no wish at all to leave now.", "found 17"),
    ("ta-wc-37", "Rust forms when iron reacts slowly with water and oxygen from the air.", "found 13"),
    ("ta-wc-25", "", "the answer is empty"),
    ("ta-sc-31", "Check when the first morning bus leaves. Then ask someone you trust for a lift.", "wanted 3 sentences, found 2"),
    ("ta-sc-41", "Magma is underground, and lava is what it is called once it has come out.", "wanted 2 sentences, found 1"),
    ("ta-sc-23", "1. Check the joints.\n2. Measure the legs.\n3. Glue what is loose.", "wanted 3 sentences, found 6"),
    ("ta-sc-49", "Congratulations! I wanted it too. You earned it.", "wanted 2 sentences, found 3"),
    ("ta-sc-34", "1只有一个因数。所以它不是质数。", "the answer is in a script without spaces"),
    ("ta-fw-01", "Add two cups of Water for each cup of rice and simmer.", "wanted no 'water', found it 1 time"),
    ("ta-fw-08", "The spider feels the web\u2019s threads tremble and rushes over the web.", "found it 2 times"),
    ("ta-fw-19", "Could I have Thursday off, **please**?", "wanted no 'please'"),
    ("ta-fw-33", "An even number is one that can be divided by _two_.", "wanted no 'two'"),
    ("ta-fw-31", "Check whether yours is a night-train.", "wanted no 'train'"),
    ("ta-rw-01", "Be patient, and keep them dry and dark.", "wanted 'patience' as a whole word, found none"),
    ("ta-rw-30", "Evenings can be long; carry a pocketful of small plans.", "wanted 'pocket'"),
    ("ta-rw-59", "The seven days match the seven wandering lights of ancient skies.", "wanted 'lobster'"),
    ("ta-rw-46", "Glaciers move slowly, and so may you: five messages a day.", "wanted 'glacier'"),
    ("ta-rw-53", " \n", "the answer is empty"),
    ("ta-nc-09", "Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus, Neptune", "wanted no comma, found 7"),
    ("ta-nc-59", "April\u3001June\u3001September and November.", "found 2"),
    ("ta-nc-36", "It keeps 1,000 millilitres of tea warm for hours.", "found 1"),
    ("ta-nc-13", "When the lights went out, Mira, who had been knitting, laughed.", "found 3"),
    ("ta-nc-41", "The crust\uff0c the mantle and the core.", "found 1"),
    ("ta-lt-21", "In the morning, because the mind is still fresh and the house is quiet.", "wanted French, found English"),
    ("ta-lt-42", "地震时，请先躲到桌子下面，保护好头部，等摇晃停止以后再离开。", "wanted Japanese, found Chinese"),
    ("ta-lt-31", "Parakalo, pou einai o stathmos? Efcharisto poli.", "wanted Greek, found"),
    ("ta-lt-52", "12345 67890", "langdetect found nothing to go by"),
    ("ta-lt-33", "Середнє значення — це сума всіх чисел, поділена на їхню кількість.", "wanted Russian, found Ukrainian"),
    ("ta-wf-28", "Keys go missing, so leave one key with a neighbour.", "2 times, found it 1 time"),
    ("ta-wf-34", "A right-angle triangle has one angle of ninety degrees; no other angle reaches it.", "found it 3 times"),
    ("ta-wf-58", "It is unfair to those who work late, and unfairness is its price.", "found it 0 times"),
    ("ta-wf-20", "Deadline trouble: I will miss the deadline. May I have a new DEADLINE?", "found it 3 times"),
    ("ta-wf-06", "Icy arms grow around an icicle-like speck.", "found it 0 times"),
    ("ta-ss-01", "Baking is for dough. Roasting is for what is solid already.", "wanted 1 sentence, found 2"),
    ("ta-ss-55", "They met. They parted. They met again.", "found 3"),
    ("ta-ss-37", "It shows acidity! Lemon juice is at 2.", "found 2"),
    ("ta-ss-45", "Software whose code is open. Anyone may change it.\n\nI hope this helps!", "found 3"),
    ("ta-ss-23", "中に空気がたまっています。鍵で空気を抜いてください。", "the answer is in a script without spaces"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "answer"), PASSING)
def test_an_answer_that_keeps_the_constraint_passes(name: str, answer: str) -> None:
    verdict = check_answer(PROMPTS[name], answer)
    assert verdict.passed, verdict.reason


@pytest.mark.parametrize(("name", "answer", "reason"), FAILING)
def test_an_answer_that_breaks_the_constraint_fails_for_that_reason(name: str, answer: str, reason: str) -> None:
    verdict = check_answer(PROMPTS[name], answer)
    assert not verdict.passed
    assert reason in verdict.reason


def test_there_are_five_of_each_for_every_type() -> None:
    kinds = set(prompt.type for prompt in PROMPTS.values())
    assert len(kinds) == 8
    for names in ([name for name, _ in PASSING], [name for name, _, _ in FAILING]):
        assert Counter(PROMPTS[name].type for name in names) == dict.fromkeys(kinds, 5)
