"""Labels that are spelled in several ways."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from steelyard.data.outputs.base import Outputs, Trouble
from steelyard.words import listed

# Signs such as # + * & % @ / tell labels apart ("C", "C#", "C++") and stay.
_LOOSE = re.compile(r"""[\s_.,;:!?"'“”‘’«»()\[\]{}\u2010-\u2015-]+""")


def folded(label: str) -> str:
    """The label without case, spaces and the punctuation that people vary."""
    plain = unicodedata.normalize("NFKC", label).casefold()
    return _LOOSE.sub("" if not re.search(r"\d", plain) else " ", plain).strip() or plain


def spellings(outputs: Outputs) -> Iterator[Trouble]:
    """Labels that differ from a declared or more frequent one only by case, space or punctuation."""
    if outputs.kind != "label":
        return
    counts = Counter(outputs.texts[index] for index in outputs.filled)
    meant = intended(counts, outputs.data.task.output.labels)
    outputs.facts["spellings"] = meant
    if not meant:
        return
    found = [index for index in outputs.filled if outputs.texts[index] in meant]
    found.sort(key=lambda index: (counts[outputs.texts[index]], index))
    rarest = sorted(meant, key=lambda label: (counts[label], label))
    shown = [f"{label!r} ({counts[label]:,}) for {meant[label]!r}" for label in rarest]
    is_spelled = "label is" if len(found) == 1 else "labels are"
    yield Trouble(
        "spellings",
        "error" if outputs.data.task.output.labels else "warning",
        f"{len(found):,} {is_spelled} spelled otherwise than a declared or more frequent one: "
        f"{listed(shown)}; they count as labels of their own until they are spelled alike",
        found,
        [f"meant: {meant[outputs.texts[index]]}" for index in found],
    )


def intended(counts: Counter[str], declared: tuple[str, ...]) -> dict[str, str]:
    """Map each odd spelling to the label that is meant: the declared one, else the most frequent."""
    groups: dict[str, list[str]] = {}
    for label in dict.fromkeys([*declared, *counts]):
        groups.setdefault(folded(label), []).append(label)
    meant: dict[str, str] = {}
    for group in groups.values():
        known = [label for label in group if label in declared]
        if len(group) < 2 or len(known) > 1:
            continue  # two declared labels so alike: nobody can say which is meant
        best = known[0] if known else max(group, key=lambda label: (counts[label], label))
        meant |= {label: best for label in group if label != best}
    return meant
