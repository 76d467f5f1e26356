"""Signs of damaged encoding in a text, and its repair where that is possible without guessing."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, NamedTuple, cast

from steelyard.errors import MissingExtraError
from steelyard.extras import require

Sign = Literal[
    "mojibake", "replaced", "control", "invisible", "byte_order_mark", "line_ends", "entities"
]

_SUSPECT = re.compile("[^\t\n\x20-\x25\x27-\x7e]")  # all but plain ASCII; "&" opens an entity
_SIGNS: dict[Sign, re.Pattern[str]] = {
    "replaced": re.compile("\ufffd"),
    "control": re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f]"),
    # Zero-width joiners belong to emoji and to Arabic and Indic scripts: next to ASCII they do not.
    "invisible": re.compile(
        "[\u200b\u2060\u180e\u202a-\u202e\u2066-\u2069]"
        "|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"
    ),
    "byte_order_mark": re.compile("\ufeff"),
    "line_ends": re.compile("\r(?!\n)|[\x85\u2028\u2029]"),
    "entities": re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});"),
}
_SIMPLE = re.compile("[ÂÃ][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹Œ‘’“”•–—˜™š›œŸ]|â€|ðŸ")
"""UTF-8 read as Latin-1 or CP1252, for where ftfy is not installed."""

_AROUND = 24
Repair = Callable[[str], str]


class EncodingFault(NamedTuple):
    """One sign of damage, and the place: as code points, or as it reads when repaired."""

    sign: Sign
    place: str


def faults_in(text: str, repair: Repair | None) -> list[EncodingFault]:
    """Return the signs of damage in ``text``, each once.

    ``repair`` is ftfy's (`load_repair`); without it only the most common mojibake is seen.
    """
    if _SUSPECT.search(text) is None:
        return []
    signs = []
    broken = not text.isascii() and _mojibake(text, repair)
    if broken:
        signs.append(EncodingFault("mojibake", broken))
    for sign, pattern in _SIGNS.items():
        match = pattern.search(text)
        if match and not (broken and sign == "control" and match[0] > "\x7f"):
            signs.append(
                EncodingFault(sign, match[0] if sign == "entities" else code_points(match[0]))
            )
    return signs


def _mojibake(text: str, repair: Repair | None) -> str:
    """The place as repaired, or the broken piece where it cannot be; empty when sound."""
    if repair is None:
        match = _SIMPLE.search(text)
        return match[0] if match else ""
    fixed = repair(text)
    return _changed(text, fixed) if fixed != text else ""


def _changed(text: str, fixed: str) -> str:
    """The words of ``fixed`` around the first place where it is not ``text``."""
    pairs = zip(text, fixed, strict=False)
    first = next((place for place, (old, new) in enumerate(pairs) if old != new), len(fixed))
    start = max(0, fixed.rfind(" ", 0, max(0, first - _AROUND)) + 1)
    return fixed[start : first + _AROUND]


def code_points(text: str) -> str:
    """Name characters that cannot be shown, as in ``U+200B``."""
    return " ".join(f"U+{ord(character):04X}" for character in text)


def load_repair() -> tuple[Repair | None, str | None]:
    """Return ftfy's repair of mojibake, or ``None`` with the reason why it is missing."""
    try:
        ftfy = require("ftfy", "data")
    except MissingExtraError as error:
        return None, f"only the most common mojibake was searched for: {error}"
    return cast(Repair, ftfy.fix_encoding), None
