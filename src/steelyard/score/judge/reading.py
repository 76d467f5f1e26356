"""What a judge's words come to: which reply is better, or which mark it gets; else nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from steelyard.folding import plain
from steelyard.json_text import read_whole_json

_MOST_READ = 6_000  # characters from the end, where the verdict stands
_TRIM = " .,:;!\"'`*()[]{}"
_QUOTE = r"[\"'`*_(]{0,4}"
_NOUN = (
    r"(?:(?:(?:an?|[Tt]he)\s+)?(?i:reply|response|answer|option|assistant|candidate|model)\s+"
    r"|(?:[Aa]|[Tt]he)\s+(?=(?i:tie|draw)\b))?"
)
_LETTER = r"(?P<word>[AB]|(?i:tie|draw))"
_TAGS = (
    r"(?:verdict|answer|winner|choice|judge?ment|decision|mark|score|rating|grade|label|result|vote|pick"
    r"|preference|selection|conclusion|overall(?=[\"*_\s]*[:=]))"
)
_LEAD = r"[\s\"'`*:=()\[\]{}_-]{0,12}"
_SAYS = r"[\"'`*_\s]{0,4}(?:[:=]|\s-\s|\b(?:is|goes to)\b)"
_OPEN_TAG = rf"<(?i:{_TAGS})>"

_WHOLE = r"(?:\.0+)?(?!\d|[.,]\d)"
_OUT_OF = rf"(?:[\"'`*_]{{0,3}}\s*[,(\[-]?\s*(?:/|out of|of)\s*(?P<scale>\d+){_WHOLE})?"
_MARK = (
    rf"(?<![\d.,/+~-])(?P<word>\d+){_WHOLE}{_OUT_OF}"
    r"(?:\s*(?:stars?|points?)\b)?"
)
_TOP = r"(?:\W{0,3}[(\[](?:1\s*-\s*|(?:out )?of )(?P<top>\d+)[)\]])?"
_THE_REPLY = r"(?:(?:this|that|the)(?:\s+(?:reply|response|answer))?|it)"
_TAGGED_WORD = re.compile(
    rf"(?:{_OPEN_TAG}|\b(?i:{_TAGS})\b(?i:{_SAYS})){_LEAD}{_NOUN}{_LEAD}{_LETTER}\b"
)
_TAGGED_MARK = re.compile(
    rf"(?i:{_OPEN_TAG}|\b{_TAGS}\b(?:\s+(?:for|of)\s+{_THE_REPLY}\b(?=\s+is\b|\W*[:=]))?(?:\s+(?:is|of))?{_TOP}"
    rf"|\bi(?:'d| would)?\s+(?:say|give|rate|mark|score|assign)(?:\s+{_THE_REPLY})?(?:\s+(?:at|as|with))?"
    rf"|\b{_THE_REPLY}\s+(?:deserves|(?:earns|gets|receives|merits|scores)"
    r"(?=\W+(?:an?\s|\d+\s?(?:/|out\b)))))"
    rf"{_LEAD}(?i:an?\s+)?{_LEAD}{_MARK}"
)
_ASIDE = (
    r"(?!\s*(?:\d|(?:or|and|but|not?|maybe|perhaps|if|unless|wait|actually|however|although)\b))"
)
"""What follows does not take a part of it back."""
_GLOSSED_MARK = re.compile(
    rf"{_QUOTE}{_MARK}[\"'`*_\])]*"
    rf"(?:\s+-\s|:\s|(?=\s+\([^()]*\)(?:\W*$|\s?[-.:,;]))\s+\(|,?\s+because\b|(?(scale)[.,]\s|(?!)))"
    rf"{_ASIDE}(?P<gloss>\D+)"
)
"""A mark with what it means or rests on: ``4 - mostly accurate``."""
_MOST_HEADING_WORDS = 4
_OF_ALL = re.compile(
    rf"\b(?:{_TAGS}|my|overall|final|evaluation|assessment|reply|response)\b", re.IGNORECASE
)
_BRACKETED = re.compile(
    r"(?:\[\[|\\boxed\{(?:\\text\{)?)\s*(?P<word>[AB]|(?i:tie|draw)|\d+)(?:\.0+)?\s*(?:\]\]|\}{1,2})"
    rf"{_OUT_OF}"
)
_JSON_KEY = re.compile(rf"\"(?:{_TAGS})\"\s*:", re.IGNORECASE)
_SCALE = re.compile(
    r"\bscale\b\D{0,12}(?:\d+\s*(?:-|to|through)\s*)?(?P<top>\d+)|(?P<points>\d+)[\s-]*(?:points?[\s-]+)?scale\b",
    re.IGNORECASE,
)
_NUMBER_IN_BRACKETS = re.compile(r"\W{0,3}\([^()\n]*?(?P<number>\d+)")
_FINAL = re.compile(r"\b(?:final|overall|total|revised|corrected|in the end|altogether)\b", re.I)
_MEANT = re.compile(
    r"\b(?:i|we)(?:'d| would)?\s+say\s+(?:that\s+)?(?=(?:[^\W\d]+\s+){1,3}(?:is|wins)\b)"
    r"|\b(?:i|we)(?:'d| would)\s+(?=(?:say|choose|pick|prefer|give|rate|call|go|select)\b)"
    r"|\b(?:i|we)\s+(?:think|believe|find|conclude)\s+(?:that\s+)?(?!i\b|we\b)",
    re.I,
)
_DOUBT = re.compile(
    r"\b(?:not|no|never|neither|nor|cannot|hardly|barely|if|unless|whether|would|could|might|may|maybe|perhaps"
    r"|possibly|says|said|claims?|claimed|asks?|thinks?|unsure|almost)\b|n't\b|\?",
    re.I,
)
_OWN = (
    r"(?:the|my|an?|its?|this|our|your|his|her|final|overall|total|revised|corrected|so|thus|hence|therefore|then|and|that"
    r"|(?:judge|reply|response|answer)(?:'s)?)"
)
_OF_ANOTHER = re.compile(rf"(?<![\w'-])(?!{_OWN}[\W_]*$)[\w'-]+?[\s_-]+$", re.IGNORECASE)
"""Before *verdict*, *score* and the like: a word that makes it another one (``worse answer``)."""
_CLEAN = re.compile(
    r"(?:</\w+>)?[\"'`*)\]}>_]*(?:$|[.!](?:\s|$)|(?:\s*[,;:(]|\s+-\s)(?!\s*(?:\d|(?:or|and|but|not?|maybe|perhaps|if|unless"
    r"|wait|actually|however|although)\b|(?:[AB]|TIE|tie)\b(?!\s+\w)))"
    r"|\s+(?:because|since|as|over|than|by far)\b)"
)
"""What may follow a verdict on its line: nothing, a reason, another sentence."""
_OTHER = re.compile(r"[\"'`*)\]}_]*\s*(?:or\b|and\b|[/&|]|vs\b)", re.I)
"""What follows one of two verdicts."""
_CORRECTION = re.compile(
    r"\W*(?:wait|actually|correction|scratch that|no(?=[,.]|\s+wait)|hmm|on second)\b", re.I
)
_WITHHELD = re.compile(
    r"\b(?:cannot|can't|can not|could not|couldn't|unable to|won't|will not|refuse to|decline to)\s+"
    r"(?:\w+\s+){0,2}"
    r"(?:judge|rate|score|compare|evaluate|decide|assess|determine|mark|grade|choose|say)\b"
    r"|\b(?:I mean(?:t)?|or rather|on reflection|make that)\b|[.,;!?]\s*sorry\b",
    re.I,
)
"""Anywhere in a text: the judge does not judge, or takes back what it said."""
_REPORT = re.compile(r"\b(?:says|said|claims?|claimed|states|argues|writes|asks?|thinks?)\b", re.I)

_MOST = (
    r"(?:(?:clearly|much|far|slightly|somewhat|significantly|a bit|a little|overall|definitely|still|simply"
    r"|marginally|considerably|obviously|therefore|thus|also|just|by far|even|essentially|basically|really"
    r")\s+)*"
)
_BETTER = (
    r"(?i:(?:the\s+(?:clear\s+)?)?(?:better|stronger|superior|preferable|preferred|chosen|selected|best|winner"
    r"|winning))"
)
_WORSE = r"(?i:(?:the\s+)?(?:worse|weaker|inferior|worst|loser|losing))"
_ONE = r"(?i:\s+(?:one|reply|response|answer|option|of the two))?"
_AFTER = (
    r"(?P<after>(?![\"'`*)]*(?:\s+(?:overall|here|by far))?\s*[,;:(-]\s*"
    r"(?:if|unless|provided|or|maybe|perhaps)\b)"
    r"[\"'`*)]*(?:$|[.,;:!)]|\s+(?:because|since|as|overall|here|by far|and|while|whereas|but|between)\b"
    rf"|\s+(?:than|to|over)\s+{_NOUN}[AB]\b))?"
)
_SUBJECT = rf"{_QUOTE}\b{_NOUN}{_QUOTE}(?P<word>[AB])\b[\"'`*)]*"
_FAULTED = re.compile(
    r"\W*(?:(?:because|since|as|but)\s+)?(?:which|it|this|that)(?:\s+(?:one|reply|response|answer))?"
    rf"\s+(?:(?:is|was|seems)\s+{_MOST}{_WORSE}|loses)\b",
    re.I,
)
"""A reason that takes a verdict back: ``A, which is worse``; ``A. It is the weaker one.``"""
_GLOSSED_AS_WORSE = re.compile(
    rf"[\"'`*_\])}}]*(?:\.?\s*[(\[]|\s*[,;:]|\s*-\s)\s*(?:(?:is|was|being|as|i\.e\.)[\s,]+)?(?:an?\s+)?{_MOST}"
    rf"(?:{_WORSE}|(?i:(?:the\s+)?(?:rejected|dispreferred|incorrect|wrong)|not\s+(?:as\s+good|{_BETTER})))\b",
    re.I,
)
"""What stands right behind a verdict and says the opposite: ``A (worse)``, ``A, the loser``."""
_STATES = (
    (
        True,
        rf"{_SUBJECT}\s+(?:(?:is|was|seems|looks|remains)\s+{_MOST}{_BETTER}{_ONE}|{_MOST}wins){_AFTER}",
    ),
    (
        False,
        rf"{_SUBJECT}\s+(?:(?:is|was|seems|looks|remains)\s+{_MOST}{_WORSE}{_ONE}|{_MOST}loses){_AFTER}",
    ),
    (
        True,
        rf"(?<![\w-])(?<!second\s)(?<!next\s){_BETTER}{_ONE}\s*(?:is|:)\s*{_QUOTE}{_NOUN}{_QUOTE}(?P<word>[AB])\b{_AFTER}",
    ),
    (False, rf"\b{_WORSE}{_ONE}\s*(?:is|:)\s*{_QUOTE}{_NOUN}{_QUOTE}(?P<word>[AB])\b{_AFTER}"),
    (
        True,
        r"\b[Ii]\s+(?:choose|pick|prefer|select|favou?r|vote for|go with|say)\s+"
        rf"{_QUOTE}{_NOUN}{_QUOTE}(?P<word>[AB])\b{_AFTER}",
    ),
)
_STATEMENTS = tuple((is_better, re.compile(pattern)) for is_better, pattern in _STATES)
_DENIAL = re.compile(
    rf"\b[AB]\s+(?:(?:is|was|does|seems)\s*(?:not|n't|never|hardly|no)|(?:isn|wasn|doesn)'t|hardly|never)"
    rf"\b[^.;]{{0,20}}\b(?:{_BETTER}|{_WORSE}|wins?|loses?)\b"
)
_EACH = r"(?: (?:replies|responses|answers))"
_EQUAL = re.compile(
    rf"(?:\b(?i:they|both{_EACH}?|A and B|the(?: two)?{_EACH})\s+(?:are|seem)\s+{_MOST}"
    r"(?:equal(?:ly (?:good|strong|valid|helpful|matched))?|tied|the same|equivalent|on par)"
    rf"|\b(?i:neither(?: one| reply| response| answer| A nor B)?)\s+(?:is|seems)\s+{_MOST}better"
    r"(?: than the other)?"
    rf"|\b(?i:it is|it's|call it|this is|that is)\s+a\s+(?i:tie|draw)){_AFTER}"
)
_VERDICT_FIELD = re.compile(
    rf"(?:(?:the|my|final|overall|total|better|best|preferred|winning)[\s_-]*)?{_TAGS}|overall",
    re.IGNORECASE,
)
_SCALE_FIELD = re.compile(
    r"(?:max(?:imum)?|scale|out[\s_-]?of|top)(?:[\s_-]?(?:score|mark|rating))?", re.I
)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+")
_LONG_DASH = re.compile(r"(?<=\S)\s*[–—]\s*(?=[^\W\d])")
"""Between two parts of a sentence: what `plain` makes of it would join them."""
_CLAUSE = re.compile(r"[,;:]\s|\s(?:and|but|while|whereas|so)\s")


def read_judgement(text: str, choices: Sequence[str]) -> str | None:
    """Return the one of ``choices`` that ``text`` says; ``None`` where it does not, or not for certain.

    ``choices`` are A, B and TIE, or whole numbers from 1. The text or its last line is one of them; or it
    says so behind a word such as *verdict*, always the same or at last as its *final* one; or all its
    sentences that compare the replies agree. A guess is worth less than asking once more.
    """
    end = text if len(text) <= _MOST_READ else text[-_MOST_READ:].partition("\n")[2]
    lines = [plain(_LONG_DASH.sub(" - ", line)) for line in end.splitlines() if line.strip(" \t`")]
    if not lines:
        return None
    if (fields := _fields(text)) is not None:
        return _of_fields(fields, choices)
    if _WITHHELD.search(" ".join(lines)):
        return None
    scales = {scale["top"] or scale["points"] for scale in _SCALE.finditer(" ".join(lines))}
    if not _is_comparison(choices) and scales - {choices[-1]}:
        return None
    explicit = list(_explicit(lines, choices))
    if not explicit:
        return _unannounced(lines, choices)
    words = {verdict.word for verdict in explicit}
    last = explicit[-1]
    if len(words) > 1 and not last.is_final:
        return None
    after = [last.rest, *lines[last.line + 1 :]]
    is_taken_back = any(_CORRECTION.match(line) for line in after) or (
        _is_comparison(choices) and _stated(after) - {last.word}
    )
    bare = {word for line in (lines[0], lines[-1]) if (word := _alone(line, choices))}
    return None if is_taken_back or bare - {last.word} else last.word


class _Verdict(NamedTuple):
    """A verdict that is announced as one; ``word`` is ``None`` where it is none of the choices."""

    word: str | None
    is_final: bool
    line: int
    rest: str


def _explicit(lines: Sequence[str], choices: Sequence[str]) -> Iterator[_Verdict]:
    tagged = _TAGGED_WORD if _is_comparison(choices) else _TAGGED_MARK
    for place, line in enumerate(lines):
        line = _MEANT.sub("I ", line)
        for match in [*_BRACKETED.finditer(line), *tagged.finditer(line)]:
            before, rest = line[: match.start()], line[match.end() :]
            sentence = _SENTENCE.split(before)[-1]
            is_open = _OTHER.match(rest) is not None
            is_clean = is_open or match.re is _BRACKETED or _CLEAN.match(rest)
            is_open = is_open or _is_faulted(rest, choices)
            is_of_another = match.re is tagged and _is_of_another(sentence, match[0])
            if _DOUBT.search(sentence) or is_of_another or not is_clean:
                continue
            if _JSON_KEY.match(line, max(0, match.start() - 1)):
                continue  # of JSON that could not be read as a whole
            is_known = not is_open and not _has_other_scale(match, choices)
            word = _known(match["word"], choices) if is_known else None
            is_final = _FINAL.search(sentence) is not None
            yield _Verdict(word, is_final, place, rest)


def _is_faulted(rest: str, choices: Sequence[str]) -> bool:
    """Whether what follows a verdict says that it goes to the worse reply."""
    is_opposite = _is_comparison(choices) and _GLOSSED_AS_WORSE.match(rest)
    return bool(is_opposite or _FAULTED.match(rest))


def _is_of_another(sentence: str, tagged: str) -> bool:
    """Whether a word before the tag says that it is not the verdict's."""
    return re.match(rf"(?:{_TAGS})", tagged, re.I) is not None and bool(
        _OF_ANOTHER.search(sentence)
    )


