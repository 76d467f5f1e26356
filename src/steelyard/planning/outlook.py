"""What a run will ask and cost at most: a line for each strategy and model, and their sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import ROUND_UP, Decimal
from functools import reduce
from operator import add
from typing import Any

from steelyard.core import Usage
from steelyard.economics import Money, to_number
from steelyard.errors import CredentialError
from steelyard.model import ModelSpec, provider_of
from steelyard.model.planned import PlannedModel
from steelyard.model.provider_facts import Pace
from steelyard.planning.detectable import detectable_text
from steelyard.planning.lengths import Lengths
from steelyard.planning.plan import Plan
from steelyard.result import AuditResult
from steelyard.words import counted, listed

_UNDATED = "no date given, so that its age is not known"
_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True)
class PlanLine:
    """One strategy on one model: requests by phase, tokens, money and time, all at most.

    ``per_answer`` is what its arms' answers to one example take. Only an engine that keeps cached tokens
    reads them once. Without ``requests`` the usage is unknown too; other figures that cannot be known in
    advance are ``None``, with the reason in ``note``.
    """

    strategy: str
    model: PlannedModel | None
    arms: tuple[str, ...] = ()
    requests: Mapping[str, int] | None = None
    usage: Usage = field(default_factory=Usage)
    per_answer: Usage = field(default_factory=Usage)
    seconds: float | None = None
    cost: Money = field(default_factory=lambda: Money(None))
    note: str = ""

    @property
    def model_tag(self) -> str | None:
        return None if self.model is None else self.model.tag

    def to_dict(self) -> dict[str, Any]:
        return {
            "strategy": self.strategy,
            "model": None if self.model is None else self.model.spec.name,
            "model_tag": self.model_tag,
            "arms": list(self.arms),
            "requests": None if self.requests is None else dict(self.requests),
            "input_tokens": None if self.requests is None else self.usage.input_tokens,
            "output_tokens": None if self.requests is None else self.usage.output_tokens,
            "trained_tokens": self.usage.trained_tokens,
            "seconds": self.seconds,
            "cost": to_number(self.cost.amount),
            "note": self.note or self.cost.reason,
        }


@dataclass(frozen=True)
class PlanTotal:
    """Lines added up; ``unknown`` names those that a figure is missing of, for any of the figures."""

    requests_by_phase: Mapping[str, int]
    usage: Usage
    seconds: float | None
    cost: Money
    unknown: tuple[str, ...] = ()

    @property
    def requests(self) -> int:
        return sum(self.requests_by_phase.values())

    def to_dict(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "requests_by_phase": dict(self.requests_by_phase),
            "input_tokens": self.usage.input_tokens,
            "output_tokens": self.usage.output_tokens,
            "seconds": self.seconds,
            "cost": to_number(self.cost.amount),
            "currency": self.cost.currency,
            "unknown": list(self.unknown),
            **({"reason": self.cost.reason} if self.cost.reason else {}),
        }


@dataclass(frozen=True)
class Outlook:
    """What a plan asks at most: a line for each strategy and model, and for the winner's re-scoring."""

    plan: Plan
    lines: tuple[PlanLine, ...]
    lengths: Mapping[str, Lengths]
    paces: Mapping[str, Pace]
    audit: AuditResult = field(default_factory=AuditResult)

    def total(self, tag: str | None = None) -> PlanTotal:
        lines = [line for line in self.lines if tag in (None, line.model_tag)]
        return _added(lines, self.plan.model_price.currency)

    @property
    def hosted_cost(self) -> Money:
        """What is paid to endpoints: this is what ``--max-cost`` caps."""
        hosted = [line for line in self.lines if line.model and line.model.paid_by_tokens]
        return _added(hosted, self.plan.model_price.currency).cost

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to know before the run is started: keys that are missing, a cap that may end it."""
        lacking = dict.fromkeys(_lacking(model.spec) for model in self.plan.all_models)
        warnings = [f"{lack}; the run will stop there" for lack in lacking if lack]
        cap, cost = self.plan.options.max_cost, self.hosted_cost
        if cap is not None and cost.amount is not None and cost.amount > cap:
            warnings.append(
                f"--max-cost {cap} may stop the run: it may cost up to {at_most(cost.amount)} "
                f"{cost.currency} for hosted models"
            )
        warnings += [f"the price of {name} is not known: {why}" for name, why in self._unpriced()]
        return tuple(warnings)

    def _unpriced(self) -> Iterator[tuple[str, str]]:
        """The models without a price of tokens, and why."""
        for model in self.plan.all_models:
            price = model.price
            if model.paid_by_tokens and (price.input is None or price.output is None):
                yield model.spec.name, price.source

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the figures rest on: how tokens are counted, how fast models are, what is left out."""
        assumptions = [
            f"{tag}: tokens {lengths.how}; time {self.paces[tag].source}"
            for tag, lengths in self.lengths.items()
        ]
        notes: dict[str, str] = {}
        for line in self.lines:
            if line.model is not None and line.requests is not None and line.note:
                notes.setdefault(line.note, line.strategy.partition("@")[0])
        assumptions += [f"{strategy}: {note}" for note, strategy in notes.items()]
        if self.lengths and self.plan.brief.max_output_tokens is None:
            assumptions.append(
                "answers fit their first limit; a model that reasons, or says more, takes more "
                "(max_output_tokens fixes the limit)"
            )
        assumptions += [
            f"price of {one.name}: {one.price.source}, {one.price.date or _UNDATED}"
            for one in self.plan.priced
            if one.price.date or one.is_given
        ]
        return (*assumptions, "tokens by mean lengths, priced as uncached")

    def to_dict(self) -> dict[str, Any]:
        plan = self.plan
        detectable = plan.detectable
        return {
            "task": plan.task.name,
            "split": {name: len(part) for name, part in plan.split._asdict().items()},
            "models": [
                {
                    "name": model.spec.name,
                    "provider": model.spec.provider,
                    "tag": model.tag,
                    "price": asdict(model.price),
                    "tokens_exact": self.lengths[model.tag].is_exact,
                    "total": self.total(model.tag).to_dict(),
                }
                for model in plan.models
            ],
            "strategies": [line.to_dict() for line in self.lines],
            "left_out": [entry._asdict() for entry in plan.left_out],
            "total": self.total().to_dict(),
            "hosted_cost": to_number(self.hosted_cost.amount),
            "max_cost": to_number(plan.options.max_cost),
            "detectable": {
                "difference": None,
                "reason": detectable_text(None, plan.metrics[0].name),
            }
            if detectable is None
            else asdict(detectable),
            "audit_errors": list(self.audit.errors),
            "notes": [*self.audit.warnings, *plan.notes, *plan.old_prices],
            "warnings": list(self.warnings),
            "assumptions": list(self.assumptions),
        }


