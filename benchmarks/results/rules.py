"""Print how often each rule of thumb was right in finished runs, as docs/results.md has it.

python benchmarks/results/rules.py OUT/runs/banking77 OUT/runs/nlupp

Rules that rest on Steelyard's own runs are left out: these runs are where they come from.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from steelyard.advice.measured import JudgedRule, against_measurement
from steelyard.result import Result, read_result

JUDGED = ("agrees", "disagrees")
OWN = "Steelyard, docs/results.md"
WORDS = {"agrees": "right", "disagrees": "wrong"}


def main() -> None:
    """Print the table, and which rules no run could judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+")
    results = [read_result(folder) for folder in parser.parse_args().runs]
    print("\n".join(table(results)))


def table(results: Sequence[Result]) -> Iterator[str]:
    """The lines: a row for each rule that some run judges, its judgement in each, right of judged."""
    by_run = [
        [one for line in against_measurement(result) for one in line.rules] for result in results
    ]
    names = [result.task.name for result in results]
    yield f"| rule | about | says | {' | '.join(names)} | right of judged |"
    yield f"|---|---|---|{'---|' * len(names)}---|"
    unjudged = []
    for judged in zip(*by_run, strict=True):
        rule = judged[0].rule
        if rule.source.startswith(OWN):
            continue
        sure = [one for one in judged if one.judgement in JUDGED]
        if not sure:
            unjudged.append(f"`{rule.id}`")
            continue
        right = sum(one.judgement == "agrees" for one in sure)
        cells = " | ".join(map(cell, judged))
        yield f"| `{rule.id}` | {rule.about} | {rule.text} | {cells} | {right} of {len(sure)} |"
    yield f"\nNot judged: {', '.join(unjudged)}."


def cell(judged: JudgedRule) -> str:
    """``right``, ``wrong``, or why it is neither."""
    return WORDS.get(judged.judgement, judged.judgement)


if __name__ == "__main__":
    main()
