"""Finished runs made from scores, as they would be read from their folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from steelyard.changes import FinishedRun
from steelyard.core import Answer, Completion, Record
from steelyard.result import ArmResult, Result
from steelyard.result.arm import Outcomes
from steelyard.result.figures import Quality
from steelyard.result.run import StoppedArm, TaskResult, UnmeasuredArm
from steelyard.result.verdict import VerdictResult
from steelyard.weigh.items import ItemFacts

ACCURACY: Mapping[str, Any] = {"name": "accuracy", "options": {}}


def made_run(
    name: str,
    scores: Mapping[str, Sequence[float]],
    *,
    arm: str | None = None,
    ids: Sequence[str] | None = None,
    digests: Sequence[str] | None = None,
    clusters: Sequence[int | None] | None = None,
    metric: Mapping[str, Any] = ACCURACY,
    kind: str = "label",
    replayed: Mapping[str, int] | None = None,
    instruction: str = "Classify.",
    stopped: Sequence[StoppedArm] = (),
    ended: Sequence[UnmeasuredArm] = (),
) -> FinishedRun:
    """Return a run whose arms have these item scores; ``arm`` is recommended, or else the best one.

    An item's answer is its score, so that equal scores are equal answers. Ids are numbers.
    """
    first = next(iter(scores.values()))
    ids = [str(at) for at in range(len(first))] if ids is None else ids
    clusters = [None] * len(ids) if clusters is None else clusters
    facts = zip(ids if digests is None else digests, clusters, strict=True)
    best = max(scores, key=lambda one: float(np.mean(scores[one])))
    return FinishedRun(
        folder=Path(name),
        result=Result(
            task=TaskResult(
                name="t", kind=kind, metric=str(metric["name"]), instruction=instruction
            ),
            arms=tuple(_arm(one, values, str(metric["name"])) for one, values in scores.items()),
            verdict=VerdictResult(
                recommendation="prompt", arm=best if arm is None else arm, confidence="high"
            ),
            stopped=tuple(stopped),
            ended=tuple(ended),
        ),
        identity={"metric": [dict(metric)], "strategies": {}},
        items={one: ItemFacts(*fact) for one, fact in zip(ids, facts, strict=True)},
        records={
            one: {
                example: _record(one, example, value, str(metric["name"]))
                for example, value in zip(ids, values, strict=True)
            }
            for one, values in scores.items()
        },
        replayed={one: (replayed or {}).get(one, 0) for one in scores},
    )


def _arm(name: str, scores: Sequence[float], metric: str) -> ArmResult:
    value = float(np.mean(scores))
    quality = Quality(
        metric=metric, value=value, low=max(0, value - 0.1), high=min(1, value + 0.1), n=len(scores)
    )
    return ArmResult(name=name, quality=quality, outcomes=Outcomes(scored=len(scores), failed=0))


def _record(arm: str, example: str, score: float, metric: str) -> Record:
    text = f"{score:g}"
    answer = Answer(text, Completion(text, "stop"))
    return Record(arm, example, "scored", float(score), "1", answer, {metric: float(score)})
