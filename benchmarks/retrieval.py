"""How well passages are found, and how fast.

    python benchmarks/retrieval.py quality PATH/TO/xquad_en
    python benchmarks/retrieval.py scale

``quality`` asks the questions of XQuAD (English, 240 paragraphs) for their paragraph. What may be chosen,
window and weight, is chosen on the questions of 40 paragraphs and read on those of the other 200, which
share no paragraph with them; 200 such splits, and every figure is the mean over them. An interval is that
of the paired difference, paragraphs as clusters. Needs the sentence encoder.

``scale`` indexes 100,000 passages of random words with random vectors, one to a passage: times, memory,
and how many of the 50 best are those of a plain sort; beside LanceDB where it is installed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from steelyard.model.encoder import SentenceEncoder
from steelyard.retrieve.base import Passage
from steelyard.retrieve.index.choose import Figures, figures_of, figures_of_ways, pick
from steelyard.retrieve.index.passage_index import PassageIndex
from steelyard.retrieve.index.settings import LEGS, FinderSettings
from steelyard.retrieve.tfidf import TfidfIndex
from steelyard.seeds import generator
from steelyard.stats.paired import compare

WINDOWS = ((3,), (1,), (2,), (1, 3), (0,))
"""Sentences in a window, the default first."""
DEV_PARAGRAPHS = 40
SHOWN = ("recall_at_1", "recall_at_3", "recall_at_5", "mrr")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = parser.add_subparsers(dest="part", required=True)
    quality_parser = parts.add_parser("quality")
    quality_parser.add_argument("xquad", type=Path, help="the folder of xquad_en")
    quality_parser.add_argument("--splits", type=int, default=200)
    args = parser.parse_args()
    quality(args.xquad, args.splits)


def quality(folder: Path, splits: int) -> None:
    path = folder / "xquad.en.json"
    if not path.is_file():
        print(f"skipped: {path} is not there")
        return
    passages, questions, gold = read_xquad(path)
    print(f"{len(passages)} paragraphs, {len(questions):,} questions, {splits} splits")
    ways = all_ways(passages, questions, gold)
    held_out = {name: np.zeros((len(SHOWN), len(questions))) for name in candidates(ways)}
    times = np.zeros(len(questions))
    picks: dict[str, int] = {}
    for split in range(splits):
        rng = generator(split, "xquad split")
        dev = rng.permutation(len(passages))[:DEV_PARAGRAPHS]
        is_dev = np.isin(gold, dev)
        times += ~is_dev
        for name, some in candidates(ways).items():
            chosen = pick({way: rows(some[way], is_dev) for way in some})
            held_out[name] += ~is_dev * np.array([some[chosen][figure] for figure in SHOWN])
            if name == "chosen":
                text = f"{chosen}, windows {chosen.windows}"
                picks[text] = picks.get(text, 0) + 1
    means = {name: sums / times for name, sums in held_out.items()}
    print(f"{'':24}{'R@1':>7}{'R@3':>7}{'R@5':>7}{'MRR':>7}   chosen minus this, R@1 and MRR")
    for name, figures in means.items():
        print(f"{name:24}" + "".join(f"{mean:7.3f}" for mean in figures.mean(1)), end="   ")
        print("; ".join(difference(means["chosen"], figures, name, row, gold) for row in (0, 3)))
    print("chosen most often:", dict(sorted(picks.items(), key=lambda item: -item[1])[:6]))


def read_xquad(path: Path) -> tuple[list[Passage], list[str], np.ndarray]:
    passages: list[Passage] = []
    questions: list[str] = []
    gold = []
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            questions += [row["question"] for row in paragraph["qas"]]
            gold += [len(passages)] * len(paragraph["qas"])
            passages.append(Passage(paragraph["context"]))
    return passages, questions, np.array(gold)


def all_ways(
    passages: list[Passage], questions: list[str], gold: np.ndarray
) -> dict[FinderSettings | str, Figures]:
    """Figures of every question under TF-IDF, and under each way and window."""
    ways: dict[FinderSettings | str, Figures] = {}
    answers = [[int(place)] for place in gold]
    places = {passage.text: place for place, passage in enumerate(passages)}
    for features in ("word", "word+char"):
        scores = np.zeros((len(questions), len(passages)))
        index = TfidfIndex.fit(passages, features)
        for row, hits in zip(scores, index.find(questions, len(passages)), strict=True):
            for hit in hits:
                row[places[hit.passage.text]] = hit.score
        ways[f"TF-IDF, {features}"] = figures_of(scores, answers)
    unstemmed = PassageIndex.fit(passages, FinderSettings("bm25", language="none"))
    [ways["BM25, not stemmed"]] = figures_of_ways(unstemmed, questions, answers).values()
    encoder = SentenceEncoder.load()
    for windows in WINDOWS:
        start = time.perf_counter()
        index = PassageIndex.fit(passages, FinderSettings(windows=windows), encoder)
        assert index.dense is not None
        more = figures_of_ways(index, questions, answers)
        seconds = time.perf_counter() - start
        count = len(index.dense.vectors) + len(questions)
        print(f"windows {windows}: {count:,} texts encoded, {1000 * seconds / count:.0f} ms a text")
        ways |= {
            way: figures for way, figures in more.items() if way.needs_encoder or not windows[1:]
        }
    return ways


def candidates(
    ways: Mapping[FinderSettings | str, Figures],
) -> dict[str, dict[FinderSettings, Figures]]:
    """What each row of the table chooses among."""
    own = {way: figures for way, figures in ways.items() if isinstance(way, FinderSettings)}
    own = dict(sorted(own.items(), key=lambda way: LEGS.index(way[0].legs)))
    table = {way: {way: figures} for way, figures in ways.items() if isinstance(way, str)}
    for legs in LEGS:
        table[legs] = {way: figures for way, figures in own.items() if way.legs == legs}
    table["convex, default"] = {FinderSettings(): ways[FinderSettings()]}
    return {**table, "chosen": own}


def rows(figures: Figures, where: np.ndarray) -> Figures:
    return {name: values[where] for name, values in figures.items()}


def difference(ours: np.ndarray, other: np.ndarray, name: str, row: int, gold: np.ndarray) -> str:
    if name == "chosen":
        return "-"
    names, metric = ("chosen", name), SHOWN[row]
    rng = generator(0, f"{name} {metric}")
    test = compare(ours[row], other[row], names, metric, rng, clusters=[str(one) for one in gold])
    return f"{test.difference:+.3f} [{test.low:+.3f}, {test.high:+.3f}] p {test.p_value:.2g}"


if __name__ == "__main__":
    main()
