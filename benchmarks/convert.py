"""Seconds and peak memory of ``steelyard data convert`` on a million rows.

    python benchmarks/convert.py [--rows 1000000]

Each conversion runs in a process of its own; the peak is what the kernel reports for it
(``ru_maxrss``). The rows are made here: questions of 60 to 200 characters, answers of 20 to 120.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

WORDS = (
    "invoice refund card transfer please account the a my was not why order late two times charged "
    "cannot login password reset delivery address changed yesterday Zürich café support help how do "
    "I cancel subscription before renewal thanks"
).split()
STEPS = (
    ("rows.jsonl", "openai", "openai.jsonl"),
    ("rows.jsonl", "parquet", "out.parquet"),
    ("rows.jsonl", "hf", "out-hf"),
    ("rows.jsonl", "csv", "out.csv"),
    ("out.csv", "prompt_completion", "from-csv.jsonl"),
    ("out.parquet", "prompt_completion", "from-parquet.jsonl"),
    ("out-hf", "prompt_completion", "from-hf.jsonl"),
    ("openai.jsonl", "sharegpt", "sharegpt.jsonl"),
    ("openai.jsonl", "parquet", "openai.parquet"),
)
CODE = """
import json, resource, sys, time
from steelyard.data import convert
start = time.perf_counter()
outcome = convert(sys.argv[1], sys.argv[2], to=sys.argv[3])
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([seconds, peak, outcome.rows, outcome.written]))
"""


def rows(count: int, seed: int = 0) -> Iterator[dict[str, object]]:
    """Yield made-up questions and answers with an id and a group."""
    generator = np.random.default_rng(seed)
    for first in range(0, count, 10_000):
        lengths = generator.integers((10, 3), (33, 20), size=(10_000, 2))
        words = generator.integers(0, len(WORDS), size=(10_000, 52))
        for place in range(min(10_000, count - first)):
            asked, answered = lengths[place]
            text = [WORDS[word] for word in words[place]]
            yield {
                "prompt": " ".join(text[:asked]),
                "completion": " ".join(text[asked : asked + answered]),
                "id": first + place,
                "group": text[0],
            }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    count = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows(count))
        size = (folder / "rows.jsonl").stat().st_size
        print(f"{count:,} rows, {size / 2**20:,.0f} MB of JSON Lines\n")
        print(
            "| from | to | seconds | rows a second | peak MB |\n| --- | --- | ---: | ---: | ---: |"
        )
        for source, to, target in STEPS:
            given = folder / source
            seconds, peak, written = run(given, folder / target, to, count)
            print(
                f"| {given.name} | {to} | {seconds:.1f} | {written / seconds:,.0f} | {peak:.0f} |"
            )
    return 0


def run(source: Path, target: Path, to: str, count: int) -> tuple[float, float, int]:
    """Convert in a new process; return seconds, peak memory in MB, and rows written."""
    command = [sys.executable, "-c", CODE, str(source), str(target), to]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, peak, read, written = json.loads(done.stdout)
    assert read == written == count, (read, written, count)
    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, kilobytes elsewhere
    return seconds, peak / unit, written


if __name__ == "__main__":
    sys.exit(main())