def _has_other_scale(match: re.Match[str], choices: Sequence[str]) -> bool:
    """Whether a mark is one of another scale, as far as it is said right behind it."""
    bracket = _NUMBER_IN_BRACKETS.match(match.string, match.end())
    groups = match.groupdict()
    said = (groups.get("scale"), groups.get("top"), bracket["number"] if bracket else None)
    return not _is_comparison(choices) and bool({*said} - {None, choices[-1]})


def _unannounced(lines: Sequence[str], choices: Sequence[str]) -> str | None:
    """A verdict that stands alone, or that sentences state."""
    is_comparison = _is_comparison(choices)
    ends = [lines[0], *([] if _is_of_a_part(lines) else [lines[-1]])]
    if is_comparison:
        ends.append(_SENTENCE.split(lines[0])[0])
    words = _alone_in(ends, choices)
    if not is_comparison and (_alone_in(lines, choices) - words):
        return None  # marks of parts
    if not is_comparison and (word := _glossed(lines, choices)) is not None:
        words.add(word)
    sentences = [sentence for line in lines for sentence in _SENTENCE.split(line)]
    if any(map(_CORRECTION.match, sentences)) or any(map(_FAULTED.match, sentences[1:2])):
        return None
    if is_comparison:
        words |= _stated(lines)
    return words.pop() if len(words) == 1 and "" not in words else None


