"""What a sum leaves out, and the point at which each of these things alone turns the choice.

Each is put on the sheets of the cheapest way and its rival, with all else as it is, and the totals over the
horizon are asked which is the cheaper. Example prices come from ``economics/data/examples.yaml`` and never
enter the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

from steelyard.calculator.prices import examples
from steelyard.calculator.records import Omission
from steelyard.calculator.rivals import Rivals
from steelyard.calculator.tuned_prices import AMOUNTS, hosting, multiplier, output_tokens
from steelyard.core import Price
from steelyard.economics.crossings import break_evens
from steelyard.economics.money import Money
from steelyard.economics.sheet import RETRAINING, EndOfLife, Recurring, TokenUse
from steelyard.economics.turning import most_turned


def left_out(rivals: Rivals) -> tuple[Omission, ...]:
    """Everything that the user gave nothing for and that could turn the choice."""
    kinds = (output_tokens, multiplier, hosting, _caching, _retraining, _end, _upfront, _quality)
    return tuple(omission for kind in kinds for omission in kind(rivals))


def _caching(rivals: Rivals) -> Iterator[Omission]:
    """The longer prompt's extra tokens repeat, so they are what a cache serves."""
    ways = (rivals.best_way, rivals.next_way)
    if any(way.cached_share is not None for way in ways) or rivals.saving <= 0:
        return
    if not rivals.next.tokens:
        return
    if not rivals.best.tokens:
        yield from _caching_of_any(rivals)
        return
    use = rivals.next.tokens[0]
    extra = use.input - rivals.best.tokens[0].input
    if extra <= 0 or not use.price.input:
        return
    price, source = _cached_price(use, rivals)
    share = (price.cached or Decimal(0)) / use.price.input
    cached = replace(use, price=price, cached_share=extra / use.input)
    paid = replace(rivals, next=replace(rivals.next, tokens=(cached,)))
    volumes, values = paid.volumes()
    text = (
        f"caching: of the {use.input:,f} input tokens of {rivals.next.name}, the {extra:,f} more than those "
        f"of {rivals.best.name} are the part that repeats; with these read from a cache at "
        f"{float(100 * share):.3g} % of the price ({source}), a month of {rivals.best.name} costs "
        f"{_less_or_more(paid)}, and {paid.outcome()}; {volumes}"
    )
    least = examples()["cached_least"]
    if use.input < least["tokens"]:
        text += (
            f"; most providers cache from {least['tokens']:,} tokens on, and {use.input:,f} are fewer "
            f"({rivals.seen_on(least)})"
        )
    yield Omission("caching", text, {**values, "month_saving": float(paid.month_saving)})


def _caching_of_any(rivals: Rivals) -> Iterator[Omission]:
    """Beside a way without tokens nothing says what of the prompt repeats: the share that turns it."""
    use = rivals.next.tokens[0]
    price, source = _cached_price(use, rivals)
    if not use.input or not use.price.input:
        return
    cheaper = (price.cached or Decimal(0)) / use.price.input

    def cached(share: Decimal) -> Rivals:
        tokens = (replace(use, price=price, cached_share=share),)
        return replace(rivals, next=replace(rivals.next, tokens=tokens))

    spans = rivals.turned(cached, (Decimal(0), Decimal(1)))
    text = (
        f"caching: of the {use.input:,f} input tokens of {rivals.next.name} none is counted as read from a "
        f"cache, at {float(100 * cheaper):.3g} % of the price ({source}); "
    )
    if not spans:
        text += f"with all of them {cached(Decimal(1)).outcome()}"
        yield Omission("caching", text, {"saving": float(cached(Decimal(1)).saving)})
        return
    text += f"from {100 * spans[0].above:.3g} % of them on {rivals.next.name} is the cheaper {rivals.span}"
    yield Omission("caching", text, {"cached_share": float(spans[0].above)})


def _cached_price(use: TokenUse, rivals: Rivals) -> tuple[Price, str]:
    if use.price.cached is not None:
        return use.price, f"that of {rivals.next_way.model}"
    terms = examples()["cached"]["anthropic"]
    cached = (use.price.input or Decimal(0)) * Decimal(str(terms["share"]))
    return replace(use.price, cached=cached), f"seen at Anthropic, {rivals.seen_on(terms)}"


def _less_or_more(rivals: Rivals) -> str:
    month = rivals.month_saving
    return f"{rivals.money(abs(month))} {'less' if month >= 0 else 'more'}"


