"""How often two messages of a cosine mean the same, on banking77: what the threshold rests on.

    python benchmarks/paraphrases.py PATH/TO/banking77

All pairs of the training messages that are not near-duplicates already, by the cosine of their
sentence vectors; a pair means the same, as far as the data can say, when its intent is the same.
Needs the sentence encoder. Prints the seconds that encoding takes as well.
"""

from __future__ import annotations

import argparse
import csv
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

from steelyard.data.checks.duplicates import CLOSE as THRESHOLD
from steelyard.data.likeness.near import DisjointSets, near_pairs
from steelyard.data.likeness.rows import normalise
from steelyard.model.encoder import SentenceEncoder

EDGES = (0.70, 0.75, 0.80, 0.85, 0.90, 0.925, 0.95, 0.975, 1.01)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bank", type=Path, help="the folder of banking77")
    parser.add_argument("--rows", type=int, default=10_003)
    args = parser.parse_args()
    with (args.bank / "train.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(file)][: args.rows]
    texts = [text for text, _ in rows]
    names = {name: place for place, name in enumerate(sorted({label for _, label in rows}))}
    labels = np.array([names[label] for _, label in rows])
    start = time.perf_counter()
    encoder = SentenceEncoder.load()
    loaded = time.perf_counter()
    vectors = encoder.encode(texts)
    ended = time.perf_counter()
    print(
        f"loading {loaded - start:.1f} s; encoding {len(texts):,} texts {ended - loaded:.1f} s, "
        f"{1000 * (ended - loaded) / len(texts):.1f} s per 1,000; the threshold is {THRESHOLD}"
    )
    table(texts, labels, vectors)


def table(texts: list[str], labels: np.ndarray, vectors: np.ndarray) -> None:
    clusters = near_clusters(texts)
    cosines = vectors @ vectors.T
    later, earlier = np.nonzero(np.tril(cosines >= EDGES[0], -1))
    kept = clusters[later] != clusters[earlier]
    later, earlier = later[kept], earlier[kept]
    values, same = cosines[later, earlier], labels[later] == labels[earlier]
    print(f"{'cosine':>14} {'pairs':>8} {'same intent':>12} {'rows at or above':>17}")
    for low, high in pairwise(EDGES):
        inside = (values >= low) & (values < high)
        share = f"{same[inside].mean():.3f}" if inside.any() else "-"
        rows = len(np.unique(later[values >= low]))
        print(f"{low:.3f} to {min(high, 1):.3f} {inside.sum():8,} {share:>12} {rows:17,}")
    chance = (np.bincount(labels) ** 2).sum() / len(labels) ** 2
    above = values >= THRESHOLD
    print(
        f"at or above {THRESHOLD}: {same[above].mean():.3f} of {above.sum():,} pairs have one intent, "
        f"{chance:.3f} of all pairs do; the pairs closest to it:"
    )
    for place in np.argsort(np.abs(values - THRESHOLD))[:6]:
        print(f"  {values[place]:.3f} {texts[later[place]]!r} | {texts[earlier[place]]!r}")


def near_clusters(texts: list[str]) -> np.ndarray:
    normalised = [normalise(text) for text in texts]
    sets, seen = DisjointSets(len(texts)), dict[str, int]()
    for index, text in enumerate(normalised):
        sets.join(seen.setdefault(text, index), index)
    for pair in near_pairs(normalised):
        sets.join(pair.a, pair.b)
    return sets.roots()


if __name__ == "__main__":
    main()
