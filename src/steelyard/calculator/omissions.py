"""What a sum leaves out, and the point at which each of these things alone turns the choice.

Each is held against the cheapest way and its rival, with all else as it is. Example prices come from
``economics/data/examples.yaml`` and never enter the sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Decimal

from steelyard.calculator.prices import examples
from steelyard.calculator.records import Omission
from steelyard.calculator.sections import CostConfig, WayConfig
from steelyard.calculator.show import count, money
from steelyard.economics.course import cost_over_time
from steelyard.economics.crossings import volume_turns
from steelyard.economics.money import DAYS_PER_MONTH
from steelyard.economics.sheet import CostSheet, HostedTune, Recurring, Traffic
from steelyard.words import counted

_OF_EXAMPLES = "USD"
"""The currency of all that vendors were seen to charge."""


@dataclass(frozen=True)
class Rivals:
    """The cheapest way, ``best``, and the ``next``, each with what the user wrote of it.

    Where one is tuned and others are not, one of either kind.
    """

    best: CostSheet
    best_way: WayConfig
    next: CostSheet
    next_way: WayConfig
    traffic: Traffic
    config: CostConfig

    @property
    def saving_per_request(self) -> Decimal:
        return (self.next.per_request.amount or Decimal(0)) - (
            self.best.per_request.amount or Decimal(0)
        )

    @property
    def saving(self) -> Decimal:
        """By which the best is cheaper over the horizon."""
        totals = [cost_over_time(s, self.traffic).total.amount for s in (self.next, self.best)]
        return (totals[0] or Decimal(0)) - (totals[1] or Decimal(0))

    @property
    def upfront(self) -> Decimal:
        """By which the best costs more before the first request."""
        sums = [
            sum(m.amount or Decimal(0) for m in s.upfront.values()) for s in (self.best, self.next)
        ]
        return Decimal(sums[0]) - Decimal(sums[1])

    def money(self, amount: Decimal) -> str:
        return money(amount, self.best.currency)


def left_out(rivals: Rivals) -> tuple[Omission, ...]:
    """Everything that the user gave nothing for and that could turn the choice."""
    kinds = (_output_tokens, _multiplier, _hosting, _caching, _retraining, _end, _upfront, _quality)
    return tuple(omission for kind in kinds for omission in kind(rivals))


def _is_tuned(rivals: Rivals) -> bool:
    return rivals.best_way.is_tuned and not rivals.next_way.is_tuned


def _output_tokens(rivals: Rivals) -> Iterator[Omission]:
    """Both ways write as much; a tuned model's output costs its multiplier."""
    ways = (rivals.best_way, rivals.next_way)
    by_token = rivals.best.tokens and rivals.next.tokens
    if not _is_tuned(rivals) or not by_token or any(w.output_tokens is not None for w in ways):
        return
    long, short = (way.input_tokens or Decimal(0) for way in reversed(ways))
    limits: dict[str, float] = {}
    parts, free = [], []
    for name, terms in examples()["multipliers"].items():
        at = _dearer_above(terms, long, short)
        if at is None:
            free.append(name)
            continue
        limits[name] = float(at)
        both = f"{terms['input']}x" if terms["input"] == terms["output"] else ""
        parts.append(f"{at:,} ({name}: {both or '{input}x in, {output}x out'.format(**terms)})")
    text = (
        "output tokens: tuned ones cost the multiplier too; a tuned request is dearer than one of "
        f"{rivals.next.name} above {', '.join(parts)} output tokens; never where tuned tokens cost what the "
        f"base's do ({', '.join(free)})"
    )
    yield Omission("output tokens", text, limits)


def _dearer_above(terms: dict[str, float], long: Decimal, short: Decimal) -> Decimal | None:
    """Output tokens above which a tuned request with a short prompt is dearer; ``None`` for never."""
    tuned_in, tuned_out = Decimal(str(terms["input"])), Decimal(str(terms["output"]))
    if tuned_out <= 1:
        return None
    room = (long - short * tuned_in) * Decimal(str(terms["base_input"]))
    extra = (tuned_out - 1) * Decimal(str(terms["base_output"]))
    return max(Decimal(0), (room / extra).to_integral_value(ROUND_FLOOR))


