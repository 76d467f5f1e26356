"""A tiny task for the tests: made tickets with a vocabulary per label and some noise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

WORDS = {
    "BILLING": "invoice refund charged payment card amount receipt price bill overcharged".split(),
    "TECHNICAL": "crash error screen loading bug slow update install broken freeze".split(),
    "ACCOUNT": "password login email username profile locked delete reset signin verify".split(),
}
FILLER = "please my the was again since yesterday cannot why today help still and with it".split()


def write_task(
    folder: Path,
    *,
    rows: int = 90,
    model: str = "fake:smart",
    strategies: object = ("zero_shot", "few_shot"),
    extra: str = "",
) -> Path:
    """Write ``task.yaml`` and ``examples.jsonl`` to ``folder``; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    labels = list(WORDS)
    lines = []
    for i in range(rows):
        label = labels[i % len(labels)]
        other = labels[int(rng.integers(len(labels)))]
        words = [
            *rng.choice(WORDS[label], 3, replace=False),
            *rng.choice(WORDS[other], 1),
            *rng.choice(FILLER, 5),
            f"case{i}",
        ]
        text = " ".join(str(word) for word in rng.permutation(words))
        row = {"id": f"t{i}", "input": text, "output": label, "slice": ["calm", "angry"][i % 2]}
        lines.append(json.dumps(row))
    (folder / "examples.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "task.yaml").write_text(
        "name: tiny-tickets\n"
        "instruction: Classify the ticket. Answer with the label only.\n"
        f"output: {{kind: label, labels: [{', '.join(labels)}]}}\n"
        "examples: examples.jsonl\n"
        f"model: {json.dumps(model)}\n"
        f"strategies: {json.dumps(strategies)}\n{extra}",
        encoding="utf-8",
    )
    return folder


def arms_of(result: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The arms of a ``result.json`` by their names."""
    return {arm["name"]: arm for arm in result["arms"]}