def _alone_in(lines: Sequence[str], choices: Sequence[str]) -> set[str]:
    return {word for line in lines if (word := _alone(line, choices)) is not None}


def _is_of_a_part(lines: Sequence[str]) -> bool:
    """Whether the last line stands under a heading of something else, such as ``Tone:``."""
    heading = lines[-2] if len(lines) > 1 else ""
    is_heading = heading.startswith(("#", "**")) or heading.rstrip("*_ ").endswith(":")
    is_short = len(heading.split()) <= _MOST_HEADING_WORDS
    return is_heading and is_short and not _OF_ALL.search(heading)


def _glossed(lines: Sequence[str], choices: Sequence[str]) -> str | None:
    """The mark that begins a text of one line, or of several where it names its scale."""
    match = _GLOSSED_MARK.fullmatch(lines[0])
    if match is None or (len(lines) > 1 and not match["scale"]) or _has_other_scale(match, choices):
        return None
    return None if _CORRECTION.match(match["gloss"]) else _known(match["word"], choices)


def _stated(lines: Sequence[str]) -> set[str]:
    """Which reply sentences call better, or TIE; the empty text for one that leaves it open."""
    words: set[str] = set()
    for line in lines:
        for sentence in _SENTENCE.split(_MEANT.sub("I ", line)):
            words |= set(_of_sentence(sentence))
    return words


