"""Arms that end with a reason: what a run does when a model fails, or a strategy cannot be fitted.

Where the only model fails nothing is left to run: its error stops the run, and what was measured is kept.
With several the arm ends, the others continue, and the same run started again tries the ended ones again.
A strategy that cannot be fitted ends alone, and says nothing about its model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from steelyard.errors import EndpointError, FitError, MissingExtraError, ModelError, SteelyardError
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
    _unfit: set[str] = field(default_factory=set)

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
        """End the arm, or the job where it has none yet, when its model or its fitting fails inside.

        Where the only model fails the error is raised.
        """
        try:
            yield
        except FitError as error:
            self._unfit.add(self._end(job, arm, error))
        except (ModelError, MissingExtraError) as error:
            if len(self.plan.models) == 1 or job.model is None:
                raise
            self._fail(job, self._end(job, arm, error), error)
        else:
            if job.tag:
                self._failures.pop(job.tag, None)

    def _end(self, job: Job, arm: str | None, error: SteelyardError) -> str:
        """Note and say that an arm ends; returns why."""
        reason = " ".join(str(error).split())
        self._note(job, arm, "measure" if arm else "fit", reason)
        self.display.say(f"ended: {arm or job.key}: {reason}")
        return reason

    def _fail(self, job: Job, reason: str, error: SteelyardError) -> None:
        """Count the failure of a job's model, which may be its last."""
        if not job.tag:
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
        """Stop where everything that asks a model ended, ``measured`` being 0: raises `ModelError`."""
        asked = {job.key for job in self.plan.jobs if job.model is not None}
        if measured or not asked or not asked <= {arm.strategy for arm in self.ended}:
            return
        if len(self.plan.models) == 1:
            raise ModelError("; ".join(dict.fromkeys(arm.reason for arm in self.ended)))
        reasons: dict[str, str] = {}
        for arm in self.ended:
            reasons.setdefault(arm.model_tag, arm.reason)
        parts = "; ".join(f"{tag}: {reason}" for tag, reason in reasons.items())
        raise ModelError(f"none of the models could be measured: {parts}")

    def warnings(self) -> tuple[str, ...]:
        """A line for each model that failed and each strategy not fitted: what is missing, and why."""
        failed: dict[str, str] = {}
        names: dict[tuple[str, str], list[str]] = {}
        for arm in self.ended:
            reason = arm.reason
            if reason not in self._unfit:
                reason = failed.setdefault(arm.model_tag, reason)
            names.setdefault((arm.model_tag, reason), []).append(arm.arm or arm.strategy)
        return tuple(
            f"Could not measure {listed(list(dict.fromkeys(some)))} on {tag}: {reason}{self._go_on(reason)}"
            for (tag, reason), some in names.items()
        )

    def _go_on(self, reason: str) -> str:
        """What to do next, where the reason does not say it."""
        return "" if reason in self._unfit or "run again" in reason else "; run again to resume"


def _is_final(error: SteelyardError) -> bool:
    """Whether trying again says the same: a wrong key, an unknown model, a missing package.

    An endpoint that failed for a while may be back; of a model on this machine one training may
    fail where another strategy does not.
    """
    return isinstance(error, MissingExtraError) or (
        isinstance(error, EndpointError) and error.is_final
    )