def _lacking(spec: ModelSpec) -> str | None:
    """What a hosted model still needs, such as its key; found without asking it."""
    check_key = provider_of(spec).check_key
    if check_key is None:
        return None
    try:
        check_key(spec)
    except CredentialError as error:
        return str(error)
    return None


def _added(lines: Sequence[PlanLine], currency: str) -> PlanTotal:
    forecast = [line for line in lines if line.requests is not None]
    missing = [line.strategy for line in lines if line.requests is None]
    unpriced = [line for line in forecast if line.cost.amount is None]
    untimed = [line for line in forecast if line.seconds is None]
    nothing = Money(Decimal(0), currency)
    cost = reduce(add, [line.cost for line in forecast if line not in unpriced], nothing)
    if unpriced:
        cost = Money(None, currency, unpriced[0].cost.reason)
    phases: Counter[str] = Counter()
    for line in forecast:
        phases.update(line.requests or {})
    return PlanTotal(
        requests_by_phase=phases,
        usage=sum((line.usage for line in forecast), Usage()),
        seconds=None if untimed else sum(line.seconds or 0.0 for line in forecast),
        cost=cost,
        unknown=tuple(missing),
    )


def at_most(amount: Decimal) -> str:
    """An amount as a bound: rounded up, to cents, or below one to a hundredth of a cent."""
    step = Decimal("0.01") if amount >= 1 or amount == 0 else Decimal("0.0001")
    return f"{amount.quantize(step, ROUND_UP):f}"


def short_text(outlook: Outlook) -> list[str]:
    """What a person should know as a run starts: requests, tokens, money and time at most."""
    total, hosted = outlook.total(), outlook.hosted_cost
    if not total.requests and not total.unknown:
        return []
    tokens = f"{total.usage.input_tokens:,} tokens in and {total.usage.output_tokens:,} out"
    clauses = [f"{counted(total.requests, 'request')}, {tokens}"]
    if any(model.paid_by_tokens for model in outlook.plan.all_models):
        clauses.append(
            f"{at_most(hosted.amount)} {hosted.currency}"
            if hosted.amount is not None
            else "price unknown"
        )
    if total.seconds is not None and total.seconds >= 1:
        clauses.append(f"about {_time_text(total.seconds)}")
    text = f"at most {'; '.join(clauses)}"
    if outlook.plan.brief.max_output_tokens is None:
        text += "; more if answers outgrow their first limit (a model that reasons)"
    if total.unknown:
        text += f"; unknown in advance: {listed(total.unknown)}"
    return [text, *(f"note: {warning}" for warning in outlook.warnings)]


def _time_text(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{seconds / _SECONDS_PER_HOUR:.1f} h"
