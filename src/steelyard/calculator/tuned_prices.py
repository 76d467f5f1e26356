"""What tuned models are charged beside a sum: dearer output, a multiplier, hours of hosting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal

from steelyard.calculator.prices import examples
from steelyard.calculator.records import Omission
from steelyard.calculator.rivals import Rivals, spans_text
from steelyard.calculator.show import count, money
from steelyard.core import Price
from steelyard.economics.turning import turned_at

_OF_EXAMPLES = "USD"
"""The currency of all that vendors were seen to charge."""
_MULTIPLIERS = (Decimal(1), Decimal(1000))
_TOKENS = (Decimal(0), *(Decimal(2) ** (Decimal(half) / 2) for half in range(2 * 23)))
"""Up to 6 million, close to each other: with a minimum on one side the choice may turn twice."""
AMOUNTS = (Decimal(0), Decimal(10**9))
"""Of money, between which a turn is looked for."""


def output_tokens(rivals: Rivals) -> Iterator[Omission]:
    """Both ways write as much; a tuned model's output costs its multiplier."""
    ways = (rivals.best_way, rivals.next_way)
    by_token = rivals.best.tokens and rivals.next.tokens
    if not rivals.is_tuned or not by_token or any(w.output_tokens is not None for w in ways):
        return
    texts, values = [], {}
    if written := _own_output(rivals):
        text, values["yours"] = written
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
        best, other = (
            replace(sheet, tokens=(replace(sheet.tokens[0], output=tokens),))
            for sheet in (rivals.best, rivals.next)
        )
        return replace(rivals, best=best, next=other)

    spans = rivals.turned(writing, _TOKENS)
    if not spans:
        return None
    limits = spans_text(spans, lambda tokens: f"{_whole(tokens):,}")
    text = f"at the prices of this sum {rivals.next.name} is cheaper {rivals.span} {limits} of them"
    return text, float(spans[0].above)


def _output_of_examples(rivals: Rivals) -> tuple[str, Mapping[str, float]]:
    limits: dict[str, float] = {}
    parts, free = [], []
    for name, terms in examples()["multipliers"].items():
        at = _dearer_above(rivals, terms)
        if at is None:
            free.append(f"{name}{rivals.age(terms)}")
            continue
        limits[name] = float(at)
        both = f"{terms['input']}x" if terms["input"] == terms["output"] else ""
        times = both or "{input}x in, {output}x out".format(**terms)
        parts.append(f"{at:,} ({name}: {times}{rivals.age(terms)})")
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
    price = Price(
        rivals.best.currency,
        Decimal(str(terms["base_input"])),
        None,
        Decimal(str(terms["base_output"])),
    )

    tuned, other = (replace(s.tokens[0], price=price) for s in (rivals.best, rivals.next))
    tuned = replace(
        tuned,
        input_multiplier=Decimal(str(terms["input"])),
        output_multiplier=Decimal(str(terms["output"])),
    )

    def is_dearer(tokens: Decimal) -> bool:
        costs = [replace(use, output=tokens).per_request.amount for use in (tuned, other)]
        return (costs[0] or 0) > (costs[1] or 0)

    spans = turned_at(is_dearer, (_TOKENS[0], _TOKENS[-1]))
    at = spans[0].above if spans else Decimal(0)
    return _whole(at)


def _whole(tokens: Decimal) -> Decimal:
    """Whole tokens that are not above the turn; one that lies on a whole number, to nine digits, is that."""
    return round(tokens, 3).to_integral_value(ROUND_FLOOR)


def multiplier(rivals: Rivals) -> Iterator[Omission]:
    """The price of a tuned token over its base's at which the choice turns."""
    if not rivals.is_tuned or rivals.best_way.multiplier is not None or not rivals.best.tokens:
        return
    if not rivals.config.counts_base_price(rivals.best_way):  # its multiplier is in its price
        return

    def times(multiplier: Decimal) -> Rivals:
        use = replace(
            rivals.best.tokens[0], input_multiplier=multiplier, output_multiplier=multiplier
        )
        return replace(rivals, best=replace(rivals.best, tokens=(use,)))

    spans = rivals.turned(times, _MULTIPLIERS)
    if not spans:
        return
    examples_text = ", ".join(
        f"{t['input']}x {name}{rivals.age(t)}" for name, t in examples()["multipliers"].items()
    )
    text = (
        f"tuned multiplier: tuned tokens are counted at the base's price; "
        f"{spans_text(spans, '{:.4g}'.format)} times that, {rivals.next.name} is cheaper {rivals.span} "
        f"(seen: {examples_text})"
    )
    yield Omission("tuned multiplier", text, {"multiplier": float(spans[0].above)})


def hosting(rivals: Rivals) -> Iterator[Omission]:
    """An hour of a hosted tune: what it does as a vendor was seen to charge it, and where it turns."""
    hosted = rivals.best.hosted
    is_hosted = rivals.best.machine is not None or (hosted and hosted.hosting_hour is not None)
    if not rivals.is_tuned or is_hosted or rivals.saving <= 0:
        return
    terms = examples()["hosting"]["azure"]
    hour = Decimal(str(terms["hour"]))
    seen = f"{terms['source'].split()[0]}, {rivals.seen_on(terms)}"
    examples_text = f"{money(hour, _OF_EXAMPLES)} an hour ({seen})"
    values: dict[str, float] = {}
    if rivals.best.currency == _OF_EXAMPLES:
        paid = rivals.hosted(hour)
        volumes, turns = paid.volumes()
        values |= turns
        text = f"hosting: at {examples_text} {paid.outcome()}; {volumes}{_hours_alone(rivals, hour, values)}"
    else:  # no rate of exchange is known
        text = f"hosting (seen: {examples_text}; no rate of exchange is assumed)"
    spans = rivals.turned(rivals.hosted, AMOUNTS)
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
        f"({rivals.seen_on(today)}, uncached) {count(alone['requests_per_day'])}"
    )
