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

from steelyard.folding import folded, plain
from steelyard.json_text import read_whole_json
from steelyard.label_words import label_leads, label_words
from steelyard.words import one_line

_SHOWN = 60
_MOST_LINES = 24  # at either end of a text
_LONGEST_LINE = 600
_MOST_PEELED = 8
_PAIRS = {"(": ")", "[": "]", "{": "}", "<": ">", '"': '"', "'": "'", "`": "`", "*": "*", "_": "_"}
_PAIRS |= {"「": "」", "『": "』", "【": "】", "《": "》", "$": "$"}
_FINAL = ".,;:!…。、،؛।॥"
_MARKS = _FINAL + "?؟"
_BULLET = re.compile(r"(?:#{1,6}|[>•*+]|-(?!\s*\d)|\d{1,2}[.)](?!\s*\d))\s+")
_EMPHASIS = re.compile(r"\*\*([^*]+)\*\*|__([^_]+)__|`([^`]+)`")
_LATEX = re.compile(r"\\(?:boxed|text|textbf|mathrm)\s*\{(?P<inside>.*)\}")
_TAGS = re.compile(
    r"<(?P<tag>(?:final[_-]?)?(?:label|answer|category|class|classification|intent|queue|result|output|prediction"
    r"|response|sentiment)|b|strong|em|i|u|code|p|span|pre|mark|li|td|h[1-6])>(?P<inside>.*)</(?P=tag)>",
    re.IGNORECASE,
)
_AFTER = re.compile(r"\s+-\s+|[.,;!]\s+|\)\s+|\s*\((?=\w)")
_BECAUSE = re.compile(
    r"(?:(?:\s*[,;.]|\s-)?\s+|\s*\()(?:because|since|weil|porque)\b|\s*[,。]?\s*(?:因为|因為|由于)",
    re.I,
)
_ENDS = re.compile(r"(?:\.|!|。|।|…)*\s*")
_NEGATED = re.compile(
    r"(?:\bnot|\bno|\bnor|\bthan|\binstead of|\bisn't|\bover|\bno longer)\s+(?:an?\s+|the\s+)?[\"'*]*$",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!;。！])\s+|(?<=[。！])")
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
)
_IT_IS = (
    r"[\W_]*(?:it|that|this|they|he|she|there)(?:\s+(?:is|are|was|does|do|did|has|have|can)|'s)"
)
_DENIES, _AFFIRMS = re.compile(rf"{_IT_IS}(?:n't| not)\b", re.I), re.compile(rf"{_IT_IS}\b", re.I)
_FEWEST_WORDS = 4
"""A shorter remark after a label may be a call or a denial in any words: *Nope*, *Ignore that*."""
_HARMLESS = frozenset("reason reasoning explanation confidence score rationale".split())
"""Fields of a JSON object beside its answer that say why and how surely."""
_FENCE = re.compile(r"[`~]{3,}\s*\w*")
_STOPPED = re.compile(r"[.!?。！？][\"'*)]*$")


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


def is_in_doubt(before: str) -> bool:
    """Whether the words before an answer deny it, report it or make it a condition."""
    return label_words()["doubts"].search(before) is not None


@lru_cache(maxsize=64)
def _reader(labels: tuple[str, ...]) -> _LabelReader:
    return _LabelReader(labels)


