"""Seconds and memory of ``steelyard data check`` on many rows, beside pandas and datasets.

    python benchmarks/audit.py PATH/TO/banking77 [--rows 100000] [--peers PYTHON]

The rows are pairs of banking77 messages of one intent, so that words and labels are real and texts
differ; some duplicates, wrong labels and private data are planted. The peers (``pip install pandas
datasets``) do the parts that they can: read, count labels and lengths, find exact and case-folded
duplicates, inputs with several labels.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

PANDAS = """
import sys, pandas as pd
frame = pd.read_csv(sys.argv[1])
frame["text"].str.len().describe(); frame["category"].value_counts()
folded = frame["text"].str.lower().str.split().str.join(" ")
print(frame.duplicated("text").sum(), folded.duplicated().sum(),
      (frame.groupby(folded)["category"].nunique() > 1).sum())
"""
DATASETS = """
import sys, tempfile, collections, datasets
datasets.disable_progress_bars()
with tempfile.TemporaryDirectory() as cache:
    rows = datasets.load_dataset("csv", data_files=sys.argv[1], split="train", cache_dir=cache)
    rows = rows.map(lambda row: {"folded": " ".join(row["text"].lower().split())})
    labels = collections.Counter(rows["category"])
    seen = collections.defaultdict(set)
    for text, label in zip(rows["folded"], rows["category"]):
        seen[text].add(label)
    print(len(rows) - len(set(rows["text"])), len(rows) - len(seen),
          sum(len(found) > 1 for found in seen.values()))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bank", type=Path, help="the folder of banking77")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--peers", default=sys.executable, help="a Python that has the peers")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "rows.csv"
        plant(args.bank, args.rows, path)
        print(f"{args.rows:,} rows, {path.stat().st_size / 1e6:.1f} MB")
        steelyard = [sys.executable, "-m", "steelyard", "data", "check", str(path)]
        said = timed("steelyard data check", [*steelyard, "--no-encoder", "--json"])
        if said is not None:
            show(json.loads(said))
        timed("pandas", [args.peers, "-c", PANDAS, str(path)])
        timed("datasets", [args.peers, "-c", DATASETS, str(path)])


def plant(bank: Path, rows: int, path: Path) -> None:
    """Write the rows: 2 % exact duplicates, 1 % wrong labels, 0.5 % with an e-mail address."""
    rng = random.Random(0)
    texts: dict[str, list[str]] = defaultdict(list)
    with (bank / "train.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            texts[row["category"]].append(row["text"])
    labels = sorted(texts)
    made: list[tuple[str, str]] = []
    while len(made) < rows:
        label = rng.choice(labels)
        text = " ".join(rng.sample(texts[label], 2))
        if made and rng.random() < 0.02:
            made.append(rng.choice(made))
            continue
        if rng.random() < 0.005:
            text += f" Write to person{len(made)}@example.com."
        made.append((text, rng.choice(labels) if rng.random() < 0.01 else label))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "category"), *made])


def timed(name: str, command: list[str]) -> str | None:
    """Run a command; print its wall seconds and its largest memory; return what it printed."""
    before = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = process.communicate()
    seconds = time.perf_counter() - before
    if process.returncode != 0:
        print(f"{name:<22} not run: {err.strip().splitlines()[-1][:120]}")
        return None
    # the largest of all children so far: run the hungriest first, or read only the first
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{name:<22}{seconds:7.1f} s  peak so far {peak:7,.0f} MiB")
    return out


def show(audit: dict) -> None:
    for name, said in audit["checks"].items():
        count = sum(f["count"] for f in audit["findings"] if f["check"] == name)
        print(f"    {name:<20}{said['seconds']:7.2f} s  {said['state']}, {count} rows")


if __name__ == "__main__":
    main()
