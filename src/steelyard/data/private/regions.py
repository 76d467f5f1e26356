"""Regions whose national phone numbers a text may hold, by its language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice

from steelyard.data.private.rules import rule_book
from steelyard.errors import MissingExtraError
from steelyard.languages import identifier

_TEXTS = 200
_AT_ONCE = 20
_LEAST_SHARE = 0.2


def regions_of(texts: Iterable[str]) -> tuple[str, ...]:
    """The usual regions, and those of the languages that the first 200 texts are written in.

    Languages are told over 20 texts at a time, because single short ones are hard to tell. Without
    py3langid (extra ``data``) only the usual regions are returned.
    """
    rules = rule_book().phone
    sample = [text[:400] for text in islice(texts, _TEXTS)]
    try:
        known = identifier()
    except MissingExtraError:
        return rules.regions
    batches = ["\n".join(sample[at : at + _AT_ONCE]) for at in range(0, len(sample), _AT_ONCE)]
    told = Counter(known.classify(batch)[0] for batch in batches)
    languages = [name for name, count in told.most_common() if count >= _LEAST_SHARE * len(batches)]
    more = [region for name in languages for region in rules.by_language.get(name, ())]
    return tuple(dict.fromkeys([*more, *rules.regions]))
