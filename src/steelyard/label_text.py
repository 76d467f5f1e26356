"""Which of its labels a text gives: one grammar wherever an answer in free text is read.

A text gives a label where it is one but for how it is written, or where a line of it says so in one of
few known ways; that a label's word occurs is not enough. Rather none than the wrong one.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from string import ascii_uppercase

from steelyard.folding import folded, plain
from steelyard.json_text import read_whole_json
from steelyard.label_marks import (
    LONGEST_LINE,
    as_word,
    has_stopped,
    has_substance,
    is_bullet,
    key,
    peeled,
    sentences,
    spelled,
    undecorated,
    unmarked,
)
from steelyard.label_words import label_leads, label_words
from steelyard.words import one_line

_SHOWN = 60
_MOST_PEELED = 8
_AFTER = re.compile(r"\s+-\s+|:\s+|[.,;!]\s+|\)\s+|\s*\((?=\w)")
_BECAUSE = re.compile(
    r"(?:(?:\s*[,;.]|\s-)?\s+|\s*\()(?:because|since|weil|porque)\b|\s*[,。]?\s*(?:因为|因為|由于)",
    re.I,
)
_ENDS = re.compile(r"(?:\.|!|。|।|…)*\s*")
_NEGATED = re.compile(
    r"(?:\bnot|\bno|\bnor|\bthan|\binstead of|\bisn't|\bover|\bno longer)\s+(?:an?\s+|the\s+)?[\"'*]*$",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"(?<=[.!;。！])\s+|(?<=[。！])")
_IT_IS = (
    r"[\W_]*(?:it|that|this|they|he|she|there)(?:\s+(?:is|are|was|does|do|did|has|have|can)|'s)"
)
_DENIES, _AFFIRMS = (
    re.compile(rf"{_IT_IS}(?:n't| not)\b", re.I),
    re.compile(rf"{_IT_IS}(?! no)\b", re.I),
)
_FEWEST_WORDS = 4
"""A shorter remark after a label may be a call or a denial in any words: *Nope*, *Ignore that*."""
_FEWEST_CHOICES, _FEWEST_GRADES = 3, 5
"""From how many on labels are the letters of a choice, or grades of which *4/5* is one, not a fraction."""
_HARMLESS = frozenset("reason reasoning explanation confidence score rationale".split())
"""Fields of a JSON object beside its answer that say why and how surely."""
_CODES = re.compile(r"[A-Z]\d{1,3}(?:, ?[A-Z]\d{1,3})*")
_FENCE = re.compile(r"[`~]{3,}\s*\w*")


def read_label(text: str, labels: Sequence[str]) -> tuple[str | None, str | None]:
    """Return ``(label, None)``, or ``(None, reason)`` where the text does not give exactly one.

    A label stands alone, but for case, Unicode forms, quotes, markup and final punctuation; in a field
    such as ``label`` of the JSON object that is the whole text; or on a line that announces it
    (``Label: X``, ``The answer is X.``), begins with it (``X - because …``) or states it
    (``This is an X issue.``). Lines that give different labels give none, nor does one whose label is
    doubted before or after it, or followed by another label's name. Of labels that fold to the same
    only the exact one counts.
    """
    if not text.strip():
        return None, "empty answer"
    if text.strip() in labels:
        return text.strip(), None
    given = _reader(tuple(labels)).given(text)
    if len(given) == 1:
        return given[0], None
    several = f" (it names {', '.join(given[:3])})" if given else ""
    return None, f"not a label: {one_line(text, _SHOWN)!r}{several}"


def lone_label(text: str, labels: Sequence[str]) -> str | None:
    """Return the label that is the whole text, as `read_label` folds it, or that its JSON object gives."""
    return text.strip() if text.strip() in labels else _reader(tuple(labels)).lone(text)


def is_in_doubt(before: str) -> bool:
    """Whether the words before an answer deny it, report it or make it a condition."""
    return label_words()["doubts"].search(before) is not None


@lru_cache(maxsize=64)
def _reader(labels: tuple[str, ...]) -> _LabelReader:
    return _LabelReader(labels)


class _LabelReader:
    """Reads texts for one list of labels."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self._labels = frozenset(labels)
        self._exact = _unique({label: plain(label) for label in labels})
        self._folded = _unique({label: key(label) for label in labels})
        spellings = sorted({plain(label) for label in labels} - {""}, key=len, reverse=True)
        self._longest = max(map(len, spellings), default=0)
        self._has_signs = any(undecorated(spelling) != spelling for spelling in spellings)
        self._is_choice = len(labels) >= _FEWEST_CHOICES and sorted(map(str.upper, labels)) == list(
            ascii_uppercase[: len(labels)]
        )
        self._of_most = _of_most(labels)
        label = "|".join(map(spelled, spellings)) or r"(?!)"
        self._named = re.compile("|".join(map(as_word, spellings)) or r"(?!)", re.IGNORECASE)
        stated = rf"(?P<open>[\"'(\[<*_$]{{0,3}})(?P<label>{label})(?P<close>[\"')\]>*_$]{{0,3}})(?P<rest>.*)"
        self._leads = [
            (name, re.compile(lead + stated, re.IGNORECASE)) for name, lead in label_leads()
        ]

    def given(self, text: str) -> list[str]:
        """The labels that the text gives, each once; or several that its first line names."""
        if (label := self.lone(text)) is not None:
            return [label]
        if _is_like_json(text):
            return []
        lines = sentences(text)
        lines = [line for line in lines if not label_words()["courtesies"].fullmatch(line)] or lines
        stated = [self._stated(line) for line in lines]
        labels = list(dict.fromkeys(label for label in stated if label is not None))
        if len(labels) == 1:
            return labels if self._stands(lines, stated) else []
        named = labels or self._mentioned(lines[0] if lines else "")
        return named if len(named) > 1 else []

    def lone(self, text: str) -> str | None:
        """The label that is all of a text, or that its JSON object gives."""
        if (value := _json_value(text)) is not None:
            return value if value in self._labels else self._alone(plain(value))
        if _is_like_json(text) or len(text) > self._longest + LONGEST_LINE:
            return None
        return self._alone(plain(text))

    def _stands(self, lines: Sequence[str], stated: Sequence[str | None]) -> bool:
        """Whether no line that leads to the label, or follows it, leaves it in doubt."""
        if any(label_words()["refusals"].search(line) for line in lines):
            return False
        first = next(place for place, label in enumerate(stated) if label is not None)
        for place in range(first, len(lines)):
            label = stated[place]
            if label is not None and not self._is_led_to(lines, place):
                return False
            if label is None and not self._may_follow(stated[first], lines[place]):
                return False
        return not _goes_on(lines[first + 1] if first + 1 < len(lines) else "")

    def _is_led_to(self, lines: Sequence[str], place: int) -> bool:
        """Whether the lines before a label let it stand: its announcement, or a sentence that has ended."""
        line, before = lines[place], unmarked(lines[place - 1] if place else "")
        if before.endswith(":"):
            return label_words()["announcements"].fullmatch(before) is not None
        if self._alone(unmarked(line)) is None:
            return has_stopped(before) or not is_in_doubt(before)
        if is_bullet(line) and any(map(is_bullet, lines[max(place - 1, 0) : place])):
            return False
        if not re.search(r"\w", before) or _FENCE.fullmatch(before) or self._stated(before):
            return True
        is_announced = label_words()["announcements"].fullmatch(before) is not None
        has_ended = has_stopped(before) and "?" not in before
        return is_announced or (has_ended and not label_words()["retractions"].search(before))

    def _may_follow(self, label: str | None, line: str) -> bool:
        """Whether a line after the one with the label lets it stand; few words only as a reason."""
        line = unmarked(line)
        words = re.findall(r"\w+", line)
        if not words or _FENCE.fullmatch(line) or self._is_code(line):
            return not label_words()["retractions"].search(line)
        is_remark = len(words) < _FEWEST_WORDS and not label_words()["reasons"].match(line)
        is_apart = self._sets_apart(label, line)
        is_number = words[0][0].isdigit()
        return (
            not (is_remark and not is_apart) and not is_number and self._is_compatible(label, line)
        )

    def _is_code(self, line: str) -> bool:
        """Whether a line only numbers reasons, as guards do below their verdict: ``S1, S10``."""
        return _CODES.fullmatch(line.strip()) is not None and not self._mentioned(line)

    def _is_compatible(self, label: str | None, text: str) -> bool:
        """Whether sentences that follow a label name no other one, and do not take it back."""
        text = unmarked(text)
        if label is not None:
            text = _undenied(label, text)
            if folded(label) in label_words()["denials"] and _AFFIRMS.match(text):
                return False
        for sentence in _CLAUSE_END.split(text):
            begins = label_words()["corrections"].match(sentence) and not self._sets_apart(
                label, sentence
            )
            if begins or label_words()["retractions"].search(sentence):
                return False
        return "?" not in text and not self._names_other(label, text)

    def _mentioned(self, line: str) -> list[str]:
        names = (match[0] for match in self._named.finditer(line[:LONGEST_LINE]))
        return list(dict.fromkeys(label for name in names if (label := self._exact.get(name))))

    def _resolved(self, candidate: str) -> str | None:
        return self._exact.get(candidate) or self._folded.get(key(candidate))

    def _alone(self, candidate: str) -> str | None:
        """The label that a text is, one layer of markup or punctuation after the other taken off."""
        candidate = candidate.strip().replace("\\_", "_")
        for _ in range(_MOST_PEELED):
            if (label := self._resolved(candidate)) is not None:
                return label
            barer = peeled(candidate)
            barer = self._undecorated(candidate) if barer == candidate else barer
            if barer == candidate or len(barer) > self._longest + LONGEST_LINE:
                return None
            candidate = barer
        return None

    def _undecorated(self, text: str) -> str:
        return text if self._has_signs else undecorated(text)

    def _stated(self, line: str) -> str | None:
        """The label that a line gives."""
        if len(line) > LONGEST_LINE:
            return None
        line = self._undecorated(unmarked(line))
        if (label := self._alone(line)) is not None:
            is_word = folded(label) in label_words()["function_words"] and label not in line
            return None if is_word else label
        matches = [(name, match) for name, lead in self._leads if (match := lead.match(line))]
        given = {label for pair in matches if (label := self._led(*pair)) is not None}
        return given.pop() if len(given) == 1 else None

    def _led(self, lead: str, match: re.Match[str]) -> str | None:
        """The label behind a ``lead``, if nothing before or after it raises a doubt."""
        label = self._resolved(match["label"])
        before = match.string[: match.start("open")]
        rest = match["rest"] if match["open"] else match["close"] + match["rest"]
        is_open = len(match["open"]) > len(match["close"])
        if label is None or is_open or not has_substance(label) or is_in_doubt(before):
            return None
        if self._names_other(label, before):
            return None
        is_alike = match["label"] in self._exact
        if len(label) == 1 and match["open"].endswith("(") and re.match(r"\s+\w", rest):
            rest = f"){rest}"
        if (match["article"] or lead == "statement") and (
            suffix := label_words()["suffixes"].match(rest)
        ):
            rest = rest[suffix.end() :]
        if lead == "named" and not self._is_choice:
            return label if is_alike and self._is_final(label, rest) else None
        if lead in ("statement", "named") and not is_alike:
            return None
        if lead == "start" and not is_alike and folded(label) in label_words()["function_words"]:
            return None
        if label.isdigit() and (stars := re.match(r"\s+stars?\b", rest)):
            rest = rest[stars.end() :]
        if lead == "start" and rest.startswith(":") and folded(label) == "a":
            return None  # "A: Paris" may be an answer to "Q: …"
        if lead == "announced" and len(label) == 1 and label.isalpha() and rest.startswith(". "):
            return label if self._is_compatible(label, rest[2:]) else None
        return label if self._is_clear(label, rest, is_alike=is_alike) else None

    def _is_final(self, label: str, rest: str) -> bool:
        """Whether nothing follows a label on its line but what it is a label of, or that it is right."""
        if _ENDS.fullmatch(rest) or label_words()["confirmations"].fullmatch(rest):
            return True
        if label.isdigit() and self._of_most is not None and self._of_most.fullmatch(rest):
            return True
        is_common = len(label) == 1 or folded(label) in label_words()["denials"]
        return not is_common and label_words()["kinds"].fullmatch(rest) is not None

    def _is_clear(self, label: str, rest: str, *, is_alike: bool) -> bool:
        """Whether what follows a label on its line leaves it standing: nothing, or its reason."""
        if self._is_final(label, rest):
            return True
        because = _BECAUSE.match(rest)
        after = because or _AFTER.match(rest)
        if after is None or re.match(r"[\W_]*\d", rest[after.end() :]):
            return label_words()["confidences"].fullmatch(rest) is not None
        reason, mark = rest[after.end() :], after[0].strip()
        if not self._is_compatible(label, reason):
            return False
        is_letter = len(label) == 1 and label.isalpha()
        if because:
            return not is_letter or "since" not in after[0]
        if mark == ")":
            return len(label) == 1
        if label_words()["foreign"].search(reason) or (label.isdigit() and mark == "."):
            return False
        clause = _undenied(label, self._without_other(label, reason))
        if not clause.strip(" .!)"):
            return True
        if folded(label) in label_words()["denials"]:
            clause = re.sub(
                r"\bno(?:t|ne|body)?\b|n't\b", "", clause, count=1
            )  # "No, the text does not say so."
        is_reason = mark != ":" and label_words()["reasons"].match(clause) is not None
        if not is_reason and not (is_alike and self._explains(label, mark, clause)):
            return False
        return (is_reason and mark in (".", "!")) or not is_in_doubt(clause)

    def _explains(self, label: str, mark: str, clause: str) -> bool:
        """Whether a clause that follows a label and a mark can be nothing but why, or what, it is."""
        fewest = 1 if len(label) == 1 else 2
        if mark not in ("-", ":", "(", ".") or len(clause.split()) < fewest:
            return False
        if label_words()["measures"].search(clause):
            return False
        if len(label) == 1 and label.isalpha():
            return self._is_choice
        return mark in "-(" if label.isdigit() else mark != "."

    def _without_other(self, label: str, reason: str) -> str:
        """A clause without the other label that it sets apart at its beginning: ``spam, not ham``."""
        if not self._sets_apart(label, reason):
            return reason
        match = self._named.search(reason)
        return "" if match is None else reason[match.end() :]

    def _sets_apart(self, label: str | None, reason: str) -> bool:
        """Whether it begins by saying which other label it is not: ``spam, not ham``."""
        match = self._named.search(reason)
        if match is None or match.start() >= 16 or self._resolved(match[0]) == label:
            return False
        return _NEGATED.search(reason[: match.start()]) is not None

    def _names_other(self, label: str | None, text: str) -> bool:
        if self._alone(text) not in (None, label):
            return True
        for match in self._named.finditer(text):
            is_common = folded(match[0]) in label_words()["function_words"]
            if self._resolved(match[0]) == label or (is_common and match[0] not in self._exact):
                continue
            is_article = match[0] in ("A", "I") and text[match.end() :][:2].strip().islower()
            if match[0] in label_words()["everyday"] or is_article:
                continue
            if not _NEGATED.search(text[: match.start()]):
                return True
        return False


