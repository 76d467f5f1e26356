"""Run the demo's pipeline on a small cut of its example, and check what it leaves."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import yaml

from steelyard.cli import main as steelyard
from steelyard.core import Example
from steelyard.data.dataset import open_dataset
from steelyard.task import load_task

STRATEGIES = ["majority", "tfidf_linear", "zero_shot", "lora"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=120, help="default: 120")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the run there")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="steelyard-cut-") as name:
        folder = Path(name)
        out = args.keep or folder / "run"
        steelyard(["init", str(folder / "whole"), "--example", "support-tickets"])
        rows = cut(folder / "whole", folder / "task", args.examples)
        code = steelyard(["run", str(folder / "task"), "--out", str(out)])
        if code != 0:
            return code
        check(out, rows)
        if not (out / "winner").is_dir():  # on so few rows "cannot tell" is an honest verdict
            return 0
        return steelyard(["ask", str(out), rows[0].input])


def cut(whole: Path, folder: Path, count: int) -> list[Example]:
    """Write a task with ``count`` of the rows of ``whole``, labels in turn; return the rows."""
    task = load_task(whole)
    rows = in_turn(list(open_dataset(task).usable.examples))[:count]
    folder.mkdir()
    lines = [json.dumps({"input": row.input, "output": row.output}) + "\n" for row in rows]
    (folder / "examples.jsonl").write_text("".join(lines), encoding="utf-8")
    config = task.to_config() | {"examples": "examples.jsonl", "strategies": STRATEGIES}
    for key in ("columns", "constraints", "split"):
        config.pop(key, None)
    (folder / "task.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return rows


def in_turn(rows: list[Example]) -> list[Example]:
    """Order rows so that labels alternate, each label's rows in their own order."""
    by_label: dict[str, list[Example]] = defaultdict(list)
    for row in rows:
        by_label[row.output].append(row)
    ranked = [(place, row) for some in by_label.values() for place, row in enumerate(some)]
    return [row for _, row in sorted(ranked, key=lambda pair: pair[0])]


def check(out: Path, rows: list[Example]) -> None:
    """Exit with what is wrong when the run left less than it promises."""
    result = json.loads((out / "result.json").read_text(encoding="utf-8"))
    tested = result["split"]["test"]
    problems = [
        f"{arm['name']}: {arm['outcomes']} does not add up to {tested}"
        for arm in result["arms"]
        if arm["outcomes"]["scored"] + arm["outcomes"]["failed"] != tested
    ]
    missing = set(STRATEGIES) - {arm["strategy"] for arm in result["arms"]}
    problems += [f"no arm of {name}" for name in sorted(missing)]
    used = sum(result["split"][part] for part in ("train", "dev", "test"))
    problems += [f"{used} of {len(rows)} rows are in the split"] if used > len(rows) else []
    problems += [
        f"no {name}" for name in ("report.html", "run.db", "run.log") if not (out / name).is_file()
    ]
    if problems:
        sys.exit("demo-cut: " + "; ".join(problems))


if __name__ == "__main__":
    sys.exit(main())
