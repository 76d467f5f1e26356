"""A task whose rows have several labels, weighed from the file to the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steelyard.data.prepare import prepare
from steelyard.data.starter import init_from_file
from steelyard.label_sets import labels_in
from steelyard.strategy.saved import load
from steelyard.task import load_task
from steelyard.weigh import RunResult, run

WORDS = {
    "BILLING": "invoice refund charged payment card".split(),
    "TECHNICAL": "crash error screen loading bug".split(),
    "ACCOUNT": "password login email username profile".split(),
    "URGENT": "now today immediately emergency asap".split(),
}
FILLER = "please my the was again since help still with it".split()
FEW = {"formats": ["system_user"], "dev_items": 10}
STRATEGIES = [
    {"name": "zero_shot", "options": FEW},
    {"name": "few_shot", "options": {**FEW, "k": [1, 2], "sets": 1}},
    {"name": "retrieved_few_shot", "options": {**FEW, "k": [2]}},
    {"name": "chain_of_thought", "options": {**FEW, "k": [1], "variants": "steps"}},
    {"name": "self_consistency", "options": {**FEW, "samples": 3, "over": "few_shot", "k": [1]}},
    {"name": "optimized_prompt", "options": {"budget": 20_000}},
    {"name": "cascade", "options": {"then": {"name": "few_shot", "options": {**FEW, "k": [1]}}}},
]


def written(folder: Path, rows: int = 80) -> Path:
    """A file of tickets with none to three labels each, in any order."""
    rng = np.random.default_rng(5)
    lines = []
    for number in range(rows):
        labels = rng.choice(list(WORDS), rng.choice([0, 1, 1, 2, 2, 3]), replace=False).tolist()
        words = [str(word) for label in labels for word in rng.choice(WORDS[label], 2)]
        words += [str(word) for word in rng.choice(FILLER, 5)]
        text = " ".join([*rng.permutation(words).tolist(), f"case{number}"])
        lines.append(json.dumps({"text": text, "label": labels, "Comments": []}) + "\n")
    file = folder / "tickets.jsonl"
    file.write_text("".join(lines), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def weighed(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    folder = tmp_path_factory.mktemp("sets")
    task = load_task(init_from_file(folder / "task", written(folder)))
    assert (task.output.kind, set(task.output.labels)) == ("labels", set(WORDS))
    task = task.updated(model="fake:smart", strategies=STRATEGIES, consistency=False)
    return run(task, out=folder / "run", seed=3)


def test_every_arm_is_measured_by_set_f1(weighed: RunResult) -> None:
    result = weighed.record
    assert result.task.metric == "set_f1"
    assert result.ended == ()
    names = {arm.name for arm in result.arms}
    assert {"majority", "tfidf_linear", "nearest_neighbour", "cascade"} <= names
    assert {"zero_shot", "zero_shot_free", "few_shot", "few_shot_free"} <= names
    assert {"chain_of_thought", "self_consistency", "optimized_prompt"} <= names
    values = {arm.name: arm.quality.value or 0.0 for arm in result.arms}
    assert values["tfidf_linear"] > 0.8
    assert values["majority"] < min(values["tfidf_linear"], values["retrieved_few_shot"])
    assert all(arm.quality.n == result.split.test for arm in result.arms)


def test_constrained_answers_are_lists_of_the_labels(weighed: RunResult) -> None:
    arms = {arm.name: arm for arm in weighed.record.arms}
    assert arms["zero_shot"].outcomes.failed == arms["few_shot"].outcomes.failed == 0
    loaded = load(weighed.folder / "arms" / "zero_shot")
    assert set(labels_in(loaded.answer("the invoice shows an error"))) <= set(WORDS)
    schema = json.loads(loaded.prompt.recipe.schema)  # type: ignore[attr-defined]
    assert schema["items"]["enum"] == list(loaded.brief.labels)
    assert schema["maxItems"] == 3


def test_labels_are_shown_one_by_one_and_sets_have_no_confusion(weighed: RunResult) -> None:
    result = weighed.record
    assert result.confusion == {}
    scores = {score.label: score for score in result.per_label["tfidf_linear"]}
    assert set(scores) == set(WORDS)
    assert all(score.score is not None and 0 <= score.score <= 1 for score in scores.values())
    parts = result.audit.parts
    assert parts["test"].labels == {label: score.n for label, score in scores.items()}
    assert min((parts["train"].labels or {}).values()) > 0
    page = (weighed.folder / "report.html").read_text(encoding="utf-8")
    assert "by label" in page
    assert ">F1<" in page


def test_the_winner_gives_sets(weighed: RunResult) -> None:
    winner = load(weighed.folder)
    assert labels_in(winner.answer("refund the invoice payment now, emergency today"))


def test_the_order_of_labels_in_the_file_changes_nothing(tmp_path: Path) -> None:
    file = written(tmp_path)
    rows: list[dict[str, Any]] = [json.loads(line) for line in file.read_text().splitlines()]
    first = load_task(init_from_file(tmp_path / "first", file))
    for row in rows:
        row["label"] = [*reversed(row["label"]), *row["label"][:1]]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    second = load_task(init_from_file(tmp_path / "second", file))
    second = second.updated(output=first.to_config()["output"])
    assert prepare(first, seed=1).split == prepare(second, seed=1).split
