"""Passages in LanceDB, in a local folder or an object store: for more than one machine should hold.

Terms are ours, so a text is found as in `PassageIndex`: LanceDB indexes them as they come. The best
`CANDIDATES` of either leg are scored by both.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from steelyard.config.records import read_as
from steelyard.errors import ConfigError, DataError, StorageError, closest
from steelyard.extras import require
from steelyard.files import cannot_write, read_json, write_whole
from steelyard.model.encoder import Encoder
from steelyard.retrieve.base import Hit, Passage
from steelyard.retrieve.index.dense import whole
from steelyard.retrieve.index.encoders import CountedEncoder, Opener
from steelyard.retrieve.index.fusion import best
from steelyard.retrieve.index.labels import Where, pairs_of
from steelyard.retrieve.index.lance_tables import (
    TableNames,
    among,
    change_between,
    change_tables,
    connect,
    copy_table,
    label,
    open_table,
    write_tables,
)
from steelyard.retrieve.index.passage_index import fused, usable
from steelyard.retrieve.index.settings import FinderSettings
from steelyard.retrieve.index.stored import read_passage, write_passage
from steelyard.retrieve.index.terms import Tokenizer
from steelyard.retrieve.index.update import IndexChange
from steelyard.words import listed

CANDIDATES = 200
"""So many passages of each leg are compared."""
_MOST_WINDOWS = 20_000
"""Of all candidates together."""
MANIFEST = "lance.json"
VERSION = 1
_HERE = "."


@dataclass(frozen=True)
class _Saved:
    version: int
    uri: str
    tables: str
    passages: int
    settings: FinderSettings
    labels: tuple[str, ...]
    encoder: str
    recipe: dict[str, Any]

    @classmethod
    def of(
        cls,
        passages: Sequence[Passage],
        uri: str,
        settings: FinderSettings,
        encoder: Encoder | None,
    ) -> _Saved:
        lines = [write_passage(passage) for passage in passages]
        made_by = "" if encoder is None else encoder.fingerprint
        key = json.dumps([lines, asdict(settings), made_by]).encode()
        tables = hashlib.sha256(key).hexdigest()[:16]
        labels = sorted({name for passage in passages for name, _ in pairs_of(passage)})
        recipe = {} if encoder is None else dict(encoder.recipe)
        return cls(VERSION, uri, tables, len(lines), settings, tuple(labels), made_by, recipe)


class LanceIndex:
    """A `Retriever` on LanceDB; filters come before the best are taken, by terms and by meaning.

    Vectors are compared with all others; nothing is approximate but what `CANDIDATES` says.
    """

    name: ClassVar[str] = "lance"

    def __init__(self, saved: _Saved, uri: str, encoder: Callable[[], Encoder] | None) -> None:
        self.settings = saved.settings
        self._saved = saved
        self._uri = uri
        self._encoder = encoder
        self._tokenize = Tokenizer(saved.settings.language)
        self._passages: Any = None
        self._windows: Any = None
        if saved.passages:
            names = TableNames.of(saved.tables)
            self._passages = open_table(uri, names.passages)
            self._windows = open_table(uri, names.windows) if saved.encoder else None

    @classmethod
    def fit(
        cls,
        passages: Sequence[Passage],
        uri: str | Path,
        settings: FinderSettings = FinderSettings(),  # noqa: B008 - frozen
        encoder: Encoder | None = None,
    ) -> Self:
        """Write ``passages`` to the database at ``uri``: a folder, ``s3://…``, ``gs://…``, ``az://…``.

        What was written before stays until `save` has named the new tables. Raises `MissingExtraError`
        without LanceDB and `StorageError` where nothing can be written.
        """
        if encoder is not None and not encoder.fingerprint:
            raise ConfigError("vectors of an encoder without a fingerprint cannot be saved")
        saved = _Saved.of(passages, str(uri), usable(settings, encoder), encoder)
        if passages:
            names = TableNames.of(saved.tables)
            write_tables(str(uri), names, passages, saved.settings, encoder)
        return cls(saved, str(uri), None if encoder is None else lambda: encoder)

    @property
    def is_local(self) -> bool:
        """Whether the tables lie in a folder, and not in an object store."""
        return "://" not in self._uri

    @property
    def encoder(self) -> Encoder | None:
        """What its vectors came from, loaded; ``None`` where it searches by terms alone."""
        return None if self._encoder is None else self._encoder()

    @property
    def asked(self) -> tuple[str, float] | None:
        """The account of the endpoint that encodes, and the tokens it was asked for; ``None`` without one."""
        if not self._saved.recipe or not self.settings.needs_encoder:
            return None
        encoder = self.encoder
        return (encoder.account, encoder.tokens) if isinstance(encoder, CountedEncoder) else None

    @property
    def passages(self) -> tuple[Passage, ...]:
        """All passages, in the order in which they came."""
        return tuple(self._all().values())

    def updated(
        self, passages: Sequence[Passage], folder: Path, encoder: Encoder | None
    ) -> tuple[Self, IndexChange]:
        """Return the index of ``passages`` in tables of its own in ``folder``, and the change.

        This index's tables are copied, and only what changed is written and encoded: a passage with a text of
        before keeps its terms and vectors. Passages are then ordered, in ties too, with the new ones last.
        ``encoder`` is the one of this index. Raises `StorageError`, also where it lies in an object store.
        """
        if not self.is_local:
            raise StorageError(
                f"an index in an object store ({self._uri}) is not updated: fit a new one"
            )
        before = self._all()
        if not before or not passages:
            index = self.fit(passages, folder, self.settings, encoder)
            new, gone = len(passages), len(before)
            return index, IndexChange(new, gone, 0, new if encoder is not None else 0)
        change = change_between(before, passages, self.settings)
        saved = _Saved.of(passages, str(folder), self.settings, encoder)
        names = TableNames.of(self._saved.tables), TableNames.of(saved.tables)
        if names[0] != names[1] or folder.resolve() != Path(self._uri).resolve():
            places = (Path(self._uri), folder)
            change_tables(places, names, change, self.settings, encoder)
        index = type(self)(saved, str(folder), None if encoder is None else lambda: encoder)
        new = len(change.new)
        counts = IndexChange(
            new, len(change.gone), len(passages) - new, new if encoder is not None else 0
        )
        return index, counts

    def _all(self) -> dict[int, Passage]:
        """Every passage by its place."""
        if self._passages is None:
            return {}
        query = self._passages.search().select(["place", "passage"])
        rows = query.limit(self._passages.count_rows()).to_list()
        rows.sort(key=lambda row: row["place"])
        return {row["place"]: read_passage(row["passage"]) for row in rows}

    def find(self, texts: Sequence[str], k: int, where: Where | None = None) -> list[list[Hit]]:
        """Return at most ``k`` passages for each text, the best first, of those that ``where`` allows.

        Raises `DataError` for metadata that no passage has.
        """
        condition = self._condition(where)
        if self._passages is None or k < 1:
            return [[] for _ in texts]
        vectors = self._vectors(texts)
        return [
            self._find(text, vector, k, condition)
            for text, vector in zip(texts, vectors, strict=True)
        ]

    def save(self, folder: Path) -> None:
        """Name the tables in ``folder``, with a copy of them unless they lie in an object store.

        Tables that it named before are dropped. Raises `StorageError`.
        """
        is_local = self.is_local
        fields = {**asdict(self._saved), "uri": _HERE if is_local else self._uri}
        before = _read_manifest(folder) if (folder / MANIFEST).is_file() else None
        try:
            if is_local and self._saved.passages and Path(self._uri).resolve() != folder.resolve():
                for name in self._tables:
                    copy_table(Path(self._uri), folder, name)
            write_whole(folder / MANIFEST, json.dumps(fields, indent=1, ensure_ascii=False) + "\n")
        except OSError as error:
            raise cannot_write(folder, error) from None
        is_replaced = before is not None and before.tables != self._saved.tables
        if before is not None and is_replaced and before.uri == fields["uri"]:
            database = connect(_place(before.uri, folder))
            for name in TableNames.of(before.tables):
                database.drop_table(name, ignore_missing=True)

    @classmethod
    def load(cls, folder: Path, encoder: Encoder | None = None) -> Self:
        """Read what `save` wrote; raises `ValueError` and its like for anything else."""
        saved = _read_manifest(folder)
        build = Opener(saved.encoder, saved.recipe, encoder) if saved.encoder else None
        return cls(saved, _place(saved.uri, folder), build)

    @property
    def _tables(self) -> tuple[str, ...]:
        return TableNames.of(self._saved.tables)[: 2 if self._saved.encoder else 1]

    def _vectors(self, texts: Sequence[str]) -> list[Any]:
        """The vectors of questions; ``None`` where none is needed, or a question is blank."""
        vectors: list[Any] = [None] * len(texts)
        places = [place for place, text in enumerate(texts) if text.strip()]
        if self.settings.needs_encoder and self._encoder is not None and places:
            encoded = self._encoder().encode([whole(texts[place]) for place in places])
            for place, vector in zip(places, encoded, strict=True):
                vectors[place] = vector
        return vectors

    def _find(self, text: str, vector: Any, k: int, condition: str) -> list[Hit]:
        most = max(k, CANDIDATES)
        terms = " ".join(self._tokenize(text)) if self.settings.legs != "dense" else ""
        legs = (self._by_terms(terms, most, condition), self._by_meaning(vector, most, condition))
        places = sorted({*legs[0], *legs[1]})
        if not places:
            return []
        if legs[0] and legs[1]:
            legs[0].update(self._by_terms(terms, most, among(places, legs[0])))
            legs[1].update(self._by_meaning(vector, _MOST_WINDOWS, among(places, legs[1])))
        scores = [np.array([[leg.get(place, 0.0) for place in places]]) for leg in legs]
        [row] = fused(self.settings, *scores)
        hits = [(places[number], float(row[number])) for number in best(row, k)]
        passages = self._read([place for place, _ in hits])
        return [Hit(passages[place], score) for place, score in hits]

    def _by_terms(self, terms: str, most: int, condition: str) -> dict[int, float]:
        if not terms:
            return {}
        match = require("lancedb.query", "rag").MatchQuery(terms, "terms")
        query = self._passages.search(match).select(["place", "_score"]).limit(most)
        return {row["place"]: row["_score"] for row in _filtered(query, condition)}

    def _by_meaning(self, vector: Any, most: int, condition: str) -> dict[int, float]:
        if vector is None:
            return {}
        query = self._windows.search(vector).distance_type("cosine")
        query = query.select(["place", "_distance"]).limit(most)
        scores: dict[int, float] = {}
        for row in _filtered(query, condition):  # the best window comes first
            scores.setdefault(row["place"], round(1 - row["_distance"], 6))
        return {place: score for place, score in scores.items() if score > 0}

    def _read(self, places: Sequence[int]) -> dict[int, Passage]:
        query = self._passages.search().where(among(places)).select(["place", "passage"])
        rows = query.limit(len(places)).to_list()
        return {row["place"]: read_passage(row["passage"]) for row in rows}

    def _condition(self, where: Where | None) -> str:
        """The filter in SQL; empty where nothing is filtered."""
        parts = []
        for name, values in (where or {}).items():
            if name not in self._saved.labels:
                raise DataError(
                    f"no passage has the metadata {name!r}{closest(name, self._saved.labels)}; "
                    f"there is {listed(self._saved.labels) or 'none'}"
                )
            labels = [label(name, one) for one in ([values] if isinstance(values, str) else values)]
            quoted = ", ".join("'" + label.replace("'", "''") + "'" for label in labels)
            parts.append(f"array_has_any(labels, [{quoted}])" if labels else "false")
        return " AND ".join(parts)


def _filtered(query: Any, condition: str) -> list[dict[str, Any]]:
    if condition:
        query = query.where(condition, prefilter=True)
    rows: list[dict[str, Any]] = query.to_list()
    return rows


def _place(uri: str, folder: Path) -> str:
    return str(folder) if uri == _HERE else uri


def _read_manifest(folder: Path) -> _Saved:
    try:
        saved: _Saved = read_as(_Saved, read_json(folder / MANIFEST), MANIFEST)
    except ConfigError as error:
        raise ValueError(f"{MANIFEST}: {error}") from None
    if saved.version != VERSION or not saved.tables.isalnum():
        raise ValueError(f"{MANIFEST} has the version {saved.version}, not {VERSION}")
    return saved
