"""The recommended arm goes to ``winner/`` if, loaded again, it answers as it was measured."""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Sequence
from pathlib import Path

from steelyard.core import Record
from steelyard.errors import EndpointError
from steelyard.files import read_json
from steelyard.planning.probes import RESCORE_EXAMPLES, RESCORE_WHOLE_BELOW
from steelyard.result.verdict import Winner
from steelyard.score import compare_records
from steelyard.seeds import generator
from steelyard.store.folder import remove_folder, replace_folder
from steelyard.strategy import Arm, load_arm
from steelyard.weigh.arms import MeasuredArm
from steelyard.weigh.measure import to_records
from steelyard.weigh.repeats import meaning
from steelyard.weigh.steps import RunSteps

log = logging.getLogger("steelyard")

RESCORE_TOLERANCE = 0.05
"""The share of a local model's answers that may differ, as they are computed in other batches."""
RESCORE_LEVEL = 0.01
"""Where answers vary: a p-value below this says that the score is not the measured one."""


def promote_recommended(steps: RunSteps, arms: Sequence[MeasuredArm], name: str | None) -> Winner:
    """Put the arm that the verdict recommends to ``winner/``, or say why it is not there.

    With several models an arm whose model cannot be asked again does not stop the run.
    """
    if name is None:
        remove_folder(steps.folder / "winner")
        return Winner(reason="the verdict recommends no arm")
    records = next(measured.records for measured in arms if measured.arm.name == name)
    try:
        return promote(steps, name, records)
    except EndpointError as error:
        if len(steps.plan.models) == 1:
            raise
        remove_folder(steps.folder / "winner")
        reason = f"{name} was not saved to winner/: it could not be asked again: {error}"
        return Winner(arm=name, reason=reason)


def promote(steps: RunSteps, name: str, records: Sequence[Record]) -> Winner:
    """Copy the arm to ``winner/`` if the copy, loaded again, answers as measured."""
    place, fresh = steps.folder / "winner", steps.folder / ".winner.part"
    earlier = steps.store.step(f"promote:{name}", {"promoted": bool})
    if earlier is not None and earlier["promoted"] and _arm_in(place) == name:
        return Winner.model_validate(earlier)
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(steps.folder / "arms" / name, fresh)
    report = _rescore(steps, load_arm(fresh, steps.build_model), records)
    if report.promoted:
        replace_folder(fresh, place)
    else:
        shutil.rmtree(fresh)
        shutil.rmtree(place, ignore_errors=True)
        log.warning("%s", report.reason)
    steps.store.finish_step(f"promote:{name}", report.to_dict(), 0.0)
    return report


def _rescore(steps: RunSteps, arm: Arm, records: Sequence[Record]) -> Winner:
    few = len(records) <= RESCORE_WHOLE_BELOW
    whole = arm.model_name is None or (few and steps.is_local(arm))
    indices = _sample(steps, len(records), whole)
    examples = [steps.plan.split.test[i] for i in indices]
    answers = steps.answer(arm, examples, "rescore", "rescore")
    local, before = steps.is_local(arm), [records[i] for i in indices]
    different = sum(
        _differs(arm, answer.output, record.answer.output, to_the_letter=local)
        for answer, record in zip(answers, before, strict=True)
    )
    report = Winner(arm=arm.name, n=len(indices), different=different)
    # Sampled answers are others each time, and so, at any temperature, may be a hosted model's
    # words: only how good they are can be held.
    if arm.is_sampled or (different and not local):
        again = to_records(arm.name, examples, answers, steps.metrics[:1])
        return _as_good(steps, report, again, before)
    allowed = 0 if whole else math.ceil(RESCORE_TOLERANCE * len(indices))
    if different <= allowed:
        return report.updated(promoted=True)
    reason = (
        f"{arm.name} was not saved to winner/: reloaded, it gave a different answer on {different} "
        f"of {len(indices)} test examples"
    )
    return report.updated(reason=reason)


def _differs(arm: Arm, new: str | None, old: str | None, *, to_the_letter: bool) -> bool:
    if to_the_letter or new is None or old is None:
        return new != old
    return meaning(arm.brief, new) != meaning(arm.brief, old)


def _as_good(
    steps: RunSteps, report: Winner, again: Sequence[Record], before: Sequence[Record]
) -> Winner:
    """Whether new answers score as the measured ones did, by a paired test at `RESCORE_LEVEL`.

    Without clusters: an arm that answers as before may be swapped with itself on every example alone.
    """
    comparison = compare_records(
        steps.metrics[0], again, before, generator(steps.plan.seed, "rescore:paired")
    )
    difference, p_value = comparison.difference, comparison.p_value
    if p_value >= RESCORE_LEVEL:
        return report.updated(promoted=True, difference=difference, p_value=p_value)
    reason = (
        f"{again[0].arm} was not saved to winner/: reloaded, it scores {difference:+.2f} "
        f"on the same {len(before)} test examples (p = {p_value:.2g})"
    )
    return report.updated(difference=difference, reason=reason)


def _sample(steps: RunSteps, size: int, whole: bool) -> list[int]:
    if whole or size <= RESCORE_EXAMPLES:
        return list(range(size))
    drawn = generator(steps.plan.seed, "rescore").permutation(size)[:RESCORE_EXAMPLES]
    return sorted(int(index) for index in drawn)


def _arm_in(folder: Path) -> str | None:
    """Return the name of the arm saved in ``folder``, if there is one."""
    try:
        return str(read_json(folder / "arm.json")["name"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