def _retraining(rivals: Rivals) -> Iterator[Omission]:
    again = rivals.again
    has_training = "training" in rivals.best.upfront
    if not rivals.is_tuned or rivals.is_retrained or rivals.saving <= 0:
        return
    if not has_training or not again:
        return
    cost = Money(again, rivals.best.currency)

    def every(days: int) -> Rivals:
        recurring = (*rivals.best.recurring, Recurring(RETRAINING, Decimal(days), cost))
        return replace(rivals, best=replace(rivals.best, recurring=recurring))

    most = rivals.traffic.horizon_days - 1
    often = most_turned(lambda number: every(number).is_turned(), most) if most else None
    values: dict[str, float] = {}
    text = f"retraining: at {rivals.money(again)} each time, "
    days = examples()["retraining"]["days"]
    if days <= most:
        volumes, turns = every(days).volumes()
        values |= turns
        text += f"with one every {days} days {every(days).outcome()}; {volumes}; "
    text += f"at this volume {_how_often(rivals, often)}"
    if often is not None:
        values["days"] = often
    yield Omission("retraining", text, values)


def _how_often(rivals: Rivals, days: int | None) -> str:
    """How often tuning again turns the choice; ``days`` is the longest interval that does."""
    if days is None:
        return "not even every day turns it"
    if days == rivals.traffic.horizon_days - 1:
        return f"a single one {rivals.span} turns it"
    return f"every {days:,} days or more often turns it" if days > 1 else "only every day turns it"


def _end(rivals: Rivals) -> Iterator[Omission]:
    """How long the best must live, and whether building it anew turns the choice."""
    if not rivals.is_tuned or rivals.best_way.ends is not None:
        return
    evens = break_evens(rivals.best, rivals.next, rivals.traffic)
    mine = [point.day for point in evens.crossings if point.cheaper == rivals.best.name]
    if not mine:
        return
    name, days = rivals.best.name, {"days": mine[0], "days_for_good": mine[-1]}
    text = f"end of life: {name} must live {mine[0]:,.2f} days to pay for itself"
    if evens.start == name:
        text = f"end of life: {name} is ahead at first and falls behind"
        del days["days"]
    elif len(evens.crossings) == 1:
        del days["days_for_good"]
    else:
        text += " and falls behind again"
    values = {key: float(day) for key, day in days.items()}
    if "days_for_good" in days and evens.crossings[-1].cheaper == name:
        text += f"; it is ahead for good {rivals.span} from day {mine[-1]:,.2f} on"
    if rivals.again and not rivals.is_retrained and rivals.traffic.horizon_days > 1:
        end = EndOfLife(1, Money(rivals.again, rivals.best.currency))
        built = replace(rivals, best=replace(rivals.best, end=end))
        values["saving_with_rebuild"] = float(built.saving)
        text += f"; with one rebuild at {rivals.money(rivals.again)}, {built.outcome()}"
    yield Omission("end of life", f"{text}; give ends in a file to count one", values)


def _upfront(rivals: Rivals) -> Iterator[Omission]:
    missing = [
        kind for kind in rivals.best.not_counted if kind in ("labels", "hours", "evaluation")
    ]
    if not missing or rivals.saving <= 0 or not rivals.is_tuned:
        return
    text = (
        f"{', '.join(missing)}: not counted; more than {rivals.money(rivals.saving)} in all {rivals.span} "
        "turns it"
    )
    yield Omission("upfront", text, {"amount": float(rivals.saving)})


def _quality(rivals: Rivals) -> Iterator[Omission]:
    if rivals.config.error_cost is not None or rivals.saving <= 0:
        return
    spans = rivals.turned(_wrong_once_more(rivals), AMOUNTS)
    if not spans:
        return
    text = (
        f"quality: if {rivals.best.name} is wrong once more in 100 answers than {rivals.next.name}, it stays "
        f"cheaper as long as an error costs less than {rivals.money(spans[0].above)}"
    )
    yield Omission("quality", text, {"error_cost": float(spans[0].above)})


def _wrong_once_more(rivals: Rivals) -> Callable[[Decimal], Rivals]:
    def costing(error: Decimal) -> Rivals:
        cost = Money(error, rivals.best.currency)
        return replace(rivals, best=replace(rivals.best, error_cost=cost, quality=Decimal("0.99")))

    return costing
