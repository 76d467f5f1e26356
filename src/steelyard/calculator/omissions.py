"""What a sum leaves out, and the point at which each of these things alone turns the choice.

Each is put on the sheets of the cheapest way and its rival, with all else as it is, and the totals over the
horizon are asked which is the cheaper. Example prices come from ``economics/data/examples.yaml`` and never
enter the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal

from steelyard.calculator.prices import examples
from steelyard.calculator.records import Omission
from steelyard.calculator.rivals import Rivals, spans_text
from steelyard.calculator.show import count, money
from steelyard.core import Price
from steelyard.economics.crossings import break_evens
from steelyard.economics.money import Money
from steelyard.economics.sheet import RETRAINING, CostSheet, EndOfLife, Recurring, TokenUse
from steelyard.economics.turning import most_turned, turned_at
from steelyard.words import counted

_OF_EXAMPLES = "USD"
"""The currency of all that vendors were seen to charge."""
_MULTIPLIERS = (Decimal(1), Decimal(1000))
_TOKENS = (Decimal(0), *(Decimal(2) ** (Decimal(half) / 2) for half in range(2 * 23)))
"""Up to 6 million, close to each other: with a minimum on one side the choice may turn twice."""
_MONEY = (Decimal(0), Decimal(10**9))


def left_out(rivals: Rivals) -> tuple[Omission, ...]:
    """Everything that the user gave nothing for and that could turn the choice."""
    kinds = (_output_tokens, _multiplier, _hosting, _caching, _retraining, _end, _upfront, _quality)
    return tuple(omission for kind in kinds for omission in kind(rivals))


def _output_tokens(rivals: Rivals) -> Iterator[Omission]:
    """Both ways write as much; a tuned model's output costs its multiplier."""
    ways = (rivals.best_way, rivals.next_way)
    by_token = rivals.best.tokens and rivals.next.tokens
    if not rivals.is_tuned or not by_token or any(w.output_tokens is not None for w in ways):
        return
    texts, values = [], {}
    if own := _own_output(rivals):
        text, values["yours"] = own
        texts.append(text)
    is_cached = any(sheet.tokens[0].cached_share for sheet in (rivals.best, rivals.next))
    if rivals.config.counts_base_price(rivals.best_way) and not is_cached:
        text, limits = _output_of_examples(rivals)
        texts.append(text)
        values |= limits
    if texts:
        text = f"output tokens: tuned ones cost the multiplier too; {'; '.join(texts)}"
        yield Omission("output tokens", text, values)


def _own_output(rivals: Rivals) -> tuple[str, float] | None:
    """Output tokens of either way that turn the choice at the prices of the sum."""
    if any(sheet.tokens[0].price.output is None for sheet in (rivals.best, rivals.next)):
        return None

    def writing(tokens: Decimal) -> Rivals:
        best, other = (_with_use(s, output=tokens) for s in (rivals.best, rivals.next))
        return replace(rivals, best=best, next=other)

    spans = rivals.turned(writing, _TOKENS)
    if not spans:
        return None
    limits = spans_text(spans, count)
    text = f"at the prices of this sum {rivals.next.name} is cheaper {rivals.span} {limits} of them"
    return text, float(spans[0].above)


def _output_of_examples(rivals: Rivals) -> tuple[str, Mapping[str, float]]:
    limits: dict[str, float] = {}
    parts, free = [], []
    for name, terms in examples()["multipliers"].items():
        at = _dearer_above(rivals, terms)
        if at is None:
            free.append(name)
            continue
        limits[name] = float(at)
        both = f"{terms['input']}x" if terms["input"] == terms["output"] else ""
        parts.append(f"{at:,} ({name}: {both or '{input}x in, {output}x out'.format(**terms)})")
    text = (
        f"the tokens of a tuned request are dearer than those of one of {rivals.next.name} above "
        f"{', '.join(parts)} output tokens; never where tuned tokens cost what the base's do "
        f"({', '.join(free)})"
    )
    return text, limits


def _dearer_above(rivals: Rivals, terms: Mapping[str, float]) -> Decimal | None:
    """Output tokens above which a tuned request costs more at an example's prices; ``None`` for never."""
    if terms["output"] <= 1:
        return None
    sheets, factors = (rivals.best, rivals.next), (("input", "output"), ())
    price = Price(
        rivals.best.currency,
        Decimal(str(terms["base_input"])),
        None,
        Decimal(str(terms["base_output"])),
    )

    def is_dearer(tokens: Decimal) -> bool:
        costs = []
        for sheet, keys in zip(sheets, factors, strict=True):
            more = {f"{key}_multiplier": Decimal(str(terms[key])) for key in keys}
            use = replace(sheet.tokens[0], price=price, output=tokens, **more)
            costs.append(use.per_request.amount or Decimal(0))
        return costs[0] > costs[1]

    spans = turned_at(is_dearer, (_TOKENS[0], _TOKENS[-1]))
    at = spans[0].above if spans else Decimal(0)
    return round(at, 3).to_integral_value(ROUND_FLOOR)


def _with_use(sheet: CostSheet, **changes: Decimal) -> CostSheet:
    return replace(sheet, tokens=(replace(sheet.tokens[0], **changes), *sheet.tokens[1:]))