def _multiplier(rivals: Rivals) -> Iterator[Omission]:
    """The price of a tuned token over its base's at which a request costs as much as the other's."""
    if not _is_tuned(rivals) or rivals.best_way.multiplier is not None:
        return
    tokens = sum((use.per_request.amount or Decimal(0) for use in rivals.best.tokens), Decimal(0))
    if not tokens or rivals.saving_per_request <= 0:
        return
    at = 1 + rivals.saving_per_request / tokens
    examples_text = ", ".join(
        f"{t['input']}x {name}" for name, t in examples()["multipliers"].items()
    )
    text = (
        f"tuned multiplier: tuned tokens are counted at the base's price; above {at:.3g} times that, a "
        f"request saves nothing (seen: {examples_text})"
    )
    yield Omission("tuned multiplier", text, {"multiplier": float(at)})


def _hosting(rivals: Rivals) -> Iterator[Omission]:
    """Held against what requests save, without what was paid upfront."""
    hosted = rivals.best.hosted or HostedTune()
    is_hosted = rivals.best.machine is not None or hosted.hosting_hour is not None
    if not _is_tuned(rivals) or is_hosted or rivals.saving_per_request <= 0:
        return
    terms, today = examples()["hosting"]["azure"], examples()["today"]
    hour = Decimal(str(terms["hour"]))
    seen = f"{money(hour, _OF_EXAMPLES)} an hour ({terms['source'].split()[0]}, {terms['date']})"
    if rivals.best.currency != _OF_EXAMPLES:  # no rate of exchange is known
        most = rivals.saving_per_request * rivals.traffic.requests_per_day / 24
        text = f"hosting: above {rivals.money(most)} an hour it takes all that requests save; seen: {seen}"
        yield Omission("hosting", text, {"hosting_hour": float(most)})
        return
    at = 24 * hour / rivals.saving_per_request
    values = {"requests_per_day": float(at)}
    text = f"hosting: at {seen} it takes more than {count(at)} requests a day to be worth its hours"
    if at > rivals.traffic.requests_per_day:
        text += f", and there are {count(rivals.traffic.requests_per_day)}"
    tokens = _saved_tokens(rivals)
    if tokens > 0 and rivals.next_way.model in rivals.config.prices:  # the book's is today's
        now = Decimal(str(today["input"]))
        at_now = 24 * hour * 1_000_000 / (tokens * now)
        values["requests_per_day_at_todays_price"] = float(at_now)
        text += (
            f"; at the {rivals.money(now)} per million input tokens of {today['model']} ({today['date']}, "
            f"uncached), {count(at_now)}"
        )
    yield Omission("hosting", text, values)


def _saved_tokens(rivals: Rivals) -> Decimal:
    return (rivals.next_way.input_tokens or Decimal(0)) - (
        rivals.best_way.input_tokens or Decimal(0)
    )


