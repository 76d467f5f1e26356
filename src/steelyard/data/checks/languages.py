"""Rows and outputs in an unusual language, and words in two alphabets."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from steelyard.data.base import CheckOptions, CheckResult, Finding, Severity
from steelyard.data.dataset import Dataset
from steelyard.errors import MissingExtraError
from steelyard.languages import groups, identifier, named
from steelyard.words import counted, listed, percent

CHECK = "languages"

MOST_READ = 1_000_000
"""Characters whose language is guessed, at most: about 1 microsecond each. Of more, a sample."""

MANY = 0.05
"""From this share on, rows in other languages weigh on the mean without being measured alone."""

PATTERN = 0.8
"""If this share of the rows has the same pair of input and output language, it is a rule."""

SURE = 0.8
"""Probability from which a guess counts. With it 12,151 of the 13,083 messages of banking77 and 4,382
of the 5,574 of sms_spam, all English, are identified, and none as another language."""

CERTAIN = 0.95
"""At this probability a language is distinct from those it is easily confused with."""

LETTERS = 20
FEWER_LETTERS = 8  # for scripts that say more with a letter, and name the language by themselves
LEAST_SHARE = 0.6  # of letters among non-space characters: below it is code or data
MOST_CHARACTERS = 300

_NO_LANGUAGE = "zxx"
_ASIDE = re.compile(r"```.*?```|`[^`]*`|https?://\S+|www\.\S+|\S+@\S+\.\S+|<[^>]{1,80}>", re.DOTALL)
_CONFUSED = re.compile(r"[A-Za-z][\u0370-\u03ff\u0400-\u04ff]|[\u0370-\u03ff\u0400-\u04ff][A-Za-z]")
_WORD = re.compile(r"[^\W\d_]+")

# Letters of one alphabet that print like letters of another.
_LOOKS_LATIN = frozenset("АВЕЅІЈКМНОРСТУХаеорсухѕіјΑΒΕΖΗΙΚΜΝΟΡΤΥΧο")  # Cyrillic, then Greek
_LOOKS_OTHER = frozenset("ABEZHIKMNOPTYXSJCaeopcyxsij")


class LanguageGuess(NamedTuple):
    """A language by its code, and how probable it and those it is confused with are together."""

    code: str
    probability: float
    is_certain: bool


Guesses = Mapping[int, LanguageGuess]


def find(data: Dataset, options: CheckOptions) -> CheckResult:
    """Guess the language of inputs and, for text, of outputs; skip short and unclear texts."""
    findings = list(_mixed(data))
    facts: dict[str, Any] = {"mixed_alphabets": sum(len(finding.rows) for finding in findings)}
    try:
        identifier()
    except MissingExtraError as error:
        return CheckResult(tuple(findings), facts, f"languages cannot be identified: {error}")
    sample = _sample(data, options.seed)
    sides = {"input": [data.examples[index].input for index in sample]}
    if data.kind == "text":
        sides["output"] = [data.written[index] for index in sample]
    guesses = {side: _guesses(sample, texts) for side, texts in sides.items()}
    facts |= {side: _facts(languages, len(sample)) for side, languages in guesses.items()}
    findings += _minority(data, guesses["input"], len(sample))
    if "output" in guesses:
        findings += _unlike(data, guesses["input"], guesses["output"])
    facts |= {"looked_at": len(sample), "is_sample": len(sample) < len(data.examples)}
    return CheckResult(tuple(findings), facts)


def _sample(data: Dataset, seed: int) -> list[int]:
    """Indices of the rows to look at: all, or as many as `MOST_READ` allows, by seed."""
    texts = [example.input for example in data.examples]
    texts += data.written if data.kind == "text" else ()
    characters = sum(min(len(text), MOST_CHARACTERS) for text in texts)
    n = len(data.examples)
    if characters <= MOST_READ:
        return list(range(n))
    most = max(1, n * MOST_READ // characters)
    return sorted(np.random.default_rng(seed).choice(n, most, replace=False).tolist())


def _guesses(indices: Sequence[int], texts: Sequence[str]) -> dict[int, LanguageGuess]:
    pairs = zip(indices, map(guess, texts), strict=True)
    return {index: language for index, language in pairs if language is not None}


def _facts(guesses: Guesses, looked_at: int) -> dict[str, Any]:
    counts = Counter(language.code for language in guesses.values())
    return {"languages": dict(counts.most_common()), "unclear": looked_at - len(guesses)}


def _main(guesses: Guesses) -> LanguageGuess | None:
    counts = Counter(language.code for language in guesses.values())
    return LanguageGuess(counts.most_common(1)[0][0], 1.0, True) if counts else None


def _minority(data: Dataset, guesses: Guesses, looked_at: int) -> Iterator[Finding]:
    main = _main(guesses)
    if main is None:
        return
    foreign = [index for index, language in guesses.items() if not is_same(language, main)]
    if not foreign:
        return
    foreign.sort(key=lambda index: (-guesses[index].probability, index))
    counts = Counter(guesses[index].code for index in foreign)
    counted_names = [f"{named(code)} {count:,}" for code, count in counts.most_common()]
    share = len(foreign) / len(guesses)
    severity: Severity = "warning" if share >= MANY else "note"
    of = f"in a sample of {looked_at:,} rows, " if looked_at < len(data.examples) else ""
    message = (
        f"{of}{counted(len(foreign), 'input is', 'inputs are')} not in {named(main.code)}, the "
        f"language of most: {listed(counted_names)} ({percent(share)} of those long enough to tell); "
        "keep them if users write that way, and set a slice to see their quality separately"
    )
    yield _finding(data, foreign, guesses, severity, message)


def _unlike(data: Dataset, inputs: Guesses, outputs: Guesses) -> Iterator[Finding]:
    """Outputs whose language does not go with the input's as it does in most rows; quotes are left out."""
    both = [
        index
        for index in outputs
        if index in inputs and data.written[index].strip() not in data.examples[index].input
    ]
    same = [index for index in both if is_same(inputs[index], outputs[index])]
    if not both:
        return
    if len(same) >= PATTERN * len(both):
        odd = sorted(set(both) - set(same), key=lambda index: (-outputs[index].probability, index))
        usual = "in the language of the input"
    else:
        pairs = Counter((inputs[index].code, outputs[index].code) for index in both)
        (source, target), count = pairs.most_common(1)[0]
        if count < PATTERN * len(both):
            return  # several directions of translation: no row is odd
        odd = [index for index in both if outputs[index].code != target]
        usual = f"in {named(target)} for an input in {named(source)}"
    if not odd:
        return
    message = (
        f"{counted(len(odd), 'output is', 'outputs are')} not {usual}, the usual language here: a tuned "
        "model learns to switch languages"
    )
    yield _finding(data, odd, outputs, "warning", message)


