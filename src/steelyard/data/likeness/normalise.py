"""When two inputs count as the same."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from steelyard.core import Example


class _Folding(dict[int, str]):
    """Maps punctuation, spaces and control characters to a space; filled as characters turn up.

    Marks and symbols stay: dropping them would equate different Hindi words, or two emoji.
    """

    def __missing__(self, code: int) -> str:
        character = chr(code)
        folded = " " if unicodedata.category(character)[0] in "PZC" else character
        self[code] = folded
        return folded


_FOLDING = _Folding()


def normalise(text: str) -> str:
    """Fold compatibility forms (NFKC), case, punctuation and white space.

    A text of punctuation alone keeps it: "?!" and "..." are not the same input.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.translate(_FOLDING).split()) or folded.strip()


def exact_key(example: Example) -> str:
    """The input with the turns before it, as it is."""
    return "\0".join([*(f"{turn.role}:{turn.content}" for turn in example.context), example.input])


def normalised_key(example: Example) -> str:
    """The input with the turns before it, normalised."""
    turns = (f"{turn.role}:{normalise(turn.content)}" for turn in example.context)
    return "\0".join([*turns, normalise(example.input)])


def asked_text(example: Example) -> str:
    """What was asked, normalised and without system messages, which rows tend to share."""
    turns = [turn.content for turn in example.context if turn.role != "system"]
    return normalise("\n".join([*turns, example.input]))


def groups_of(keys: Sequence[str]) -> list[list[int]]:
    """Indices that share a key, for the keys that occur more than once, in order of occurrence."""
    places: dict[str, list[int]] = {}
    for index, key in enumerate(keys):
        places.setdefault(key, []).append(index)
    return [indices for indices in places.values() if len(indices) > 1]
