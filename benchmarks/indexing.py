"""How long documents take to index: cold, and with one file of a thousand changed.

Needs the sentence encoder.

python benchmarks/indexing.py examples/product-questions/docs

Cold is reading, splitting, encoding and writing, with no vector remembered from before; loading the encoder
is in it. The change is the same again after one file was edited: nothing but that file is encoded.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from steelyard.model.encoder import Encoder, SentenceEncoder
from steelyard.retrieve.base import Passage
from steelyard.retrieve.documents.passages import split_passages
from steelyard.retrieve.documents.read import read_documents
from steelyard.retrieve.index.settings import FinderSettings
from steelyard.retrieve.index.update import IndexChange, update

TOKENS, FILES, WORDS = 120, 1000, 60


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("documents", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        start = time.perf_counter()
        encoder = SentenceEncoder.load()
        change, _ = indexed(given.documents, work / "index", encoder)
        print(f"cold: {change.added} passages in {time.perf_counter() - start:.1f} s")
        many = work / "many"
        many.mkdir()
        for number in range(FILES):
            write(many / f"page-{number:04}.md", number)
        change, seconds = indexed(many, work / "of-many", encoder)
        print(f"{FILES} files: {change.added} passages in {seconds:.1f} s")
        write(many / "page-0500.md", FILES)
        change, seconds = indexed(many, work / "of-many", encoder)
        print(
            f"one of them changed: {change.encoded} encoded, {change.unchanged} kept, in {seconds:.2f} s"
        )


def write(path: Path, seed: int) -> None:
    """Write a page of made-up words."""
    rng = random.Random(seed)
    words = ["".join(rng.choices("abcdefghijklmnop", k=6)) for _ in range(WORDS)]
    path.write_text(f"# Page {seed}\n\n{' '.join(words)}.\n", encoding="utf-8")


def indexed(documents: Path, index: Path, encoder: Encoder) -> tuple[IndexChange, float]:
    """Read, split and index a folder; returns the change and the seconds."""
    start = time.perf_counter()
    passages: dict[str, list[Passage]] = defaultdict(list)
    for document in read_documents([documents]).documents:
        passages[document.name] += split_passages(document, most=TOKENS)
    change = update(index, passages, FinderSettings(), encoder)
    return change, time.perf_counter() - start


if __name__ == "__main__":
    main()
