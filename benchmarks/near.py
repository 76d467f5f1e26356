"""Recall, precision, seconds and memory of near-duplicate search on planted pairs, beside datasketch.

    python benchmarks/near.py PATH/TO/banking77 [--rows 10000 100000] [--skip datasketch]

Three backgrounds: ``varied`` recombines the clauses of banking77 messages; ``templated`` fills one
sentence with names, order numbers and clauses, so that every text shares half of itself with every
other; ``form`` has but a number and a name to tell texts apart, so that nearly all hang together.
Into each go pairs: a row and its copy after random edits, with their true Jaccard similarity
(over all shingles, by plain sets) in a known band. A pair counts as found when both texts come to
stand in one cluster, since the audit and the split go by clusters. Planted pairs are the easy half
of templated data, so all pairs of a cut of 3,000 rows are compared as well (``every pair``).
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import multiprocessing
import random
import re
import resource
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from steelyard.data.likeness.near import THRESHOLD, DisjointSets, near_pairs
from steelyard.data.likeness.rows import normalise
from steelyard.data.likeness.shingles import SHINGLE

BANDS = ((0.80, 0.82), (0.82, 0.85), (0.85, 0.90), (0.90, 0.95))
PLANTED = 250  # in each band
CUT = 3_000
TEMPLATED_MOST = 20_000
Pairs = list[tuple[int, int]]


class Planted(NamedTuple):
    """Texts and the planted pairs of each band."""

    texts: list[str]
    pairs: dict[tuple[float, float], Pairs]


class Outcome(NamedTuple):
    """What a search found, in how many seconds, and the memory its process had by then."""

    pairs: Pairs
    seconds: float
    megabytes: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bank", type=Path, help="the folder of banking77")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--skip", nargs="*", default=[], choices=list(SEARCHES))
    args = parser.parse_args()
    messages = read(args.bank)
    for rows in args.rows:
        for name, background in (("varied", varied), ("templated", templated), ("form", form)):
            planted = plant(list(background(messages, rows, random.Random(0))), random.Random(1))
            print(f"\n{name}, {len(planted.texts):,} rows", flush=True)
            for search in SEARCHES:
                if search not in args.skip and is_worth_it(search, name, rows):
                    report(search, planted)
            every_pair(planted)


def report(search: str, planted: Planted) -> None:
    found = apart(search, planted.texts)
    clusters = clustered(found.pairs, len(planted.texts))
    recall = {
        f"{low:.2f}-{high:.2f}": sum(clusters[a] == clusters[b] for a, b in pairs) / len(pairs)
        for (low, high), pairs in planted.pairs.items()
        if pairs
    }
    right = sum(jaccard(planted.texts[a], planted.texts[b]) >= THRESHOLD for a, b in found.pairs)
    largest = max(Counter(clusters).values())
    print(
        f"  {search:15} {found.seconds:6.1f} s {found.megabytes:6.0f} MB  recall "
        + " ".join(f"{band} {share:.3f}" for band, share in recall.items())
        + f"  precision {right / max(1, len(found.pairs)):.3f} of {len(found.pairs):,} pairs,"
        f" largest cluster {largest:,}",
        flush=True,
    )


def every_pair(planted: Planted) -> None:
    """Compare each pair of the last rows, where the planted copies are, as a yardstick."""
    texts = list(dict.fromkeys(planted.texts[-CUT:]))
    sets = [shingles(text) for text in texts]
    start = time.perf_counter()
    true = [(a, b) for b in range(len(sets)) for a in range(b) if alike(sets[a], sets[b])]
    seconds = time.perf_counter() - start
    clusters = clustered([(pair.a, pair.b) for pair in near_pairs(texts)], len(texts))
    got = sum(clusters[a] == clusters[b] for a, b in true)
    print(
        f"  every pair of {len(texts):,} rows, {seconds:.0f} s by brute force: "
        f"recall {got / max(1, len(true)):.4f} of {len(true):,} pairs",
        flush=True,
    )


def with_steelyard(texts: Sequence[str]) -> Pairs:
    return [(pair.a, pair.b) for pair in near_pairs(texts)]


def with_datasketch(texts: Sequence[str], **settings: object) -> Pairs:
    """MinHashLSH at its defaults for the threshold, its candidates verified as Steelyard's are."""
    from datasketch import MinHash, MinHashLSH

    settings = settings or {"threshold": THRESHOLD, "num_perm": 128}
    index = MinHashLSH(**settings)
    sets = [shingles(text) for text in texts]
    pairs: Pairs = []
    encoded = ([shingle.encode() for shingle in each] for each in sets)
    for b, signature in enumerate(MinHash.generator(encoded, num_perm=settings["num_perm"])):
        pairs += [(a, b) for a in index.query(signature) if alike(sets[a], sets[b])]
        index.insert(b, signature, check_duplication=False)
    return pairs


