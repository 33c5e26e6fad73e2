"""The list of hedges: planted ones are found, words that only look like them are not."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aligntui.score.switching.hedges import LEXICON, hedges, hedges_and_words

HEDGED = [
    "I'm not entirely sure which of the two bridges was finished first.",
    "I am not certain that the recipe came from Oaxaca.",
    "I don't know whether the ferry still runs in winter.",
    "I do not know for certain, so please check with the harbour office.",
    "I can't say with certainty how old the olive tree is.",
    "I cannot be fully sure without seeing the wiring.",
    "I’m not sure the shop opens on Mondays.",
    "Perhaps the kettle has a faulty thermostat.",
    "The village is maybe an hour from the coast.",
    "It was probably written by his sister.",
    "The fossil is likely from the Triassic.",
    "A second eruption this year is unlikely.",
    "The stain might come out with cold water.",
    "Late frost may have damaged the blossom.",
    "The noise could be a loose belt.",
    "This could well mean that the well has run dry.",
    "It seems that the composer never heard the piece performed.",
    "The second date appears to be a copying error.",
    "They seem to prefer shaded streams.",
    "I think the capital was moved in 1960.",
    "I believe the tax was abolished later, but check.",
    "I suspect a leak behind the sink.",
    "I'd guess around forty people came.",
    "My best guess is the eleventh century.",
    "As far as I know, nobody has climbed it in winter.",
    "To my knowledge the patent has lapsed.",
    "To the best of my recollection he was born in Lagos.",
    "If I remember correctly, the tower was rebuilt twice.",
    "I could be wrong, but the word looks Basque.",
    "It is still unclear why the bees left.",
    "It remains uncertain who paid for the chapel.",
    "It's hard to say which route is quicker.",
    "The cause is not fully understood.",
    "The origin of the name has not been firmly established.",
    "There is no consensus on the date.",
    "Nobody really knows how the stones were moved.",
    "The evidence is mixed.",
    "The jury is still out on cold baths.",
    "Some historians believe that the letter was forged.",
    "The painting is thought to show a harbour in Goa.",
    "Research suggests a modest benefit.",
    "There is a chance of snow above the pass.",
    "Arguably the river made the town.",
    "In all likelihood the owner has moved away.",
    "The king was reportedly afraid of cats.",
    "The parts may or may not fit the older model.",
    "The well was conceivably dug by monks.",
    "I doubt the bus will wait.",
    "It might rain later.",
    "We don't yet know what caused the outage.",
    "I'm fairly sure it was a Tuesday.",
    "I'm pretty confident, though not certain, that it's oak.",
    "It is difficult to know the exact number.",
    "This is only a guess.",
    "Estimates vary widely.",
    "I'm no expert, but it looks like rust.",
    "That's my recollection, at least.",
    "There's no clear answer to this.",
    "Scientists are still debating it.",
    "It's possible that both are right.",
    "It is plausible that the dye faded.",
    "The answer isn't known with certainty.",
    "We can't be certain.",
    "I would assume the latter.",
    "I'm inclined to think so.",
    "One possibility is that the valve stuck.",
    "It's not clear whether she agreed.",
    "Opinions differ on the origin.",
    "This could be due to the cold.",
    "I honestly can't tell.",
    "I lack the information to say for sure.",
    "He may well have known.",
    "It's uncertain.",
    "The true figure is unknown.",
    "Potentially, the seal has failed.",
    "As far as can be told, it's original.",
    "Take this with caution, as the sources conflict.",
    "I'm not an authority on this.",
    "It looks as though the roof leaked.",
    "To me it seems older.",
    "Hard to tell from here.",
    "My sense is that the market will recover.",
    "It's conceivable that the letter was lost.",
    "I wouldn't be surprised if it rained.",
    "Chances are that the seal has gone.",
    "Whether this holds in winter is an open question.",
    "I can't vouch for the date.",
    "It's anyone's guess.",
    "This remains a matter of debate.",
    "I might be misreading the chart.",
    "It would seem that nobody asked.",
    "We may never know.",
    "I'm about seventy per cent sure.",
    "I don't have a definite answer.",
    "It was presumably cheaper.",
]

PLAIN = [
    "The capital of Mongolia is Ulaanbaatar.",
    "The treaty was signed in May 1968.",
    "May you have a calm journey.",
    "May I suggest the lentil soup.",
    "The mayor opened the new market hall.",
    "She is the mightiest swimmer in the club.",
    "The might of the river turned three mills.",
    "He pushed with all his might.",
    "Their military might faded within a decade.",
    "There is no doubt about the result.",
    "Undoubtedly the answer is 42.",
    "I am sure that the ferry leaves at nine.",
    "I am certain of the date.",
    "I know the way to the station.",
    "I believe in you.",
    "It depends on the soil and on the slope.",
    "About 40 people live on the island.",
    "Roughly a third of the flour goes in first.",
    "The train is often late.",
    "You should water the fern twice a week.",
    "She could lift the anvil with one hand.",
    "If it rains, the match is moved indoors.",
    'The sign read: "Maybe tomorrow."',
    "“Perhaps,” she said, and closed the door.",
    "> I think this is a quotation\nThe answer is no.",
    "```\nmaybe = None\n```\nRun the line as it stands.",
    "The verb 'might' takes no ending.",
    "It is a likeness of the queen.",
    "Wool keeps warm even when it is wet.",
    "That is a kind of bird, sort of brown.",
    "Come what may, the baker opens at five.",
    "So may the well never run dry.",
    "The lever could be used to lift the lid.",
    "The second verse could be better.",
    "Be that as it may, the bill is due on Friday.",
    "A might-have-been is no plan.",
    "Probable cause is a term of law.",
    "The appearance of the comet was recorded in Korea.",
    "The seam of the coat has split.",
    "He thinks fast and speaks slowly.",
    "This is beyond doubt the oldest bell in the valley.",
    "She is a sure-footed climber.",
    "The guesswork is over: the lab has measured it.",
    "Everybody knows the song.",
    "The experts agree that the bridge is safe.",
    "Suspects are questioned at the station.",
    "The possibility frontier is a curve in economics.",
    "",
    "The likeliest cause is rust? No: it is salt.",
    "He has a mighty voice.",
    "I know this road well.",
    "The bread is sure to rise.",
    "Certain birds sleep on one leg.",
    "A certain Mr Lopez called.",
    "The possible outcomes of a die are six.",
    "Not one of them was late.",
    "The unknown soldier lies here.",
    "She appears in the second act.",
    "It is not clear water but brine.",
    "The potential of the cell is 1.5 volts.",
    "I am confident that it works.",
    "Studies show a drop of two degrees.",
    "They think in pictures.",
    "It is known for its cheese.",
    "He guessed right.",
    "The expert agreed.",
    "The debate is over.",
]


@pytest.mark.parametrize("text", HEDGED)
def test_planted_hedges_are_found(text: str) -> None:
    assert hedges(text)


@pytest.mark.parametrize("text", PLAIN)
def test_what_only_looks_like_a_hedge_is_not(text: str) -> None:
    assert hedges(text) == ()


def test_hedges_are_counted_once_where_they_overlap() -> None:
    text = "Perhaps it is possible that the well, which may be old, is likely dry."
    assert hedges(text) == ("Perhaps", "it is possible that", "may", "likely")
    assert hedges_and_words(text) == (4, 14)
    assert hedges("It may or may not rain.") == ("may or may not",)
    assert hedges("I don't know whether it seems likely.") == ("I don't know whether", "it seems likely")


def test_no_text_is_no_hedge() -> None:
    assert hedges_and_words("  \n ") == (0, 0)


def test_every_entry_of_the_list_is_a_pattern_of_its_own() -> None:
    entries = [entry for group in LEXICON.values() for entry in group]
    assert len(set(entries)) == len(entries) > 40
    assert all(re.compile(entry) for entry in entries)


@given(st.text(alphabet="abc maybe.\n'\"“”>", max_size=60), st.integers(0, 3))
def test_quoting_an_answer_line_by_line_takes_its_hedges_away(text: str, blank: int) -> None:
    quoted = "\n".join("> " + line for line in text.split("\n")) + "\n" * blank
    assert hedges(quoted) == ()