class _LabelReader:
    """Reads texts for one list of labels."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self._exact = _unique({label: plain(label) for label in labels})
        self._folded = _unique({label: _key(label) for label in labels})
        spellings = sorted({plain(label) for label in labels} - {""}, key=len, reverse=True)
        self._longest = max(map(len, spellings), default=0)
        label = "|".join(map(_spelled, spellings)) or r"(?!)"
        self._named = re.compile("|".join(map(_as_word, spellings)) or r"(?!)", re.IGNORECASE)
        stated = rf"(?P<open>[\"'(\[<*_]{{0,3}})(?P<label>{label})(?P<close>[\"')\]>*_]{{0,3}})(?P<rest>.*)"
        self._leads = [
            (name, re.compile(lead + stated, re.IGNORECASE)) for name, lead in label_leads()
        ]

    def given(self, text: str) -> list[str]:
        """The labels that the text gives, each once; or several that its first line names."""
        if (value := _json_value(text)) is not None:
            label = self._alone(plain(value))
            return [] if label is None else [label]
        if text.lstrip().startswith(("{", "[{")):
            return []  # JSON that was cut, or is none
        if len(text) <= self._longest + _LONGEST_LINE and (label := self._alone(plain(text))):
            return [label]
        lines = _lines(text)
        stated = [self._stated(line) for line in lines]
        labels = list(dict.fromkeys(label for label in stated if label is not None))
        if len(labels) == 1:
            return labels if self._stands(lines, stated) else []
        named = labels or self._mentioned(lines[0] if lines else "")
        return named if len(named) > 1 else []

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
        line, before = lines[place], _unmarked(lines[place - 1] if place else "")
        if before.endswith(":"):
            return label_words()["announcements"].fullmatch(before) is not None
        if self._alone(_unmarked(line)) is None:
            return _STOPPED.search(before) is not None or not is_in_doubt(before)
        if _BULLET.match(line) and any(map(_BULLET.match, lines[max(place - 1, 0) : place])):
            return False
        if not re.search(r"\w", before) or _FENCE.fullmatch(before) or self._stated(before):
            return True
        is_announced = label_words()["announcements"].fullmatch(before) is not None
        has_ended = _STOPPED.search(before) is not None and "?" not in before
        return is_announced or (has_ended and not label_words()["retractions"].search(before))

    def _may_follow(self, label: str | None, line: str) -> bool:
        """Whether a line after the one with the label lets it stand; few words only as a reason."""
        line = _unmarked(line)
        words = re.findall(r"\w+", line)
        if not words or _FENCE.fullmatch(line):
            return not label_words()["retractions"].search(line)
        is_remark = len(words) < _FEWEST_WORDS and not label_words()["reasons"].match(line)
        is_apart = self._sets_apart(label, line)
        is_number = words[0][0].isdigit()
        return (
            not (is_remark and not is_apart) and not is_number and self._is_compatible(label, line)
        )

    def _is_compatible(self, label: str | None, text: str) -> bool:
        """Whether sentences that follow a label name no other one, and do not take it back."""
        text = _unmarked(text)
        if label is not None:
            text = _undenied(label, text)
            if folded(label) in label_words()["denials"] and _AFFIRMS.match(text):
                return False
        for sentence in _SENTENCE_END.split(text):
            begins = label_words()["corrections"].match(sentence) and not self._sets_apart(
                label, sentence
            )
            if begins or label_words()["retractions"].search(sentence):
                return False
        return "?" not in text and not self._names_other(label, text)

    def _mentioned(self, line: str) -> list[str]:
        names = (match[0] for match in self._named.finditer(line[:_LONGEST_LINE]))
        return list(dict.fromkeys(label for name in names if (label := self._exact.get(name))))

    def _resolved(self, candidate: str) -> str | None:
        return self._exact.get(candidate) or self._folded.get(_key(candidate))

    def _alone(self, candidate: str) -> str | None:
        """The label that a text is, one layer of markup or punctuation after the other taken off."""
        candidate = candidate.strip().replace("\\_", "_")
        for _ in range(_MOST_PEELED):
            if (label := self._resolved(candidate)) is not None:
                return label
            peeled = _peeled(candidate)
            if peeled == candidate or len(peeled) > self._longest + _LONGEST_LINE:
                return None
            candidate = peeled
        return None

    def _stated(self, line: str) -> str | None:
        """The label that a line gives."""
        if len(line) > _LONGEST_LINE:
            return None
        if (label := self._alone(line)) is not None:
            return label
        line = _unmarked(line)
        if (label := self._alone(line)) is not None:
            return label
        matches = [(name, match) for name, lead in self._leads if (match := lead.match(line))]
        given = {label for pair in matches if (label := self._led(*pair)) is not None}
        return given.pop() if len(given) == 1 else None

    def _led(self, lead: str, match: re.Match[str]) -> str | None:
        """The label behind a ``lead``, if nothing before or after it raises a doubt."""
        label = self._resolved(match["label"])
        before = match.string[: match.start("open")]
        rest = match["rest"] if match["open"] else match["close"] + match["rest"]
        is_open = len(match["open"]) > len(match["close"])
        if label is None or is_open or not label.strip(_MARKS) or is_in_doubt(before):
            return None
        if self._names_other(label, before):
            return None
        is_written_alike = match["label"] in self._exact
        if lead == "named":
            return label if is_written_alike and _ENDS.fullmatch(rest) else None
        if match["article"] and (suffix := label_words()["suffixes"].match(rest)):
            rest = rest[suffix.end() :]
        if lead == "statement":
            return label if is_written_alike and self._is_clear(label, rest) else None
        if (
            lead == "start"
            and not is_written_alike
            and folded(label) in label_words()["function_words"]
        ):
            return None
        if label.isdigit() and (stars := re.match(r"\s+stars?\b", rest)):
            rest = rest[stars.end() :]
        if lead == "announced" and len(label) == 1 and label.isalpha() and rest.startswith(". "):
            return label if self._is_compatible(label, rest[2:]) else None
        return label if self._is_clear(label, rest) else None

    def _is_clear(self, label: str, rest: str) -> bool:
        """Whether what follows a label on its line leaves it standing: nothing, or its reason."""
        if _ENDS.fullmatch(rest):
            return True
        because = _BECAUSE.match(rest)
        after = because or _AFTER.match(rest)
        if after is None or re.match(r"[\W_]*\d", rest[after.end() :]):
            return False
        reason, mark = rest[after.end() :], after[0].strip()
        if not self._is_compatible(label, reason):
            return False
        if because or mark == ")":
            is_letter = len(label) == 1 and label.isalpha()
            return (mark == ")" or "since" not in after[0]) if is_letter else mark != ")"
        if label_words()["foreign"].search(reason) or (label.isdigit() and mark == "."):
            return False
        clause = _undenied(label, self._without_other(label, reason))
        if not clause.strip(" .!)"):
            return True
        if folded(label) in label_words()["denials"]:
            clause = re.sub(
                r"\bnot\b|n't\b", "", clause, count=1
            )  # "No, the text does not say so."
        is_reason = label_words()["reasons"].match(clause) is not None
        return is_reason and (mark in (".", "!") or not is_in_doubt(clause))

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


def _key(text: str) -> str:
    return " ".join(folded(text).replace("_", " ").split())


def _spelled(spelling: str) -> str:
    return re.escape(spelling).replace("_", r"[_\ ]")


def _as_word(spelling: str) -> str:
    """A pattern of a label as a word; without spaces between words, wherever it stands."""
    pattern = _spelled(spelling)
    return pattern if _UNSPACED.search(spelling) else rf"(?<![\w-]){pattern}(?![\w-])"


def _undenied(label: str, text: str) -> str:
    """What follows a label without the denial that says the same as *no*: ``No, it isn't …``."""
    denial = _DENIES.match(text) if folded(label) in label_words()["denials"] else None
    return text if denial is None else text[denial.end() :]


