"""The two tables of an index on LanceDB: passages with their terms, and windows with their vectors.

They are written whole, or copied and changed where passages changed.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from steelyard.errors import StorageError
from steelyard.extras import require
from steelyard.model.encoder import Encoder
from steelyard.retrieve.base import Passage
from steelyard.retrieve.index.dense import DenseLeg
from steelyard.retrieve.index.labels import pairs_of
from steelyard.retrieve.index.lexical import terms_of
from steelyard.retrieve.index.settings import FinderSettings
from steelyard.retrieve.index.stored import write_passage
from steelyard.retrieve.index.terms import Tokenizer
from steelyard.retrieve.index.windows import SearchText

_FTS = {  # terms are made already
    "base_tokenizer": "whitespace",
    "stem": False,
    "remove_stop_words": False,
    "ascii_folding": False,
    "lower_case": False,
    "max_token_length": None,
    "with_position": False,
}


class TableNames(NamedTuple):
    """What the two tables are called."""

    passages: str
    windows: str

    @classmethod
    def of(cls, digest: str) -> TableNames:
        return cls(f"passages_{digest}", f"windows_{digest}")


@dataclass(frozen=True)
class TableChange:
    """Passages by their place in the tables: ``gone`` ones, ``new`` ones, and ``moved`` ones.

    A moved one has the text, and so the terms and vectors, of before, and stands elsewhere or has other
    metadata.
    """

    gone: Collection[int]
    new: Mapping[int, Passage]
    moved: Mapping[int, Passage]


def change_between(
    before: Mapping[int, Passage], passages: Sequence[Passage], settings: FinderSettings
) -> TableChange:
    """Match passages by what they are searched by, each of those before with one of these at most."""
    places: dict[SearchText, list[int]] = defaultdict(list)
    for place, passage in before.items():
        places[settings.searched(passage)].append(place)
    new, moved, stay = {}, {}, set()
    following = count(max(before) + 1)
    for passage in passages:
        same = places[settings.searched(passage)]
        if not same:
            new[next(following)] = passage
            continue
        place = same.pop(0)
        stay.add(place)
        if before[place] != passage:
            moved[place] = passage
    return TableChange([place for place in before if place not in stay], new, moved)


def write_tables(
    uri: str,
    names: TableNames,
    passages: Sequence[Passage],
    settings: FinderSettings,
    encoder: Encoder | None,
) -> None:
    """Write both tables to ``uri``; that of windows only with an ``encoder``. Raises `StorageError`."""
    rows, database = dict(enumerate(passages)), connect(uri)
    indexes = require("lancedb.index", "rag")
    try:
        data = _passage_rows(rows, settings)
        table = database.create_table(names.passages, data=data, mode="overwrite")
        table.create_index("terms", config=indexes.FTS(**_FTS))
        table.create_index("place", config=indexes.BTree())
        table.create_index("labels", config=indexes.LabelList())
        if encoder is not None:
            data = _window_rows(rows, settings, encoder)
            table = database.create_table(names.windows, data=data, mode="overwrite")
            table.create_index("place", config=indexes.BTree())
            table.create_index("labels", config=indexes.LabelList())
    except (OSError, RuntimeError) as error:
        raise StorageError(f"cannot write to {uri}: {error}") from None


def change_tables(
    folders: tuple[Path, Path],
    names: tuple[TableNames, TableNames],
    change: TableChange,
    settings: FinderSettings,
    encoder: Encoder | None,
) -> None:
    """Copy the tables from one folder to another, under other names, and change the copies.

    A copy gets its name when it is whole. Only the rows of ``change`` are deleted and written; the indexes
    take them in. Raises `StorageError`.
    """
    (source, target), (before, after) = folders, names
    gone = [*change.gone, *change.moved]
    try:
        with _changed_copy(source, target, before.passages, after.passages) as table:
            written = {**change.new, **change.moved}
            _replace(table, gone, _passage_rows(written, settings) if written else None)
        if encoder is not None:
            with _changed_copy(source, target, before.windows, after.windows) as table:
                _replace(table, gone, _relabelled(table, change.moved) if change.moved else None)
                new = _window_rows(change.new, settings, encoder) if change.new else None
                _replace(table, (), new)
    except (OSError, RuntimeError) as error:
        raise StorageError(f"cannot write to {target}: {error}") from None


@contextmanager
def _changed_copy(source: Path, target: Path, before: str, after: str) -> Iterator[Any]:
    """A copy of a table to be changed; it has the name ``after`` where that ends well."""
    scratch = target / f"{after}_part.lance"
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(source / f"{before}.lance", scratch)
    try:
        table = open_table(str(target), scratch.stem)
        yield table
        table.optimize()
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    shutil.rmtree(target / f"{after}.lance", ignore_errors=True)
    scratch.rename(target / f"{after}.lance")


def _replace(table: Any, gone: Sequence[int], rows: Any) -> None:
    if gone:
        table.delete(among(gone))
    if rows is not None and rows.num_rows:
        table.add(rows)


def _relabelled(table: Any, moved: Mapping[int, Passage]) -> Any:
    """The windows of passages with the vectors that they have and the labels that they are to have."""
    arrow = require("pyarrow", "rag")
    query = table.search().where(among(moved)).select(["place", "vector"])
    rows = query.limit(table.count_rows()).to_arrow()
    labels = [labels_of(moved[place]) for place in rows["place"].to_pylist()]
    texts = arrow.list_(arrow.string())
    vectors = rows["vector"]
    columns = {"place": rows["place"], "labels": arrow.array(labels, texts), "vector": vectors}
    return arrow.table(columns)


def _passage_rows(passages: Mapping[int, Passage], settings: FinderSettings) -> Any:
    arrow = require("pyarrow", "rag")
    tokenize, rows = Tokenizer(settings.language), passages.values()
    terms = [" ".join(terms_of(settings.searched(one), tokenize)) for one in rows]
    labels = [labels_of(one) for one in rows]
    columns = {
        "place": arrow.array(list(passages), arrow.int64()),
        "terms": arrow.array(terms, arrow.string()),
        "labels": arrow.array(labels, arrow.list_(arrow.string())),
        "passage": arrow.array([write_passage(one) for one in rows], arrow.string()),
    }
    return arrow.table(columns)


def _window_rows(
    passages: Mapping[int, Passage], settings: FinderSettings, encoder: Encoder
) -> Any:
    arrow = require("pyarrow", "rag")
    searched = [settings.searched(one) for one in passages.values()]
    leg = DenseLeg.fit(searched, settings.windows, encoder)
    places = np.array(list(passages), dtype=np.int64)
    owners = np.repeat(places, np.diff(leg.starts)).tolist()
    labels = {place: labels_of(one) for place, one in passages.items()}
    vectors = arrow.array(leg.vectors.ravel())
    columns = {
        "place": arrow.array(owners, arrow.int64()),
        "labels": arrow.array([labels[owner] for owner in owners], arrow.list_(arrow.string())),
        "vector": arrow.FixedSizeListArray.from_arrays(vectors, leg.vectors.shape[1]),
    }
    return arrow.table(columns)


def labels_of(passage: Passage) -> list[str]:
    """The metadata of a passage as its rows hold them."""
    return sorted(label(*pair) for pair in pairs_of(passage))


def label(name: str, value: str) -> str:
    """One entry of metadata as rows hold it."""
    return json.dumps([name, value], ensure_ascii=False)


def among(places: Iterable[int], but: Collection[int] = ()) -> str:
    """The condition in SQL for these places without others."""
    listing = ", ".join(str(place) for place in places if place not in but)
    return f"place IN ({listing})" if listing else "false"


def connect(uri: str) -> Any:
    """Open a database. Raises `StorageError`, and `MissingExtraError` without LanceDB."""
    try:
        return require("lancedb", "rag").connect(uri)
    except (OSError, RuntimeError) as error:
        raise StorageError(f"cannot open {uri}: {error}") from None


def open_table(uri: str, name: str) -> Any:
    """Open a table; raises `ValueError` where it cannot be."""
    try:
        return connect(uri).open_table(name)
    except (OSError, RuntimeError, ValueError) as error:
        raise ValueError(f"the table {name} cannot be opened: {error}") from None


def copy_table(source: Path, folder: Path, name: str) -> None:
    """Copy a table; half a copy never has its name."""
    target, scratch = folder / f"{name}.lance", folder / f".{name}.part"
    if not target.is_dir():
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(source / f"{name}.lance", scratch)
        scratch.rename(target)
