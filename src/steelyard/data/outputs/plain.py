"""Problems that any text may have: empty, constant, stray spaces, template tokens, far too long."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from steelyard.data.outputs.base import OutputProblem, Outputs, patterns
from steelyard.output_kinds import KINDS
from steelyard.words import counted, first_words, percent

CANNED_SHARE, CANNED_ROWS = 0.1, 10
"""One text that answers this share of the inputs, and as many of them, is a canned reply."""

ALIKE = 0.95
"""If this share of outputs has the same leading space, it is a convention, not a slip."""

FAR = 5.0
"""Modified z-score of the logarithm of the length from which an output is an outlier. Iglewicz and
Hoaglin (1993), "How to Detect and Handle Outliers", advise 3.5; lengths have longer tails, so that it
must also be `FAR_TIMES` the median."""

FAR_TIMES = 8
LEAST_OUTPUTS = 20

_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad]")


def empty(outputs: Outputs) -> Iterator[OutputProblem]:
    """Outputs of nothing but spaces, where replies are scored against them and not by rules."""
    indices = [index for index in outputs.blank if not outputs.may_lack(index)]
    if indices:
        yield OutputProblem(
            "empty",
            "error",
            f"{counted(len(indices), 'output is', 'outputs are')} empty: a run refuses them, and a "
            "model learns to say nothing; fill them in or leave the rows out",
            indices,
        )


def constant(outputs: Outputs) -> Iterator[OutputProblem]:
    """One output for all rows, or for text, one that many rows share."""
    counts = Counter(outputs.texts[index] for index in outputs.filled)
    if not counts:
        return
    text, count = counts.most_common(1)[0]
    everywhere = [index for index in outputs.filled if outputs.texts[index] == text]
    if len(counts) == 1 and count > 1:
        yield OutputProblem(
            "constant",
            "error",
            f"all {count:,} outputs are the same, {first_words([text])}: there is nothing to learn "
            "or to measure",
            everywhere,
        )
    elif outputs.kind == "text" and count >= max(CANNED_ROWS, CANNED_SHARE * len(outputs.filled)):
        share = percent(count / len(outputs.filled))
        yield OutputProblem(
            "canned",
            "note",
            f"{count:,} outputs ({share}) are the same, {first_words([text])}: a tuned model will "
            "favour it",
            everywhere,
        )


def spaces(outputs: Outputs) -> Iterator[OutputProblem]:
    """Spaces and line breaks around outputs; a leading space that nearly all have is a convention."""
    written = outputs.data.written
    indices = [index for index in outputs.filled if written[index] != outputs.texts[index]]
    if not indices:
        return
    habit = [index for index in indices if written[index] == f" {outputs.texts[index]}"]
    if len(habit) >= ALIKE * len(outputs.filled):
        indices = [
            index for index in outputs.filled if written[index] != f" {outputs.texts[index]}"
        ]
        yield OutputProblem(
            "leading_space",
            "note",
            f"{counted(len(habit), 'output')} of {len(outputs.filled):,} start with a space, as "
            "old completion formats required; chat formats do not: steelyard data fix removes it",
            habit,
            [_around(written[index]) for index in habit[:50]],
        )
        if not indices:
            return
        indices = [index for index in indices if written[index] != outputs.texts[index]]
    if indices:
        yield OutputProblem(
            "spaces",
            "note" if outputs.kind in ("json", "labels") else "warning",
            f"{counted(len(indices), 'output has', 'outputs have')} spaces or line breaks around the "
            "text, which a tuned model learns to write: steelyard data fix removes them",
            indices,
            [_around(written[index]) for index in indices[:50]],
        )


def _around(text: str) -> str:
    start, end = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    sides = [("starts", start), ("ends", end)]
    return ", ".join(f"{how} with {mark[:8]!r}" for how, mark in sides if mark)


def invisible(outputs: Outputs) -> Iterator[OutputProblem]:
    """Invisible characters: zero-width space, word joiner, byte order mark, soft hyphen."""
    texts = outputs.texts
    indices = [i for i in outputs.filled if not texts[i].isascii() and _INVISIBLE.search(texts[i])]
    if indices:
        yield OutputProblem(
            "invisible",
            "warning",
            f"{counted(len(indices), 'output contains', 'outputs contain')} invisible characters "
            "(zero-width space, byte order mark, soft hyphen): exact matches will fail",
            indices,
            [
                ", ".join(sorted({f"U+{ord(c):04X}" for c in _INVISIBLE.findall(texts[i])}))
                for i in indices[:50]
            ],
        )


def remains(outputs: Outputs) -> Iterator[OutputProblem]:
    """Tokens of chat templates, and phrases of a model that refused or spoke of itself."""
    yield from _search(
        outputs,
        "template_remains",
        "tokens of a chat template or a role name, which a tuned model will write too",
        patterns()["remains"],
    )
    if outputs.kind == "text":
        yield from _search(
            outputs,
            "refusals",
            "a phrase in which an assistant refuses or describes itself: a model probably wrote these "
            "rows, and nobody reviewed them",
            patterns()["refusals"],
        )


def _search(
    outputs: Outputs, name: str, what: str, expressions: Sequence[str]
) -> Iterator[OutputProblem]:
    expression = re.compile("|".join(expressions), re.IGNORECASE)
    hits = {i: hit[0] for i in outputs.filled if (hit := expression.search(outputs.texts[i]))}
    if hits:
        message = f"{counted(len(hits), 'output contains', 'outputs contain')} {what}"
        yield OutputProblem(
            name, "warning", message, list(hits), [hit[:80] for hit in hits.values()]
        )


def placeholders(outputs: Outputs) -> Iterator[OutputProblem]:
    """Words that stand for a missing output; a label may have such a name."""
    if outputs.kind != "text":
        return
    words = set(patterns()["placeholders"])
    indices = [index for index in outputs.filled if outputs.texts[index].casefold() in words]
    if indices:
        examples = first_words(sorted({outputs.texts[index] for index in indices}))
        yield OutputProblem(
            "placeholders",
            "warning",
            f"{counted(len(indices), 'output is', 'outputs are')} only a placeholder ({examples}): "
            "write the reply, or leave the rows out",
            indices,
        )


def too_long(outputs: Outputs) -> Iterator[OutputProblem]:
    """Outputs far longer than the others."""
    if KINDS[outputs.kind].is_labelled or len(outputs.filled) < LEAST_OUTPUTS:
        return
    lengths = np.array([len(outputs.texts[index]) for index in outputs.filled])
    logs = np.log(lengths)
    middle = float(np.median(logs))
    # The floor keeps outputs of nearly one length from making every other an outlier.
    spread = max(float(np.median(np.abs(logs - middle))), 0.1)
    scores = 0.6745 * (logs - middle) / spread
    far = np.flatnonzero((scores > FAR) & (lengths > FAR_TIMES * np.exp(middle)))
    if not len(far):
        return
    ordered = far[np.argsort(-lengths[far], kind="stable")]
    indices = [outputs.filled[place] for place in ordered]
    yield OutputProblem(
        "too_long",
        "note",
        f"{counted(len(indices), 'output is', 'outputs are')} far longer than the rest, up to "
        f"{int(lengths.max()):,} characters, while half have at most "
        f"{round(float(np.exp(middle))):,}: check that they are proper replies",
        indices,
        [f"{int(lengths[place]):,} characters" for place in ordered],
    )
