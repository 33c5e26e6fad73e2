"""From token ids to text while it is being written: whole characters only, and stop strings never shown.

Byte-level tokens may end inside a character. Text is handed out only up to where it cannot change any more; what is
handed out, joined, is the answer's text. Pinned in tests/backend/test_text_stream.py.
"""

from __future__ import annotations

from typing import Any

BROKEN = "\N{REPLACEMENT CHARACTER}"


class TextStream:
    """The growing text of one answer."""

    def __init__(self, tokenizer: Any, stops: tuple[str, ...] = ()) -> None:
        self._tokenizer = tokenizer
        self._stops = stops
        self.ids: list[int] = []
        """All tokens of the answer so far."""
        self.text = ""
        """What was handed out so far."""
        self.stopped = False
        """Whether a stop string was found; the text ends before it."""
        self._held = ""  # decoded, but it may be the head of a stop string
        self._window = 0  # tokens before this no longer change how later ones read
        self._read = 0  # tokens before this are in the text

    def take(self, *, last: bool = False) -> str:
        """The text that has become certain since the last call.

        Args:
            last: no more tokens will come, so nothing is held back.
        """
        self._held += self._decode_new(last)
        ready = self._up_to_stop(last)
        self.text += ready
        return ready

    def read(self, ids: list[int]) -> str:
        """The text of other tokens; the stream stays as it is."""
        return decode(self._tokenizer, ids)

    @property
    def kept(self) -> int:
        """How many tokens belong to the answer: all, or those up to the stop string.

        A token may straddle the end of the text; it is kept.
        """
        if not self.stopped:
            return len(self.ids)
        read = ""
        for count, piece in enumerate(pieces(self._tokenizer, self.ids)):
            if read.startswith(self.text):
                return count
            read += piece
        return len(self.ids)

    def _decode_new(self, last: bool) -> str:
        # The decoder sees a few tokens that are out already, since many tokenizers write a word's leading space only
        # when something stands before it.
        before = decode(self._tokenizer, self.ids[self._window : self._read])
        now = decode(self._tokenizer, self.ids[self._window :])
        if len(now) <= len(before) or (now.endswith(BROKEN) and not last):
            return ""
        self._window, self._read = self._read, len(self.ids)
        return now[len(before) :]

    def _up_to_stop(self, last: bool) -> str:
        found = [at for at in (self._held.find(stop) for stop in self._stops) if at >= 0]
        if found:
            self.stopped = True
            ready, self._held = self._held[: min(found)].rstrip(), ""
            return ready
        keep = 0 if last else _hold_back(self._held, self._stops)
        ready, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        return ready


def decode(tokenizer: Any, ids: list[int]) -> str:
    """Text of token ids, special tokens left out and spaces as they are."""
    return tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False) if ids else ""


def pieces(tokenizer: Any, ids: list[int]) -> list[str]:
    """The text that each token adds; joined they are the text of all.

    A character made of several tokens stands whole at its last token, the others are empty.
    """
    stream = TextStream(tokenizer)
    out = []
    for place, token in enumerate(ids):
        stream.ids.append(token)
        out.append(stream.take(last=place == len(ids) - 1))
    return out


def _hold_back(text: str, stops: tuple[str, ...]) -> int:
    """Length of the tail of `text` that could become a stop string, white space before it included."""
    if not stops:
        return 0
    longest = 0
    for stop in stops:
        for size in range(min(len(stop) - 1, len(text)), 0, -1):
            if text.endswith(stop[:size]):
                longest = max(longest, size)
                break
    tail = text[: len(text) - longest]
    return longest + len(tail) - len(tail.rstrip())
