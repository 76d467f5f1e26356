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
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from steelyard.model.encoder import Encoder, SentenceEncoder
from steelyard.retrieve.base import Passage, TextSpan
from steelyard.retrieve.index.choose import Figures, figures_of, figures_of_ways, pick
from steelyard.retrieve.index.encoders import cached
from steelyard.retrieve.index.lance import LanceIndex
from steelyard.retrieve.index.lexical import Bm25Leg
from steelyard.retrieve.index.passage_index import PassageIndex
from steelyard.retrieve.index.settings import LEGS, FinderSettings
from steelyard.retrieve.index.terms import Tokenizer
from steelyard.retrieve.index.update import update
from steelyard.retrieve.index.windows import SearchText
from steelyard.retrieve.tfidf import TfidfIndex
from steelyard.seeds import generator
from steelyard.stats.paired import compare

WINDOWS = ((3,), (1,), (2,), (1, 3), (0,))
"""Sentences in a window, the default first."""
TITLED_WINDOWS = ((3,), (1,))
DEV_PARAGRAPHS = 40
DIMENSIONS, WORDS, VOCABULARY, TOP = 384, 80, 50_000, 50
SHOWN = ("recall_at_1", "recall_at_3", "recall_at_5", "mrr")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = parser.add_subparsers(dest="part", required=True)
    quality_parser = parts.add_parser("quality")
    quality_parser.add_argument("xquad", type=Path, help="the folder of xquad_en")
    quality_parser.add_argument("--splits", type=int, default=200)
    scale_parser = parts.add_parser("scale")
    scale_parser.add_argument("--passages", type=int, default=100_000)
    scale_parser.add_argument("--questions", type=int, default=200)
    scale_parser.add_argument("--keep", type=Path, help="leave the indexes in this new folder")
    asking = parts.add_parser("ask")  # what `scale` runs in a process of its own
    asking.add_argument("kind", choices=("files", "lance"))
    asking.add_argument("folder", type=Path)
    args = parser.parse_args()
    if args.part == "quality":
        quality(args.xquad, args.splits)
    elif args.part == "scale":
        with tempfile.TemporaryDirectory() as scratch:
            folder = args.keep or Path(scratch)
            folder.mkdir(exist_ok=True)
            scale(folder, args.passages, args.questions)
    else:
        ask(args.kind, args.folder)


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
            title = article["title"].replace("_", " ")
            passages.append(Passage(paragraph["context"], metadata=(("title", title),)))
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
    plain = FinderSettings("bm25", language="none", fields=())
    unstemmed = PassageIndex.fit(passages, plain)
    [ways["BM25, not stemmed"]] = figures_of_ways(unstemmed, questions, answers).values()
    encoder = CountingEncoder(SentenceEncoder.load())
    kept = cached(encoder)
    for fields, sizes in (((), WINDOWS), (("title",), TITLED_WINDOWS)):
        for windows in sizes:
            settings = FinderSettings(windows=windows, fields=fields)
            index = PassageIndex.fit(passages, settings, kept)
            more = figures_of_ways(index, questions, answers)
            is_first = windows == WINDOWS[0]
            ways |= {way: row for way, row in more.items() if way.needs_encoder or is_first}
    if encoder.texts:
        rate = 1000 * encoder.seconds / encoder.texts
        print(f"{encoder.texts:,} texts encoded, {rate:.0f} ms a text; the rest from the cache")
    return ways


class CountingEncoder(Encoder):
    """Counts what is encoded, and how long that takes."""

    def __init__(self, inner: Encoder) -> None:
        self._inner = inner
        self.texts, self.seconds = 0, 0.0

    @property
    def fingerprint(self) -> str:
        return self._inner.fingerprint

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        start = time.perf_counter()
        vectors = self._inner.encode(texts)
        self.texts, self.seconds = (
            self.texts + len(texts),
            self.seconds + time.perf_counter() - start,
        )
        return vectors