def _finding(
    data: Dataset, indices: Sequence[int], guesses: Guesses, severity: Severity, message: str
) -> Finding:
    return Finding.of_rows(
        data,
        indices,
        CHECK,
        severity,
        message,
        language=[named(guesses[index].code) for index in indices],
        probability=[round(guesses[index].probability, 3) for index in indices],
    )


def _mixed(data: Dataset) -> Iterator[Finding]:
    """Look-alike letters: a model reads them as other tokens, and no exact match finds them."""
    words: dict[int, list[str]] = {}
    for index, example in enumerate(data.examples):
        if disguised := mixed_words(example.input) or mixed_words(data.written[index]):
            words[index] = disguised
    if not words:
        return
    indices = list(words)
    yield Finding.of_rows(
        data,
        indices,
        CHECK,
        "warning",
        f"{counted(len(indices), 'row has a word', 'rows have words')} in two alphabets, such as "
        f"{words[indices[0]][0]!r} with look-alike letters: to a model these are other tokens; use "
        "one alphabet",
        words=[", ".join(words[index][:5]) for index in indices],
    )


def is_same(a: LanguageGuess, b: LanguageGuess) -> bool:
    """Whether two guesses may be the same language."""
    if a.code == b.code:
        return True
    alike = b.code in groups().get(a.code, ())
    return alike and not (a.is_certain and b.is_certain)


def guess(text: str) -> LanguageGuess | None:
    """Name the language of ``text``; ``None`` where it is too short, unclear, or hardly words."""
    plain = _ASIDE.sub(" ", text[:MOST_CHARACTERS])
    if not _says_enough(plain):
        return None
    ranked = dict(identifier().rank(plain))
    code = next(iter(ranked))
    together = sum(ranked.get(alike, 0.0) for alike in groups().get(code, (code,)))
    if together < SURE or code == _NO_LANGUAGE:
        return None
    return LanguageGuess(code, together, ranked[code] >= CERTAIN)


def _says_enough(text: str) -> bool:
    letters = sum(map(str.isalpha, text))
    if letters < FEWER_LETTERS or letters < LEAST_SHARE * len("".join(text.split())):
        return False
    return letters >= LETTERS or sum(character > "\u036f" for character in text) > letters / 2


def mixed_words(text: str) -> list[str]:
    """Words in two alphabets that would read as a word of one: "раyment" with a Cyrillic ра.

    The letters of the alphabet with fewer in the word must all have a twin in the other, so that
    "SMSка" does not count.
    """
    if text.isascii() or _CONFUSED.search(text) is None:
        return []
    return [word for word in _WORD.findall(text) if _CONFUSED.search(word) and _is_disguised(word)]


def _is_disguised(word: str) -> bool:
    other = [letter for letter in word if _script(letter) in ("CYRILLIC", "GREEK")]
    latin = [letter for letter in word if _script(letter) == "LATIN"]
    if len(word) < 3:  # units: kΩ, μm
        return False
    if len(other) <= len(latin) and _LOOKS_LATIN.issuperset(other):
        return True
    return len(latin) <= len(other) and _LOOKS_OTHER.issuperset(latin)


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]