def _of_sentence(sentence: str) -> Iterator[str]:
    if _DENIAL.search(sentence):
        yield ""
    for match in _EQUAL.finditer(sentence):
        is_sure = match["after"] is not None and _is_plain(sentence, match.start())
        yield "TIE" if is_sure else ""
    for is_better, statement in _STATEMENTS:
        for match in statement.finditer(sentence):
            is_sure = match["after"] is not None and _is_plain(sentence, match.start())
            is_sure = is_sure and not _CORRECTION.match(sentence, match.end("word"))
            winner = match["word"] if is_better else {"A": "B", "B": "A"}[match["word"]]
            yield winner if is_sure else ""


def _is_plain(sentence: str, start: int) -> bool:
    """Whether nothing before a statement in its clause, and no question mark, puts it in doubt."""
    clause = _CLAUSE.split(sentence[:start])[-1]
    is_conditional = re.match(r"\W*(?:if|unless|whether|had|were)\b", sentence, re.I)
    is_reported = _REPORT.search(sentence[:start])
    return not (_DOUBT.search(clause) or is_reported or sentence.endswith("?") or is_conditional)


def _alone(line: str, choices: Sequence[str]) -> str | None:
    bare = re.sub(r"^#{1,6}\s+", "", line).strip(_TRIM)
    if _is_comparison(choices):
        return _known(re.sub(rf"^{_NOUN}", "", bare, count=1), choices)
    mark = re.fullmatch(_MARK, bare)
    if mark is None or mark["scale"] not in (None, choices[-1]):
        return None
    return _known(mark["word"], choices)


def _is_comparison(choices: Sequence[str]) -> bool:
    return not choices[0].isdigit()


def _known(word: str, choices: Sequence[str]) -> str | None:
    folded = "TIE" if word.casefold() == "draw" else word.upper()
    return folded if folded in choices else None


def _fields(text: str) -> dict[str, Any] | None:
    document = read_whole_json(text) if "{" in text else None
    fields = None if document is None else json.loads(document, parse_int=str, parse_float=str)
    return fields if isinstance(fields, dict) else None


def _of_fields(fields: dict[str, Any], choices: Sequence[str]) -> str | None:
    """The verdict of a JSON object: its fields that are called so, on the scale that it states."""
    scales = {str(value) for name, value in fields.items() if _SCALE_FIELD.fullmatch(name)}
    if not _is_comparison(choices) and scales - {choices[-1]}:
        return None
    texts = [value for name, value in fields.items() if _VERDICT_FIELD.fullmatch(name)]
    words = {_alone(value, choices) if isinstance(value, str) else None for value in texts}
    return words.pop() if len(words) == 1 else None