def candidates(
    ways: Mapping[FinderSettings | str, Figures],
) -> dict[str, dict[FinderSettings | str, Figures]]:
    """What each row of the table chooses among."""
    own = [way for way in ways if isinstance(way, FinderSettings)]
    own.sort(key=lambda way: LEGS.index(way.legs))
    table: dict[str, list[FinderSettings | str]] = {
        way: [way] for way in ways if isinstance(way, str)
    }
    for legs in LEGS:
        table[legs] = [way for way in own if way.legs == legs and not way.fields]
    table["convex, default"] = [FinderSettings(fields=())]
    table["chosen"] = [way for way in own if not way.fields]
    table["chosen, with titles"] = [way for way in own if way.fields]
    return {name: {way: ways[way] for way in some} for name, some in table.items()}


def rows(figures: Figures, where: np.ndarray) -> Figures:
    return {name: values[where] for name, values in figures.items()}


def difference(ours: np.ndarray, other: np.ndarray, name: str, row: int, gold: np.ndarray) -> str:
    if name == "chosen":
        return "-"
    names, metric = ("chosen", name), SHOWN[row]
    rng = generator(0, f"{name} {metric}")
    test = compare(ours[row], other[row], names, metric, rng, clusters=[str(one) for one in gold])
    return f"{test.difference:+.3f} [{test.low:+.3f}, {test.high:+.3f}] p {test.p_value:.2g}"


class RandomEncoder(Encoder):
    """A random direction for each text, always the same."""

    @property
    def fingerprint(self) -> str:
        return "random"

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            row[:] = np.random.default_rng(zlib.crc32(text.encode())).standard_normal(DIMENSIONS)
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def scale(folder: Path, count: int, asked: int) -> None:
    print(
        f"{count:,} passages of {WORDS} words, {DIMENSIONS} numbers each; {asked} questions of 8 words"
    )
    texts = random_texts(count)
    passages = [
        Passage(text, "", TextSpan(f"d{place // 100}", 0, len(text)))
        for place, text in enumerate(texts)
    ]
    rng = np.random.default_rng(1)
    questions = [
        " ".join(rng.choice(texts[int(rng.integers(count))].split(), 8)) for _ in range(asked)
    ]
    (folder / "questions.json").write_text(json.dumps(questions))
    encoder = RandomEncoder()
    with timed("random vectors (no encoder's work)"):
        vectors = encoder.encode(texts)
    known = KnownEncoder(dict(zip(texts, vectors, strict=True)))
    settings = FinderSettings(windows=(0,))
    with timed("BM25: terms and postings"):
        Bm25Leg.fit([SearchText("", text) for text in texts], Tokenizer())
    with timed("the whole index in memory"):
        index = PassageIndex.fit(passages, settings, known)
    (folder / "files").mkdir()
    with timed("written to files"):
        index.save(folder / "files")
    by_document: dict[str, list[Passage]] = {}
    for passage in passages:
        by_document.setdefault(passage.span.document if passage.span else "", []).append(passage)
    by_document["d7"] = [
        passage._replace(text=passage.text + " now") for passage in by_document["d7"]
    ]
    with timed("updated after one of 1,000 documents changed"):
        print("    ", update(folder / "files", by_document, settings, known))
    index.save(folder / "files")
    with timed("plain sort of bm25s and cosines in double precision, for comparison"):
        np.save(folder / "best.npy", brute_force(texts, vectors, questions))
    print(f"    on disk {disk(folder / 'files'):.0f} MB")
    run("files", folder)
    if find_spec("lancedb") is None:
        print("LanceDB is not installed: skipped")
        return
    (folder / "lance").mkdir()
    with timed("LanceDB: the whole index written"):
        LanceIndex.fit(passages, folder / "lance", settings, known).save(folder / "lance")
    print(f"    on disk {disk(folder / 'lance'):.0f} MB")
    run("lance", folder)


class KnownEncoder(RandomEncoder):
    """Vectors that were made before, so that an index's own time is measured."""

    def __init__(self, vectors: Mapping[str, np.ndarray]) -> None:
        self._vectors = vectors

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        missing = iter(super().encode([text for text in texts if text not in self._vectors]))
        rows = [self._vectors[text] if text in self._vectors else next(missing) for text in texts]
        return np.array(rows, dtype=np.float32).reshape(-1, DIMENSIONS)


