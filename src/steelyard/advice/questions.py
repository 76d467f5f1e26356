"""The questions of the advice, what may be answered, and how an answer is read (``data/questions.yaml``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Literal, NamedTuple

from steelyard.config.units import plain_number
from steelyard.errors import ConfigError, closest
from steelyard.packaged import packaged
from steelyard.words import counted, shortened

_MOST = 10**12
_COUNT = re.compile(r"\d{1,3}(?:[,_]\d{3})+|\d{1,16}")
_TRIES = re.compile(r"(\d{1,9})\s*(?:of|out of|/)\s*(\d{1,9})", re.IGNORECASE)
_YES_NO = {"yes": True, "y": True, "true": True, "no": False, "n": False, "false": False}
KeyType = Literal["yes_no", "choice", "count", "tries", "dollars"]


class Tries(NamedTuple):
    """How many of a number of tries with today's prompt were good."""

    good: int
    of: int

    def __str__(self) -> str:
        return f"{self.good:,} of {self.of:,}"


@dataclass(frozen=True)
class AnswerKey:
    """What one answer may be, and how it reads in a reason.

    ``words`` reads each value of a choice, with ``what`` filled in; ``also`` are other words for values. A
    count has a ``unit``, the words ``after`` it, a ``least`` and a ``most`` value.
    """

    name: str
    type: KeyType
    words: Mapping[Any, str] = field(default_factory=dict)
    also: Mapping[str, str] = field(default_factory=dict)
    what: str = ""
    unit: str = ""
    after: str = ""
    least: int = 0
    most: int = _MOST

    @property
    def expected(self) -> str:
        """What the answer must be, in words."""
        match self.type:
            case "yes_no":
                return "yes or no"
            case "choice":
                return f"one of {', '.join(self.words)}"
            case "tries":
                return "good tries of all, such as 8 of 10"
            case "dollars":
                return "an amount in US dollars, such as 500"
            case _:
                most = "" if self.most == _MOST else f" and at most {self.most:,}"
                return f"a whole number of at least {self.least}{most}"

    def read(self, raw: object) -> Any:
        """Return the value that an answer stands for. Raises `ConfigError` for any other."""
        value = getattr(self, f"_{self.type}")(raw)
        if value is None:
            written = shortened(_as_written(raw), 40)
            hint = closest(str(raw), map(str, self.words)) if self.type == "choice" else ""
            if self.type == "count" and (number := plain_number(str(raw), self.name, whole=True)):
                hint = f": {number}"
            raise ConfigError(f"{self.name} must be {self.expected}, not {written}{hint}")
        return value

    def says(self, value: Any) -> str:
        """The answer in words: ``520 labelled examples``."""
        if self.words:
            return self.words[value].format(what=self.what)
        if self.type == "count":
            return counted(value, self.unit) + self.after
        if self.type == "dollars":
            return f"a budget of ${value:,}"
        return f"{value} tries were good"

    def plain(self, value: Any) -> str:
        """The value alone: ``yes``, ``daily``, ``25,000``."""
        if self.type == "yes_no":
            return "yes" if value else "no"
        return f"{value:,}" if self.type == "count" else str(value)

    def _yes_no(self, raw: object) -> bool | None:
        return raw if isinstance(raw, bool) else _YES_NO.get(str(raw).strip().lower())

    def _choice(self, raw: object) -> str | None:
        word = str(raw).strip().lower() if isinstance(raw, str) else ""
        word = self.also.get(word, word)
        return word if word in self.words else None

    def _count(self, raw: object) -> int | None:
        text = str(raw).strip() if isinstance(raw, int | str) and not isinstance(raw, bool) else ""
        if not _COUNT.fullmatch(text):
            return None
        number = int(re.sub("[,_]", "", text))
        return number if self.least <= number <= self.most else None

    def _tries(self, raw: object) -> Tries | None:
        if isinstance(raw, Tries):
            raw = raw._asdict()
        if isinstance(raw, str) and (match := _TRIES.fullmatch(raw.strip())):
            raw = {"good": int(match[1]), "of": int(match[2])}
        if not isinstance(raw, Mapping) or set(raw) != {"good", "of"}:
            return None
        good, of = (_digits(raw[key]) for key in ("good", "of"))
        if type(good) is not int or type(of) is not int or not 0 <= good <= of <= _MOST or not of:
            return None
        return Tries(good, of)

    def _dollars(self, raw: object) -> Decimal | None:
        if isinstance(raw, bool) or not isinstance(raw, int | float | str | Decimal):
            return None
        text = re.sub(r"^\$|\s*(?:USD|dollars?)$", "", str(raw).strip(), flags=re.IGNORECASE)
        if re.fullmatch(r"\d{1,3}(?:[,_]\d{3})+(?:\.\d+)?", text):
            text = re.sub("[,_]", "", text)
        if not re.fullmatch(r"\d+(?:\.\d*)?|\.\d+|\d+(?:\.\d+)?[eE][-+]?\d{1,2}", text.strip()):
            return None
        try:
            value = Decimal(text.strip())
        except InvalidOperation:
            return None
        return value if value.is_finite() and 0 <= value <= _MOST else None


@dataclass(frozen=True)
class AdviceQuestion:
    """One question: what is asked, in what form it is answered, why, and the keys that it answers."""

    ask: str
    hint: str
    why: str
    keys: tuple[AnswerKey, ...]

    def read(self, text: str) -> dict[str, Any]:
        """Return the answers in a line, by key; of several keys each takes the words that fit it.

        Raises `ConfigError`.
        """
        if len(self.keys) == 1:
            return {self.keys[0].name: self.keys[0].read(text)}
        answers: dict[str, Any] = {}
        for word in re.split(r"[,;]?\s+|[;]", text.strip()):
            key = next(
                (key for key in self.keys if key.name not in answers and _fits(key, word)), None
            )
            if key is None:
                raise ConfigError(f"answer with {self.hint}, not {shortened(word, 40)!r}")
            answers[key.name] = key.read(word)
        return answers


def _digits(raw: object) -> object:
    """A whole number that stands as text in a file, as ``08`` does; anything else as it is."""
    return int(raw) if isinstance(raw, str) and re.fullmatch(r"\d{1,16}", raw) else raw


def _fits(key: AnswerKey, word: str) -> bool:
    try:
        key.read(word)
    except ConfigError:
        return False
    return True


def _as_written(raw: object) -> str:
    if isinstance(raw, Mapping):
        return f"{{{', '.join(f'{key}: {value}' for key, value in raw.items())}}}"
    return (
        repr(raw)
        if isinstance(raw, str)
        else str(raw).lower()
        if isinstance(raw, bool)
        else str(raw)
    )


@cache
def questions() -> tuple[AdviceQuestion, ...]:
    """The questions, at most twelve, in the order in which they are asked."""
    return tuple(
        AdviceQuestion(
            entry["ask"],
            entry["hint"],
            entry["why"].strip(),
            tuple(AnswerKey(name, **facts) for name, facts in entry["keys"].items()),
        )
        for entry in packaged("advice/data/questions.yaml")
    )


@cache
def answer_keys() -> Mapping[str, AnswerKey]:
    """Every key that may be answered, in the order of the questions."""
    return {key.name: key for question in questions() for key in question.keys}
