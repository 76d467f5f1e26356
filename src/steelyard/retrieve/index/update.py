"""An index brought up to date: only what changed is read again, and the result is that of a fresh one."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import numpy as np

from steelyard.model.encoder import Encoder
from steelyard.retrieve.base import Passage
from steelyard.retrieve.index.dense import DenseLeg
from steelyard.retrieve.index.disk import has_index
from steelyard.retrieve.index.labels import Labels
from steelyard.retrieve.index.lexical import Bm25Leg, PassageNumbers, Postings, terms_of
from steelyard.retrieve.index.passage_index import PassageIndex, usable
from steelyard.retrieve.index.settings import FinderSettings
from steelyard.retrieve.index.stored import Hashes, hash_texts
from steelyard.retrieve.index.terms import Tokenizer
from steelyard.retrieve.index.windows import SearchText

log = logging.getLogger("steelyard")

_UNREADABLE = (OSError, ValueError, LookupError, TypeError, EOFError, BadZipFile)


class IndexChange(NamedTuple):
    """How many passages came, went and stayed, by what they are searched by; the encoder read ``encoded``.

    A text that is there twice is encoded once.
    """

    added: int
    removed: int
    unchanged: int
    encoded: int


def update(
    folder: Path,
    passages_by_document: Mapping[str, Sequence[Passage]],
    settings: FinderSettings,
    encoder: Encoder | None = None,
) -> IndexChange:
    """Make the index in ``folder`` that of these passages, documents by name; begin one where none is.

    All documents must be named: one that is not is gone, from both legs at once. Killed at any moment,
    the folder holds the index before or the one after. An index that cannot be read is built anew, with
    a warning. Raises `StorageError` where nothing can be written.
    """
    passages = [one for name in sorted(passages_by_document) for one in passages_by_document[name]]
    folder.mkdir(parents=True, exist_ok=True)
    index, change = updated(_previous(folder, encoder), passages, settings, encoder)
    index.save(folder)
    return change


def updated(
    previous: PassageIndex | None,
    passages: Sequence[Passage],
    settings: FinderSettings,
    encoder: Encoder | None = None,
) -> tuple[PassageIndex, IndexChange]:
    """Return the index of ``passages``, with what ``previous`` knows of the same texts, and the change."""
    texts = [settings.searched(passage) for passage in passages]
    hashes = hash_texts(texts)
    sources = _sources(previous.hashes if previous is not None else hash_texts(()), hashes)
    bm25 = _bm25(previous, texts, sources, settings)
    dense, encoded = _dense(previous, texts, sources, settings, encoder)
    index = PassageIndex(
        passages, usable(settings, encoder), bm25, dense, Labels.of(passages), hashes
    )
    stays = int((sources >= 0).sum())
    before = 0 if previous is None else len(previous.passages)
    gone = before - len(np.unique(sources[sources >= 0]))
    return index, IndexChange(len(texts) - stays, gone, stays, encoded)


def _previous(folder: Path, encoder: Encoder | None) -> PassageIndex | None:
    if not has_index(folder):
        return None
    try:
        return PassageIndex.load(folder, encoder)
    except _UNREADABLE as error:
        log.warning("the index in %s cannot be used (%s): it is built anew", folder, error)
        return None


def _sources(before: Hashes, after: Hashes) -> PassageNumbers:
    """For each text after, the first place of the same text before, or -1."""
    places: dict[bytes, int] = {}
    for place, row in enumerate(before):
        places.setdefault(row.tobytes(), place)
    return np.array([places.get(row.tobytes(), -1) for row in after], dtype=np.int64)


def _bm25(
    previous: PassageIndex | None,
    texts: Sequence[SearchText],
    sources: PassageNumbers,
    settings: FinderSettings,
) -> Bm25Leg:
    tokenize = Tokenizer(settings.language)
    if previous is None or previous.settings.language != settings.language:
        return Bm25Leg.fit(texts, tokenize)
    targets = np.full(len(previous.passages), -1, dtype=np.int64)
    fresh = []
    for place, source in enumerate(sources):
        if source < 0 or targets[source] >= 0:  # a text that is there more often than before
            fresh.append(place)
        else:
            targets[source] = place
    added = Postings.of([terms_of(texts[place], tokenize) for place in fresh])
    places = np.array(fresh, dtype=np.int64)
    return Bm25Leg(previous.bm25.postings.changed(targets, added, places, len(texts)), tokenize)


def _dense(
    previous: PassageIndex | None,
    texts: Sequence[SearchText],
    sources: PassageNumbers,
    settings: FinderSettings,
    encoder: Encoder | None,
) -> tuple[DenseLeg | None, int]:
    if encoder is None:
        return None, 0
    nothing = DenseLeg.fit([], settings.windows, encoder)
    before = nothing if previous is None or previous.dense is None else previous.dense
    is_same = (
        previous is not None
        and previous.settings.windows == settings.windows
        and before.fingerprint == encoder.fingerprint != ""
    )
    if not is_same:
        before, sources = nothing, np.full(len(texts), -1, dtype=np.int64)
    encoded = len({texts[place] for place in np.flatnonzero(sources < 0).tolist()})
    return before.refitted(texts, sources, settings.windows), encoded