def random_texts(count: int) -> list[str]:
    """Words of made-up letters, as frequent as words are (Zipf)."""
    rng = np.random.default_rng(0)
    letters = list("abcdefghijklmnoprstuvw")
    words = ["".join(rng.choice(letters, rng.integers(2, 9))) for _ in range(VOCABULARY)]
    chances = 1 / np.arange(3, VOCABULARY + 3)
    numbers = rng.choice(VOCABULARY, size=(count, WORDS), p=chances / chances.sum())
    return [" ".join(words[number] for number in row) for row in numbers]


def brute_force(texts: list[str], vectors: np.ndarray, questions: list[str]) -> np.ndarray:
    """The 50 best of each question by bm25s and by cosines, as fused as can be without our code."""
    import bm25s

    tokenize = Tokenizer()
    reference = bm25s.BM25(method="lucene")
    reference.index([tokenize(text) for text in texts], show_progress=False)
    result = []
    for question in questions:
        bm25 = reference.get_scores(tokenize(question)).astype(np.float64)
        dense = vectors.astype(np.float64) @ RandomEncoder().encode([question])[0].astype(
            np.float64
        )
        dense = np.maximum(dense, 0)
        fused = bm25 / max(bm25.max(), 1e-12) + dense / max(dense.max(), 1e-12)
        result.append(np.argsort(-fused, kind="stable")[:TOP])
    return np.array(result)


def run(kind: str, folder: Path) -> None:
    command = [sys.executable, __file__, "ask", kind, str(folder)]
    subprocess.run(command, check=True)


def ask(kind: str, folder: Path) -> None:
    """Load an index and ask it, in a process that did nothing else."""
    questions = json.loads((folder / "questions.json").read_text())
    expected = np.load(folder / "best.npy")
    encoder = RandomEncoder()
    vectors = dict(zip(questions, encoder.encode(questions), strict=True))
    known = KnownEncoder(vectors)
    loaders = {"files": PassageIndex, "lance": LanceIndex}
    before = resident()
    start = time.perf_counter()
    index = loaders[kind].load(folder / kind, known)
    print(f"{kind}: loaded in {time.perf_counter() - start:.2f} s", end="; ")
    seconds, hits = [], []
    computed = 0.0
    for question in questions:
        start, begun = time.perf_counter(), time.process_time()
        hits.append(index.find([question], TOP)[0])
        seconds.append(time.perf_counter() - start)
        computed += time.process_time() - begun
    print(
        f"first question {1000 * seconds[0]:.0f} ms, then median {1000 * np.median(seconds[1:]):.1f}, "
        f"p95 {1000 * np.quantile(seconds[1:], 0.95):.1f} ms, of the processor "
        f"{1000 * computed / len(questions):.1f} ms a question; "
        f"resident {resident():.0f} MB ({before:.0f} before)"
    )
    start = time.perf_counter()
    together = index.find(questions, TOP)
    print(
        f"    all at once {1000 * (time.perf_counter() - start) / len(questions):.1f} ms a question",
        end="; ",
    )
    assert [[hit.passage for hit in row] for row in together] == [
        [hit.passage for hit in row] for row in hits
    ]
    texts = {text: place for place, text in enumerate(random_texts(int(folder_count(folder))))}
    shares = [
        len({texts.get(hit.passage.text, -1) for hit in row} & set(best.tolist())) / TOP
        for row, best in zip(hits, expected, strict=True)
    ]
    print(f"{100 * np.mean(shares):.2f} % of the {TOP} best of a plain sort")
    seconds = []
    for question in questions[:20]:
        start = time.perf_counter()
        [row] = index.find([question], 3, {"document": "d42"})
        seconds.append(time.perf_counter() - start)
    print(f"    with a filter median {1000 * np.median(seconds):.1f} ms, {len(row)} hits")


def folder_count(folder: Path) -> int:
    return json.loads((folder / "files" / "index.json").read_text())["passages"]


def resident() -> float:
    """Megabytes that are resident, mapped files among them; 0 where that is not known."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return 0.0
    [line] = [line for line in status.read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1000


def disk(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


@contextmanager
def timed(what: str) -> Iterator[None]:
    start, begun = time.perf_counter(), time.process_time()
    yield
    seconds, computed = time.perf_counter() - start, time.process_time() - begun
    print(f"{seconds:8.1f} s ({computed:.1f} s of the processor)  {what}", flush=True)


if __name__ == "__main__":
    main()