def _unique(forms: Mapping[str, str]) -> dict[str, str]:
    """Labels by their forms, without forms that two of them share."""
    counts = Counter(forms.values())
    return {form: label for label, form in forms.items() if counts[form] == 1}


def _of_most(labels: Sequence[str]) -> re.Pattern[str] | None:
    """``/5`` and *out of 5* where the labels are grades up to 5."""
    if not labels or not all(map(str.isdecimal, labels)):
        return None
    most = max(map(int, labels))
    if most < _FEWEST_GRADES or most - min(map(int, labels)) != len(labels) - 1:
        return None
    return re.compile(rf"\s*(?:/|out of)\s*{most}(?:\s+stars)?\s*[.!]*", re.IGNORECASE)


def _undenied(label: str, text: str) -> str:
    """What follows a label without the denial that says the same as *no*: ``No, it isn't …``."""
    denial = _DENIES.match(text) if folded(label) in label_words()["denials"] else None
    return text if denial is None else text[denial.end() :]


def _goes_on(line: str) -> bool:
    """Whether a line goes on with the sentence of the line before: it begins in small letters."""
    word = re.search(r"[^\W\d_]+", line)
    if word is None or not word[0][0].islower() or word[0] in _HARMLESS:
        return False
    return _BECAUSE.match(f" {line}") is None


def _is_like_json(text: str) -> bool:
    """Whether a text is JSON, whole or cut: labels among its words are no answers."""
    return text.lstrip().startswith(("{", "[{")) or _json_value(text) is not None


def _json_value(text: str) -> str | None:
    """The label of the JSON object that a text is: its one field that is called so. Numbers as written."""
    document = read_whole_json(text) if "{" in text else None
    fields = None if document is None else json.loads(document, parse_int=str, parse_float=str)
    if not isinstance(fields, dict):
        return None
    names = [name for name in fields if key(name) not in _HARMLESS]
    is_answer = len(names) == 1 and label_words()["fields"].fullmatch(key(names[0]))
    value = fields[names[0]] if is_answer else None
    value = str(value).lower() if isinstance(value, bool) else value
    return value if isinstance(value, str) else ""