def with_datasketch_tuned(texts: Sequence[str]) -> Pairs:
    """MinHashLSH with Steelyard's bands: 16 of 4 hashes."""
    return with_datasketch(texts, num_perm=64, params=(16, 4))


SEARCHES = {
    "steelyard": with_steelyard,
    "datasketch": with_datasketch,
    "datasketch 16x4": with_datasketch_tuned,
}


def apart(search: str, texts: Sequence[str]) -> Outcome:
    """Run a search in a process of its own, so that its memory is its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_timed, search, texts).result()


def _timed(search: str, texts: Sequence[str]) -> Outcome:
    start = time.perf_counter()
    pairs = SEARCHES[search](texts)
    seconds = time.perf_counter() - start
    return Outcome(pairs, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def plant(texts: list[str], rng: random.Random) -> Planted:
    """Put edited copies of random rows in the place of the last rows, which they then follow."""
    pairs: dict[tuple[float, float], Pairs] = {band: [] for band in BANDS}
    place = len(texts) - PLANTED * len(BANDS)
    for band in BANDS:
        while len(pairs[band]) < PLANTED:
            source = rng.randrange(len(texts) - PLANTED * len(BANDS))
            copy = edited(texts[source], band, rng)
            if copy is not None:
                texts[place] = copy
                pairs[band].append((source, place))
                place += 1
    return Planted(texts, pairs)


def edited(text: str, band: tuple[float, float], rng: random.Random) -> str | None:
    """Edit at random until the similarity falls into ``band``; ``None`` where it falls past it."""
    copy = text
    for _ in range(100):
        at = rng.randrange(len(copy))
        kind = rng.randrange(4)
        letters = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(1, 6)))
        copy = {
            0: copy[:at] + letters + copy[at:],
            1: copy[:at] + copy[at + rng.randint(1, 4) :],
            2: copy[:at] + letters + copy[at + len(letters) :],
            3: f"{copy} {letters}",
        }[kind]
        copy = normalise(copy)
        similarity = jaccard(text, copy)
        if similarity < band[0]:
            return None
        if similarity < band[1]:
            return copy
    return None


def varied(messages: Sequence[str], rows: int, rng: random.Random) -> Iterator[str]:
    clauses = [
        part for text in messages for part in re.split(r"(?<=[.?!,]) ", text) if len(part) > 9
    ]
    for _ in range(rows):
        yield normalise(" ".join(rng.sample(clauses, rng.randint(2, 4))))


def templated(messages: Sequence[str], rows: int, rng: random.Random) -> Iterator[str]:
    names = sorted({word for text in messages for word in normalise(text).split() if len(word) > 4})
    for _ in range(rows):
        yield normalise(
            f"Dear support, my name is {rng.choice(names)} {rng.choice(names)} and my order number "
            f"{rng.randrange(10**6)} has not arrived yet. {rng.choice(messages)[:60]}"
        )


def form(messages: Sequence[str], rows: int, rng: random.Random) -> Iterator[str]:
    names = sorted({word for text in messages for word in normalise(text).split() if len(word) > 4})
    for _ in range(rows):
        yield normalise(
            f"Dear support team, the order {rng.randrange(10**6)} of {rng.choice(names)} has not "
            "arrived at our address yet, please look into it and call us back as soon as you can"
        )


def read(folder: Path) -> list[str]:
    rows = []
    for part in ("train", "test"):
        with (folder / f"{part}.csv").open(encoding="utf-8", newline="") as file:
            rows += [row["text"] for row in csv.DictReader(file)]
    return rows


def shingles(text: str) -> set[str]:
    padded = text.ljust(SHINGLE, "\0")
    return {padded[place : place + SHINGLE] for place in range(len(padded) - SHINGLE + 1)}


def alike(a: set[str], b: set[str]) -> bool:
    if min(len(a), len(b)) < THRESHOLD * max(len(a), len(b)):
        return False
    shared = len(a & b)
    return shared >= THRESHOLD * (len(a) + len(b) - shared)


def jaccard(a: str, b: str) -> float:
    first, second = shingles(a), shingles(b)
    return len(first & second) / len(first | second)


def clustered(pairs: Pairs, size: int) -> list[int]:
    sets = DisjointSets(size)
    for a, b in pairs:
        sets.join(a, b)
    return [sets.find(index) for index in range(size)]


def is_worth_it(search: str, background: str, rows: int) -> bool:
    if search == "steelyard":
        return True
    if importlib.util.find_spec("datasketch") is None:
        print(f"  {search}: not installed; run: pip install datasketch")
        return False
    if background != "varied" and (rows > TEMPLATED_MOST or background == "form"):
        print(f"  {search}: left out, its buckets grow with the square of templated rows")
        return False
    return True


if __name__ == "__main__":
    main()
