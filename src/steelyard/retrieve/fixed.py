"""Retrievers that search nothing: all documents whole, or the passages that are known to answer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from steelyard.config.records import read_as
from steelyard.files import read_json
from steelyard.retrieve.base import Hit, Passage, TextSpan

_FILE = "passages.json"


class WholeDocuments:
    """A `Retriever` that gives every text the same passages, all of them, in their order."""

    name: ClassVar[str] = "whole"
    not_ranked: ClassVar[str] = "all documents are shown, so nothing is searched"

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = tuple(passages)

    def find(self, texts: Sequence[str], k: int) -> list[list[Hit]]:
        """Return the first ``k`` passages for each text, each with the score 1."""
        hits = [Hit(passage, 1.0) for passage in self.passages[:k]]
        return [list(hits) for _ in texts]

    def save(self, folder: Path) -> None:
        _write(folder, {"passages": self.passages})

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls(_read(folder).get("passages", ()))


class GoldPassages:
    """A `Retriever` that knows the passages of each text; for others it has none."""

    name: ClassVar[str] = "gold"
    not_ranked: ClassVar[str] = "it is given the passages with the evidence, so nothing is searched"

    def __init__(self, passages: Mapping[str, Sequence[Passage]]) -> None:
        self.by_text = {text: tuple(some) for text, some in passages.items()}

    def find(self, texts: Sequence[str], k: int) -> list[list[Hit]]:
        """Return at most ``k`` of the passages that answer each text, in their order."""
        return [[Hit(passage, 1.0) for passage in self.by_text.get(text, ())[:k]] for text in texts]

    def save(self, folder: Path) -> None:
        _write(folder, self.by_text)

    @classmethod
    def load(cls, folder: Path) -> Self:
        return cls(_read(folder))


@dataclass(frozen=True)
class _SavedPassage:
    text: str
    output: str
    span: tuple[str, int, int, int | None] | None
    metadata: tuple[tuple[str, str], ...]


def _write(folder: Path, passages: Mapping[str, Sequence[Passage]]) -> None:
    data = {text: [passage._asdict() for passage in some] for text, some in passages.items()}
    (folder / _FILE).write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")


def _read(folder: Path) -> dict[str, tuple[Passage, ...]]:
    saved: Any = read_json(folder / _FILE)
    if not isinstance(saved, dict):
        raise ValueError(f"{_FILE} holds no passages")
    return {text: tuple(_passage(one) for one in some) for text, some in saved.items()}


def _passage(saved: Any) -> Passage:
    one: _SavedPassage = read_as(_SavedPassage, saved, _FILE)
    span = None if one.span is None else TextSpan(*one.span)
    return Passage(one.text, one.output, span, one.metadata)
