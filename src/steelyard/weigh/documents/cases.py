"""Binned answers with the passages that their prompts held, for people to look through."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from steelyard.core import Example, Record
from steelyard.result.documents import BINS, AnswerBin, GroundedCase, PassageShown, TextPiece
from steelyard.retrieve.base import Passage, TextSpan
from steelyard.strategy.grounding import source_of
from steelyard.weigh.documents.evidence import EvidencePlaces
from steelyard.weigh.documents.look import ArmPassages
from steelyard.words import shortened

MOST_CASES = 30
_MOST_PASSAGES = 8
_MOST_EVIDENCE = 3
_CHARACTERS = 900
"""Of a passage without evidence; with it, as many around each stretch of it as `_AROUND`."""
_AROUND = 220
_LONGEST_GOLD = 1200
_ANSWER = 2000


def cases(
    look: ArmPassages,
    examples: Sequence[Example],
    records: Sequence[Record],
    bins: Sequence[AnswerBin | None],
    rewrite: Callable[[str], str] = str,
) -> tuple[GroundedCase, ...]:
    """Return at most `MOST_CASES` binned answers: one from each bin in turn, in the order of test.

    ``rewrite`` is applied to every text.
    """
    by_bin: dict[AnswerBin, list[int]] = {name: [] for name in BINS}
    for place, name in enumerate(bins):
        if name is not None:
            by_bin[name].append(place)
    places = sorted(_in_turn(by_bin), key=lambda place: (BINS.index(bins[place] or BINS[0]), place))
    return tuple(
        _case(look, place, examples[place], records[place], bins[place] or BINS[0], rewrite)
        for place in places
    )


def _in_turn(by_bin: Mapping[AnswerBin, Sequence[int]]) -> list[int]:
    longest = max(map(len, by_bin.values()), default=0)
    turns = [
        places[turn] for turn in range(longest) for places in by_bin.values() if turn < len(places)
    ]
    return turns[:MOST_CASES]


def _case(
    look: ArmPassages,
    place: int,
    example: Example,
    record: Record,
    name: AnswerBin,
    rewrite: Callable[[str], str],
) -> GroundedCase:
    question = look.questions[place]
    places = look.places
    gold = _gold(places, example)
    order = _shown_first(question.in_prompt, question.citations.places, gold)
    passages = [
        passage_shown(number, passage, gold, number - 1 in question.citations.places, rewrite)
        for number, passage in enumerate(question.in_prompt, 1)
        if number - 1 in order
    ]
    output = record.answer.output
    return GroundedCase(
        example_id=record.example_id,
        bin=name,
        input=rewrite(shortened(example.input, _ANSWER)),
        reference=rewrite(shortened(example.output, _ANSWER)),
        output=None if output is None else rewrite(shortened(output, _ANSWER)),
        failure=None if record.reason is None else rewrite(shortened(record.reason, _ANSWER)),
        passages=tuple(passages),
        more_passages=len(question.in_prompt) - len(passages),
        evidence=tuple(_elsewhere(places, places.missing(example, question.in_prompt), rewrite)),
    )


def _gold(places: EvidencePlaces, example: Example) -> list[TextSpan]:
    if not example.answerable:
        return []
    return [
        span for piece in places.grounds.gold(example) for span in piece if span.start < span.end
    ]


def _shown_first(
    passages: Sequence[Passage], cited: Sequence[int], gold: Sequence[TextSpan]
) -> set[int]:
    """The places of the passages to show: those that are cited or hold evidence, then the best."""

    def matters(place: int) -> bool:
        return place in cited or bool(_stretches(passages[place], gold))

    order = sorted(range(len(passages)), key=lambda place: (not matters(place), place))
    return set(order[:_MOST_PASSAGES])


def passage_shown(
    number: int,
    passage: Passage,
    gold: Sequence[TextSpan],
    is_cited: bool,
    rewrite: Callable[[str], str] = str,
) -> PassageShown:
    """A passage with its stretches of ``gold`` apart; a long one is cut around them."""
    pieces = tuple(
        TextPiece(text=rewrite(text), gold=is_gold, cut=is_cut)
        for text, is_gold, is_cut in _pieces(passage.text, _stretches(passage, gold))
    )
    source = source_of(passage)
    if passage.span is not None and passage.span.page is not None:
        source = f"{source}, page {passage.span.page}"
    return PassageShown(number=number, source=rewrite(source), cited=is_cited, pieces=pieces)


def _stretches(passage: Passage, gold: Sequence[TextSpan]) -> list[tuple[int, int]]:
    """Where evidence stands in a passage's text, in order and apart."""
    if passage.span is None:
        return []
    document, first, last = passage.span.document, passage.span.start, passage.span.end
    pairs = sorted(
        (max(span.start, first) - first, min(span.end, last) - first)
        for span in gold
        if span.document == document and span.start < last and first < span.end
    )
    merged: list[tuple[int, int]] = []
    for start, end in pairs:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _pieces(text: str, gold: Sequence[tuple[int, int]]) -> Iterator[tuple[str, bool, bool]]:
    """Texts, whether they are evidence, and whether something before them is left out."""
    if not gold:
        yield text[:_CHARACTERS], False, False
        if len(text) > _CHARACTERS:
            yield "", False, True
        return
    place = 0
    for number, (start, end) in enumerate(gold):
        before = max(place, start - _AROUND)
        yield text[before:start], False, before > place
        yield text[start : min(end, start + _LONGEST_GOLD)], True, False
        place = min(end, start + _LONGEST_GOLD)
        following = gold[number + 1][0] if number + 1 < len(gold) else len(text)
        after = min(following, end + _AROUND)
        if place < end:  # the rest of a long stretch is left out
            yield "", False, True
            place = end
        yield text[place:after], False, False
        place = after
    if place < len(text):
        yield "", False, True


def _elsewhere(
    places: EvidencePlaces, gold: Sequence[TextSpan], rewrite: Callable[[str], str]
) -> Iterator[PassageShown]:
    """Where the evidence stands in the documents, with some text around it."""
    for span in gold[:_MOST_EVIDENCE]:
        document = places.grounds.corpus.document(span.document)
        if document is None:
            continue
        page = document.page_at(span.start)
        whole = TextSpan(span.document, 0, len(document.text), page)
        passage = Passage(document.text, span=whole)
        yield passage_shown(0, passage, [span], is_cited=False, rewrite=rewrite)