def _multiplier(rivals: Rivals) -> Iterator[Omission]:
    """The price of a tuned token over its base's at which the choice turns."""
    if not rivals.is_tuned or rivals.best_way.multiplier is not None or not rivals.best.tokens:
        return
    if not rivals.config.counts_base_price(rivals.best_way):  # its multiplier is in its price
        return

    def times(multiplier: Decimal) -> Rivals:
        both = {"input_multiplier": multiplier, "output_multiplier": multiplier}
        return replace(rivals, best=_with_use(rivals.best, **both))

    spans = rivals.turned(times, _MULTIPLIERS)
    if not spans:
        return
    seen = ", ".join(f"{t['input']}x {name}" for name, t in examples()["multipliers"].items())
    text = (
        f"tuned multiplier: tuned tokens are counted at the base's price; "
        f"{spans_text(spans, '{:.4g}'.format)} times that, {rivals.next.name} is cheaper {rivals.span} "
        f"(seen: {seen})"
    )
    yield Omission("tuned multiplier", text, {"multiplier": float(spans[0].above)})


def _hosting(rivals: Rivals) -> Iterator[Omission]:
    hosted = rivals.best.hosted
    is_hosted = rivals.best.machine is not None or (hosted and hosted.hosting_hour is not None)
    if not rivals.is_tuned or is_hosted or rivals.saving <= 0:
        return
    terms = examples()["hosting"]["azure"]
    hour = Decimal(str(terms["hour"]))
    seen = f"{money(hour, _OF_EXAMPLES)} an hour ({terms['source'].split()[0]}, {terms['date']})"
    values: dict[str, float] = {}
    if rivals.best.currency == _OF_EXAMPLES:
        paid = rivals.hosted(hour)
        volumes, turns = paid.volumes()
        values |= turns
        text = f"hosting: at {seen} {paid.outcome()}; {volumes}{_hours_alone(rivals, hour, values)}"
    else:  # no rate of exchange is known
        text = f"hosting (seen: {seen})"
    spans = rivals.turned(rivals.hosted, _MONEY)
    if spans:
        values["hosting_hour"] = float(spans[0].above)
        most = spans_text(spans, rivals.money)
        text += f"; at this volume {rivals.next.name} is cheaper {most} an hour"
    yield Omission("hosting", text, values)


def _hours_alone(rivals: Rivals, hour: Decimal, values: dict[str, float]) -> str:
    """The volume that pays for the hours, nothing upfront: at the sum's prices and at today's."""
    running, today = rivals.running(), examples()["today"]
    alone = running.hosted(hour).volumes()[1]
    text = ""
    if len(alone) == 1:
        values["requests_per_day_for_hours"] = alone["requests_per_day"]
        text = f"; its hours alone take {count(alone['requests_per_day'])}"
    sheets = (running.best, running.next)
    by_input = all(set(s.request_parts()) == {"tokens"} and not s.tokens[0].output for s in sheets)
    # a model that the user gives no price of is at today's
    if not by_input or rivals.next_way.model not in rivals.config.prices:
        return text
    now = Decimal(str(today["input"]))
    price = Price(_OF_EXAMPLES, now, now)
    best, other = (replace(s, tokens=(replace(s.tokens[0], price=price),)) for s in sheets)
    alone = replace(running, best=best, next=other).hosted(hour).volumes()[1]
    if len(alone) != 1:
        return text
    values["requests_per_day_at_todays_price"] = alone["requests_per_day"]
    return (
        f"{text}, at the {rivals.money(now)} per million input tokens of {today['model']} "
        f"({today['date']}, uncached) {count(alone['requests_per_day'])}"
    )


def _caching(rivals: Rivals) -> Iterator[Omission]:
    """The longer prompt's extra tokens repeat, so they are what a cache serves."""
    ways = (rivals.best_way, rivals.next_way)
    if any(way.cached_share is not None for way in ways) or rivals.saving <= 0:
        return
    if not rivals.best.tokens or not rivals.next.tokens:
        return
    use = rivals.next.tokens[0]
    extra = use.input - rivals.best.tokens[0].input
    if extra <= 0 or not use.price.input:
        return
    price, source = _cached_price(use, rivals.next_way.model)
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
            f"({least['date']})"
        )
    yield Omission("caching", text, {**values, "month_saving": float(paid.month_saving)})


def _cached_price(use: TokenUse, model: str | None) -> tuple[Price, str]:
    if use.price.cached is not None:
        return use.price, f"that of {model}"
    terms = examples()["cached"]["anthropic"]
    cached = (use.price.input or Decimal(0)) * Decimal(str(terms["share"]))
    return replace(use.price, cached=cached), f"seen at Anthropic, {terms['date']}"


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

    days = examples()["retraining"]["days"]
    volumes, turns = every(days).volumes()
    values = dict(turns)
    text = f"retraining: every {days} days at {rivals.money(again)}, {every(days).outcome()}; {volumes}; "
    most = rivals.traffic.horizon_days - 1
    often = most_turned(lambda number: every(number).is_turned(), most) if most else None
    if often is None:
        text += "at this volume not even every day turns it"
    elif often == most:
        text += f"at this volume a single one {rivals.span} turns it"
    else:
        text += f"at this volume every {counted(often, 'day')} or more often turns it"
    if often is not None:
        values["days"] = often
    yield Omission("retraining", text, values)


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
    yield Omission("end of life", f"{text}; give ends to count one", values)


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
    spans = rivals.turned(_wrong_once_more(rivals), _MONEY)
    if not spans:
        return
    text = (
        f"quality: if {rivals.best.name} is wrong once more in 100 answers than {rivals.next.name}, it stays "
        f"cheaper as long as an error costs less than {rivals.money(spans[0].above)}"
    )
    yield Omission("quality", text, {"error_cost": float(spans[0].above)})


def _wrong_once_more(rivals: Rivals) -> Callable[[Decimal], Rivals]:
    def costing(error: Decimal) -> Rivals:
        wrong = {"error_cost": Money(error, rivals.best.currency), "quality": Decimal("0.99")}
        return replace(rivals, best=replace(rivals.best, **wrong))

    return costing
