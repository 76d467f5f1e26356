"""A small task with documents, for tests: pumps with their pressures, each on a page of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

PUMPS = tuple(f"P{number}" for number in range(1, 13))
REFUSAL = "Not in the documents"


def pressure(pump: str) -> str:
    return f"{3 + int(pump[1:]) / 10:.1f} bar"


def rows(times: int = 5) -> list[dict[str, Any]]:
    """Questions about every pump in several wordings, and some that no page answers."""
    wordings = [
        "What pressure does pump {} hold?",
        "How many bar for {}?",
        "Pump {}: the pressure?",
        "Which pressure is right for the {}?",
        "At what pressure does {} run?",
    ]
    asked = [
        {
            "input": wording.format(pump),
            "output": pressure(pump),
            "evidence": f"Pump {pump} holds {pressure(pump)}.",
        }
        for wording in wordings[:times]
        for pump in PUMPS
    ]
    unknown = [
        {"input": f"What does pump {pump} cost?", "output": REFUSAL, "answerable": False}
        for pump in PUMPS
    ]
    return [*asked, *unknown]


def write_documents_task(folder: Path, **keys: Any) -> Path:
    """Write documents, examples and task.yaml to ``folder``, with more ``keys``."""
    docs = folder / "docs"
    docs.mkdir(parents=True)
    for pump in PUMPS:
        text = f"# {pump}\n\nPump {pump} holds {pressure(pump)}. It is made of steel.\n"
        (docs / f"{pump}.md").write_text(text, encoding="utf-8")
    lines = [json.dumps(row) + "\n" for row in rows()]
    (folder / "examples.jsonl").write_text("".join(lines), encoding="utf-8")
    task = {
        "name": "pumps",
        "instruction": f"Answer in two words. If the documents do not say it: {REFUSAL}",
        "output": {"kind": "text"},
        "examples": "examples.jsonl",
        "documents": "docs",
        "metric": "exact_match",
        "model": {"provider": "fake", "name": "smart"},
        "consistency": False,
        **keys,
    }
    (folder / "task.yaml").write_text(yaml.safe_dump(task), encoding="utf-8")
    return folder
