"""Arms that end with a reason: what a run does when one of its models fails.

With one model nothing is left to run: its error stops the run, and what was measured is kept.
With several the arm ends, the others continue, and the same run started again tries the ended ones again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from steelyard.errors import EndpointError, MissingExtraError, ModelError, SteelyardError
from steelyard.model.planned import PlannedModel
from steelyard.planning.jobs import EndedArm, Job
from steelyard.planning.plan import Plan
from steelyard.progress import Display
from steelyard.strategy import build_strategy
from steelyard.words import listed

_TRIES = 2
"""A model is given up after so many failures in a row, or after one that is final."""


@dataclass
class FailedArms:
    """What has ended so far in one run."""

    plan: Plan
    display: Display
    ended: list[EndedArm] = field(default_factory=list)
    _failures: Counter[str] = field(default_factory=Counter)
    _given_up: dict[str, str] = field(default_factory=dict)

    def skips(self, job: Job, arm: str | None = None) -> bool:
        """Whether a job is skipped because its model has failed before; notes what ends for it."""
        tags = [model.tag for model in self._models(job) if model.tag in self._given_up]
        if not tags or job in self.plan.kept:  # what was measured before asks nothing
            return False
        reason = f"not tried: {tags[0]} had already failed ({self._given_up[tags[0]]})"
        self._note(job, arm, "skipped", reason)
        return True

    @contextmanager
    def catching(self, job: Job, arm: str | None = None) -> Iterator[None]:
        """End the arm, or the job where it has none yet, when its model fails inside.

        With one model the error is raised.
        """
        try:
            yield
        except (ModelError, MissingExtraError) as error:
            if len(self.plan.models) == 1 or job.model is None:
                raise
            self._end(job, arm, error)
        else:
            if job.tag:
                self._failures.pop(job.tag, None)

    def _end(self, job: Job, arm: str | None, error: SteelyardError) -> None:
        reason = " ".join(str(error).split())
        self._note(job, arm, "measure" if arm else "fit", reason)
        self.display.say(f"ended: {arm or job.key}: {reason}")
        if job.model is None or not job.tag:
            return
        self._failures[job.tag] += 1
        if self._failures[job.tag] >= _TRIES or _is_final(error):
            self._given_up[job.tag] = reason
            self.display.say(f"giving up on {job.tag} for this run; other models continue")

    def _note(self, job: Job, arm: str | None, phase: str, reason: str) -> None:
        models = self._models(job)
        names = " + ".join(model.spec.name for model in models)
        tags = " + ".join(model.tag for model in models)
        self.ended.append(EndedArm(job.key, arm, names, tags, phase, reason))

    def _models(self, job: Job) -> Sequence[PlannedModel]:
        """The models that a job asks; one that spans models says itself which."""
        if job.model is None:
            return ()
        if job.tag:
            return (job.model,)
        return build_strategy(job.strategy).models_asked(self.plan.brief, self.plan.models)

    def check_measured(self, measured: int) -> None:
        """Stop where every model ended and nothing was ``measured`` with any: raises `ModelError`."""
        tags = {job.tag for job in self.plan.jobs if job.tag}
        if measured or not tags or not tags <= {arm.model_tag for arm in self.ended}:
            return
        reasons = "; ".join(f"{tag}: {reason}" for tag, reason in self._first_reasons().items())
        raise ModelError(f"none of the models could be measured: {reasons}")

    def _first_reasons(self) -> dict[str, str]:
        reasons: dict[str, str] = {}
        for arm in self.ended:
            reasons.setdefault(arm.model_tag, arm.reason)
        return reasons

    def warnings(self) -> tuple[str, ...]:
        """One line for each model that ended: which arms are missing, and why."""
        return tuple(
            f"Could not measure {listed(self._named(tag))} on {tag}: {reason}{_go_on(reason)}"
            for tag, reason in self._first_reasons().items()
        )

    def _named(self, tag: str) -> list[str]:
        names = [arm.arm or arm.strategy for arm in self.ended if arm.model_tag == tag]
        return list(dict.fromkeys(names))


def _go_on(reason: str) -> str:
    """What to do next, where the reason does not say it."""
    return "" if "run again" in reason else "; run again to resume"


def _is_final(error: SteelyardError) -> bool:
    """Whether trying again says the same: a wrong key, an unknown model, a missing package.

    An endpoint that failed for a while may be back; of a model on this machine one training may
    fail where another strategy does not.
    """
    return isinstance(error, MissingExtraError) or (
        isinstance(error, EndpointError) and error.is_final
    )