def _unmarked(line: str) -> str:
    """A line without its bullet and emphasis."""
    return _EMPHASIS.sub(_inside, _BULLET.sub("", line, count=1) if _BULLET.match(line) else line)


def _inside(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group is not None)


def _peeled(text: str) -> str:
    """A text without its outermost layer: a pair of marks, a bullet, a final mark of punctuation."""
    if match := _LATEX.fullmatch(text.strip("$ ")) or _TAGS.fullmatch(text):
        return match["inside"].strip()
    if len(text) > 2 and _PAIRS.get(text[0]) == text[-1]:
        return text[1:-1].strip()
    if bullet := _BULLET.match(text):
        return text[bullet.end() :]
    shorter = text[:-1].rstrip() if text[-1:] in _FINAL else text
    if text.endswith(")") and "(" not in text:
        shorter = text[:-1].rstrip()
    return shorter if shorter.strip(_MARKS) else text


def _lines(text: str) -> list[str]:
    """The lines at both ends of a text that say something."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 2 * _MOST_LINES:
        lines = lines[:_MOST_LINES] + lines[-_MOST_LINES:]
    return [plain(line[: 2 * _LONGEST_LINE]) for line in lines]


def _goes_on(line: str) -> bool:
    """Whether a line goes on with the sentence of the line before: it begins in small letters."""
    word = re.search(r"[^\W\d_]+", line)
    if word is None or not word[0][0].islower() or word[0] in _HARMLESS:
        return False
    return _BECAUSE.match(f" {line}") is None


def _json_value(text: str) -> str | None:
    """The label of the JSON object that a text is: its one field that is called so. Numbers as written."""
    document = read_whole_json(text) if "{" in text else None
    fields = None if document is None else json.loads(document, parse_int=str, parse_float=str)
    if not isinstance(fields, dict):
        return None
    names = [name for name in fields if _key(name) not in _HARMLESS]
    is_answer = len(names) == 1 and label_words()["fields"].fullmatch(_key(names[0]))
    value = fields[names[0]] if is_answer else None
    value = str(value).lower() if isinstance(value, bool) else value
    return value if isinstance(value, str) else ""
