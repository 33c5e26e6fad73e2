"""Plain exchanges that stand before a question asked later in a conversation, the same for every side and delivery."""

from __future__ import annotations

from aligntui.core.prompt_format import Message

MOST_TURNS = 12
"""Latest turn that a question can be asked in."""
_EXCHANGES = (
    ("Hello, can you help me with a few small things today?", "Hello. Yes, tell me what you need."),
    ("How long do I boil an egg so that the yolk stays soft?", "About six minutes from the moment the water boils."),
    ("Which is farther north, Oslo or Toronto?", "Oslo. It lies near 60 degrees north, Toronto near 44."),
    ("What do you call a baby kangaroo?", "A joey."),
    ("Give me another word for “quick”.", "“Swift” would do."),
    ("My shirt has a coffee stain. What now?", "Rinse it with cold water soon, then wash it with a little detergent."),
    ("How many strings does a cello have?", "Four, tuned C, G, D and A."),
    ("Is a tomato a fruit?", "To a botanist yes, since it holds the seeds. In the kitchen it is a vegetable."),
    ("What is 17 times 6?", "102."),
    ("Name a river that flows through Baghdad.", "The Tigris."),
    ("Why do my onions sprout in the cupboard?", "Warmth and moisture wake them. Keep them cool, dry and dark."),
)


def earlier_turns(turn: int) -> list[Message]:
    """The messages before the user's turn of that number, 1 to `MOST_TURNS`; none before the first."""
    return [
        message
        for asked, answered in _EXCHANGES[: turn - 1]
        for message in (Message("user", asked), Message("assistant", answered))
    ]
