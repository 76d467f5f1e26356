"""What a run keeps of its test examples and documents, so that another run can be compared with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from steelyard.config.records import read_kept
from steelyard.core import Example, clusters_of
from steelyard.retrieve.documents import Corpus
from steelyard.store.database import Store

_KEY = "test_items"
_DOCUMENTS = "document_files"


class ItemFacts(NamedTuple):
    """A test example as the store keeps it.

    ``digest`` is of all that decides an answer and its score; ``cluster`` is the place of the first
    example of its cluster, or ``None`` where no example has one.
    """

    digest: str
    cluster: int | None


def item_facts(examples: Sequence[Example]) -> dict[str, ItemFacts]:
    """Return the facts of test examples by their ids."""
    clusters, firsts = clusters_of(examples), dict[object, int]()
    places: list[int | None] = [None] * len(examples)
    if clusters is not None:
        places = [
            place if cluster is None else firsts.setdefault(cluster, place)
            for place, cluster in enumerate(clusters)
        ]
    return {
        example.id: ItemFacts(_digest(example), place)
        for example, place in zip(examples, places, strict=True)
    }


def _digest(example: Example) -> str:
    content = [example.context, example.input, example.output, example.rules, example.accepted]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def keep_items(store: Store, examples: Sequence[Example]) -> None:
    """Keep the facts of a run's test examples in its store."""
    store.set_meta(_KEY, item_facts(examples))


def read_items(store: Store) -> Mapping[str, ItemFacts] | None:
    """Return the facts that a run kept; ``None`` of one made before they were kept.

    Raises `StorageError` where they cannot be read.
    """
    stored = store.meta(_KEY)
    if stored is None:
        return None
    items = read_kept(dict[str, tuple[str, int | None]], stored, _KEY)
    return {name: ItemFacts(*facts) for name, facts in items.items()}


def keep_documents(store: Store, corpus: Corpus) -> None:
    """Keep a digest of each file of a run's documents in its store."""
    store.set_meta(_DOCUMENTS, corpus.file_digests)


def kept_documents(store: Store) -> Mapping[str, str] | None:
    """The digests by file that a run kept; ``None`` of one without documents, or made before they were kept.

    Raises `StorageError` where they cannot be read.
    """
    stored = store.meta(_DOCUMENTS)
    return None if stored is None else read_kept(dict[str, str], stored, _DOCUMENTS)