def _caching(rivals: Rivals) -> Iterator[Omission]:
    """The longer prompt's extra tokens repeat, so they are what a cache serves."""
    ways, saved = (rivals.best_way, rivals.next_way), _saved_tokens(rivals)
    if any(way.cached_share is not None for way in ways) or saved <= 0 or not rivals.next.tokens:
        return
    terms = examples()["cached"]["anthropic"]
    use = rivals.next.tokens[0]
    price, source = use.price, "its price"
    if price.cached is None:
        source = str(terms["date"])
        price = replace(price, cached=(price.input or 0) * Decimal(str(terms["share"])))
    share = (price.cached or 0) / price.input if price.input else Decimal(0)
    cached = replace(use, price=price, cached_share=saved / use.input)
    rival = replace(rivals.next, tokens=(cached,))
    month = (
        (rival.per_request.amount or Decimal(0)) - (rivals.best.per_request.amount or Decimal(0))
    ) * (rivals.traffic.requests_per_day * DAYS_PER_MONTH)
    text = (
        f"caching: the {saved:,f} input tokens that are saved are the part that repeats; read from a cache "
        f"at {share:.2g} of the price ({source}), "
    )
    at = _pays_above(rivals.best, rival, rivals.traffic)
    if month <= 0:
        text += "they save nothing any more"
    else:
        text += f"they save {rivals.money(month)} a month"
    values = {}
    if at is not None:
        values["requests_per_day"] = at
        text += f", and {rivals.next.name} is cheaper below {count(at)} requests a day"
    least = examples()["cached_least"]
    if use.input < least["tokens"]:
        text += (
            f"; most providers cache from {least['tokens']:,} tokens on, and {use.input:,f} are fewer "
            f"({least['date']})"
        )
    yield Omission("caching", text, values)


def _retraining(rivals: Rivals) -> Iterator[Omission]:
    training = rivals.best.upfront.get("training")
    if not _is_tuned(rivals) or rivals.best.recurring or training is None or not training.amount:
        return
    days = examples()["retraining"]["days"]
    again = Recurring("retraining", Decimal(days), training)
    best = replace(rivals.best, recurring=(again,))
    text = f"retraining: every {days} days at {rivals.money(training.amount)}"
    at = _pays_above(best, rivals.next, rivals.traffic)
    values: dict[str, float] = {}
    if at is not None:
        values["requests_per_day"] = at
        text += f" tuning pays only above {count(at)} requests a day"
    daily = rivals.saving_per_request * rivals.traffic.requests_per_day
    if daily > 0:
        every = training.amount / daily
        values["days"] = float(every)
        text += f"; at this volume it takes retraining every {every:,.1f} days to turn it"
    yield Omission("retraining", text, values)


def _end(rivals: Rivals) -> Iterator[Omission]:
    daily = rivals.saving_per_request * rivals.traffic.requests_per_day
    if (
        not _is_tuned(rivals)
        or rivals.best_way.ends is not None
        or daily <= 0
        or rivals.upfront <= 0
    ):
        return
    days = rivals.upfront / daily
    text = (
        f"end of life: the tuned model must live {days:,.1f} days to pay for itself; give ends to count a "
        "rebuild"
    )
    yield Omission("end of life", text, {"days": float(days)})


def _upfront(rivals: Rivals) -> Iterator[Omission]:
    missing = [
        kind for kind in rivals.best.not_counted if kind in ("labels", "hours", "evaluation")
    ]
    if not missing or rivals.saving <= 0 or not _is_tuned(rivals):
        return
    text = (
        f"{', '.join(missing)}: not counted; more than {rivals.money(rivals.saving)} in all over "
        f"{counted(rivals.traffic.horizon_days, 'day')} turns it"
    )
    yield Omission("upfront", text, {"amount": float(rivals.saving)})


def _quality(rivals: Rivals) -> Iterator[Omission]:
    if rivals.config.error_cost is not None or rivals.saving <= 0:
        return
    requests = sum(
        rivals.traffic.rate(m) * rivals.traffic.days_in(m) for m in range(rivals.traffic.months)
    )
    price = 100 * rivals.saving / requests
    text = (
        f"quality: if {rivals.best.name} is wrong once more in 100 answers, it stays cheaper as long as an "
        f"error costs less than {rivals.money(price)}"
    )
    yield Omission("quality", text, {"error_cost": float(price)})


def _pays_above(best: CostSheet, rival: CostSheet, traffic: Traffic) -> float | None:
    """The highest volume at which ``best`` becomes the cheaper of the two; ``None`` where none does."""
    turns = volume_turns(best, rival, traffic).turns
    mine = [turn.requests_per_day for turn in turns if turn.cheaper == best.name]
    return mine[-1] if mine else None
