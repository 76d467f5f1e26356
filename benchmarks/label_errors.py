"""Average precision of suspected label errors on flipped labels, beside a plain baseline; seconds.

    python benchmarks/label_errors.py PATH/TO/banking77/train.csv [--seeds 3] [--skip plain cleanlab]

A share of banking77's labels is flipped: to any other label at random (``random``), or to one of the
five labels whose texts are the most alike (``alike``). Average precision (AP) over the ranking of all
rows, with the flipped rows as hits, and over the rows that the check lists, where a flip that is not
listed counts as zero. Labels that were wrong before count as misses. ``plain`` is TF-IDF with
logistic regression, out of five folds, and the margin of the probabilities; ``cleanlab`` ranks the same
probabilities by its own default, where that package is installed. Before that, seconds and peak memory
on 100,000 rows made of two messages each, with typing errors. The sentence encoder has a part in the
smaller runs only, with ``--encoder``.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from steelyard.data.base import CheckOptions
from steelyard.data.checks import label_errors
from steelyard.data.dataset import Dataset, open_dataset
from steelyard.data.suspicion.confident import log_odds, suspects
from steelyard.data.suspicion.labelled import labelled_rows
from steelyard.data.suspicion.row_features import effort_for

ALIKE = 5
NOISE = (
    ("random", 0.0),
    ("random", 0.01),
    ("random", 0.05),
    ("random", 0.10),
    ("random", 0.20),
    ("alike", 0.05),
)
COMPARED = {("random", 0.05), ("alike", 0.05)}
LARGE = 100_000
TYPING_ERRORS = 0.05  # of the words

Codes = NDArray[np.intp]
Flags = NDArray[np.bool_]


class Bank(NamedTuple):
    """Texts, the codes of their labels, the labels, and for each label those most alike (k, 5)."""

    texts: list[str]
    codes: Codes
    labels: list[str]
    alike: Codes


class Outcome(NamedTuple):
    """AP over all rows and over the list, how many rows it has, precision, recall, seconds."""

    full: float
    listed: float
    estimated: float
    rows: float
    precision: float
    recall: float
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("csv", type=Path, help="banking77's train.csv")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--skip", nargs="*", default=[], choices=["plain", "cleanlab", "large"])
    parser.add_argument("--encoder", action="store_true", help="with the sentence encoder")
    args = parser.parse_args()
    # First: a process starts with the peak memory of the one that spawned it.
    if "large" not in args.skip:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            print(pool.submit(large, args.csv).result(), flush=True)
    bank = read(args.csv)
    print(
        f"{'flips':16} {'seed':4}  AP all  AP list  estimated  listed  precision  recall  seconds"
    )
    for kind, share in NOISE:
        outcomes = []
        for seed in range(args.seeds if share else 1):
            codes, flipped = flip(bank, kind, share, seed)
            outcomes.append(outcome(bank, codes, flipped, args.encoder))
            show(f"{kind} {share:.0%}", str(seed), outcomes[-1])
            if (kind, share) in COMPARED:
                baselines(bank, codes, flipped, args.skip)
        if len(outcomes) > 1:
            show(f"{kind} {share:.0%}", "mean", Outcome(*np.mean(outcomes, axis=0)))


def read(path: Path) -> Bank:
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(file)]
    labels = sorted({label for _, label in rows})
    codes = np.array([labels.index(label) for _, label in rows])
    texts = [text for text, _ in rows]
    features = TfidfVectorizer().fit_transform(texts)
    centres = np.vstack([features[codes == code].mean(axis=0) for code in range(len(labels))])
    centres = np.asarray(centres)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    likeness = centres @ centres.T
    np.fill_diagonal(likeness, -1)
    return Bank(texts, codes, labels, np.argsort(-likeness, axis=1)[:, :ALIKE])


def flip(bank: Bank, kind: str, share: float, seed: int) -> tuple[Codes, Flags]:
    rng = np.random.default_rng(seed)
    codes, flipped = bank.codes.copy(), np.zeros(len(bank.codes), dtype=bool)
    chosen = rng.choice(len(codes), round(share * len(codes)), replace=False)
    flipped[chosen] = True
    if kind == "alike":
        codes[chosen] = bank.alike[codes[chosen], rng.integers(ALIKE, size=len(chosen))]
    else:
        others = rng.integers(1, len(bank.labels), size=len(chosen))
        codes[chosen] = (codes[chosen] + others) % len(bank.labels)
    return codes, flipped


def as_data(texts: list[str], labels: list[str]) -> Dataset:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["input", "output"])
            writer.writerows(zip(texts, labels, strict=True))
        return open_dataset(path)


def outcome(bank: Bank, codes: Codes, flipped: Flags, encoder: bool) -> Outcome:
    data = as_data(bank.texts, [bank.labels[code] for code in codes])
    options = CheckOptions(encoder=encoder)
    start = time.perf_counter()
    result = label_errors.find(data, options)
    seconds = time.perf_counter() - start
    listed = np.array(result.findings[0].rows if result.findings else (), dtype=int) - 1
    hits = flipped[listed]
    if not flipped.any():
        return Outcome(
            np.nan, np.nan, result.facts["estimated_errors"], len(hits), 0, np.nan, seconds
        )
    rng = np.random.default_rng(options.seed)
    labelled = labelled_rows(data, effort_for(len(codes)).settings.folds, rng)
    predictions = label_errors.look(data, labelled, options, rng)[1]
    odds = np.full(len(codes), -np.inf)
    odds[labelled.rows] = log_odds(predictions.probabilities, labelled.codes)[0]
    assert set(listed) == set(
        labelled.rows[suspects(predictions.probabilities, labelled.codes).rows]
    )
    precisions = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return Outcome(
        average_precision_score(flipped, np.maximum(odds, -1e9)),
        float((precisions * hits).sum() / flipped.sum()),
        result.facts["estimated_errors"],
        len(hits),
        float(hits.mean()),
        float(hits.sum() / flipped.sum()),
        seconds,
    )


def show(noise: str, seed: str, found: Outcome) -> None:
    print(
        f"{noise:16} {seed:4} {found.full:7.3f} {found.listed:8.3f} {found.estimated:10.0f} "
        f"{found.rows:7.0f} {found.precision:10.2f} {found.recall:7.2f} {found.seconds:8.1f}",
        flush=True,
    )


def baselines(bank: Bank, codes: Codes, flipped: Flags, skip: list[str]) -> None:
    if "plain" in skip:
        return
    start = time.perf_counter()
    features = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit_transform(bank.texts)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    model = LogisticRegression(C=10, max_iter=200)
    shares = cross_val_predict(model, features, codes, cv=folds, method="predict_proba")
    seconds = time.perf_counter() - start
    rankings: dict[str, Callable[[], Any]] = {"plain": lambda: -margin(shares, codes)}
    if "cleanlab" not in skip and importlib.util.find_spec("cleanlab"):
        from cleanlab.rank import get_label_quality_scores

        rankings["cleanlab"] = lambda: -get_label_quality_scores(codes, shares)
    for name, ranking in rankings.items():
        print(
            f"  {name:19} {average_precision_score(flipped, ranking()):7.3f}{seconds:56.1f}",
            flush=True,
        )


def margin(shares: NDArray[np.float64], codes: Codes) -> NDArray[np.float64]:
    rows = np.arange(len(codes))
    others = shares.copy()
    others[rows, codes] = -1
    return shares[rows, codes] - others.max(axis=1)


def large(path: Path) -> str:
    """Seconds and peak memory of the check on many rows, in a process of its own."""
    bank, rng = read(path), np.random.default_rng(0)
    rows = {code: np.flatnonzero(bank.codes == code) for code in range(len(bank.labels))}
    texts, codes = [], []
    for place in rng.integers(len(bank.texts), size=LARGE):
        code = int(bank.codes[place])
        texts.append(f"{bank.texts[place]} {bank.texts[rng.choice(rows[code])]}")
        codes.append(code)
    texts = [mistyped(text, rng) for text in texts]
    data = as_data(texts, [bank.labels[code] for code in codes])
    _ = data.texts, data.normalised_keys  # the other checks need them as well
    before, start = peak(), time.perf_counter()
    result = label_errors.find(data, CheckOptions(encoder=False))
    seconds = time.perf_counter() - start
    return (
        f"{len(texts):,} rows ({np.mean([len(text) for text in texts]):.0f} characters, "
        f"{len(set(' '.join(texts).split())):,} words, {len(bank.labels)} labels): {seconds:.1f} s, "
        f"peak {peak():.2f} GB, {before:.2f} GB of it before the check; "
        f"agrees with {result.facts['out_of_fold_accuracy']:.1%}\n"
    )


def mistyped(text: str, rng: np.random.Generator) -> str:
    words = text.split()
    for place in np.flatnonzero(rng.random(len(words)) < TYPING_ERRORS):
        word, at = words[place], rng.integers(len(words[place]))
        words[place] = word[:at] + chr(97 + rng.integers(26)) + word[at + 1 :]
    return " ".join(words)


def peak() -> float:
    """The process's largest resident memory so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    main()
