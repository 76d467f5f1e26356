"""Labels that are spelled in several ways."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from steelyard.data.outputs.base import Outputs, Trouble
from steelyard.words import counted, listed

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
    indices = [index for index in outputs.filled if outputs.texts[index] in meant]
    indices.sort(key=lambda index: (counts[outputs.texts[index]], index))
    rarest = sorted(meant, key=lambda label: (counts[label], label))
    examples = [f"{label!r} ({counts[label]:,}) for {meant[label]!r}" for label in rarest]
    yield Trouble(
        "spellings",
        "error" if outputs.data.task.output.labels else "warning",
        f"{counted(len(indices), 'label is', 'labels are')} spelled differently from a declared or more "
        f"frequent one: {listed(examples)}; they count as separate labels until the spelling is the same",
        indices,
        [f"meant: {meant[outputs.texts[index]]}" for index in indices],
    )


def intended(counts: Counter[str], declared: tuple[str, ...]) -> dict[str, str]:
    """Map each odd spelling to the label that is meant: the declared one, else the most frequent."""
    groups: dict[str, list[str]] = {}
    for label in dict.fromkeys([*declared, *counts]):
        groups.setdefault(folded(label), []).append(label)
    meant: dict[str, str] = {}
    for group in groups.values():
        named = [label for label in group if label in declared]
        if len(group) < 2 or len(named) > 1:
            continue  # two declared labels so alike: either may be meant
        best = named[0] if named else max(group, key=lambda label: (counts[label], label))
        meant |= {label: best for label in group if label != best}
    return meant
