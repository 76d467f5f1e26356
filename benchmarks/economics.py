"""How long the scenarios of the economics take: 100,000 of 36 months and 12 arms.

    python benchmarks/economics.py [--scenarios 100000] [--months 36] [--arms 12] [--times 5]
    python benchmarks/economics.py --pairs  # the break-evens of all pairs, as a run has them

Every arm has uncertain tokens, quality and prices and is retrained; a third are hosted by the hour, a
third run on machines of their own, and every total, chance, band, break-even and swing is computed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from decimal import Decimal
from itertools import combinations

from steelyard.core import Price
from steelyard.economics import (
    ArmDoubt,
    CostSheet,
    Doubts,
    HostedTune,
    MachineUse,
    Money,
    PricePaths,
    Recurring,
    TokenUse,
    Traffic,
    Uncertain,
    break_even_ranges,
    simulate,
)


def sheet(number: int) -> CostSheet:
    """An arm: by tokens, hosted by the hour, or on machines of its own."""
    price = Price(input=Decimal("0.4"), cached=Decimal("0.1"), output=Decimal("1.6"))
    use = TokenUse(price, Decimal(500 - 30 * number), Decimal(40), Decimal("0.5"))
    hosted = HostedTune(Money(Decimal("0.2"))) if number % 3 == 1 else None
    machine = MachineUse(Money(Decimal("0.4")), Decimal("0.2"), Decimal(20), shared=False)
    return CostSheet(
        f"arm {number}",
        upfront={"training": Money(Decimal(100 * number))},
        tokens=() if number % 3 == 2 else (use,),
        machine=machine if number % 3 == 2 else None,
        hosted=hosted,
        recurring=(Recurring("retraining", Decimal(90), Money(Decimal(20 * number))),),
        error_cost=Money(Decimal("0.02")),
        quality=Decimal("0.9"),
    )


def doubt(number: int) -> ArmDoubt:
    tokens = 500 - 30 * number
    return ArmDoubt(
        input_tokens=None if number % 3 == 2 else Uncertain(tokens, 0.05 * tokens),
        output_tokens=None if number % 3 == 2 else Uncertain(40, 4),
        upfront=Uncertain(100 * number, 10),
        quality=Uncertain(0.9, 0.01),
        prices_of=f"vendor {number % 3}",
    )


def all_pairs(arms: int, times: int) -> None:
    """Break-evens of all pairs over a year in 20,000 scenarios."""
    sheets = [sheet(number) for number in range(arms)]
    prices = PricePaths(Uncertain(0, 0.2), Uncertain(0.05, 0.1))
    doubts = Doubts({one.name: doubt(number) for number, one in enumerate(sheets)}, prices)
    pairs = [(one.name, other.name) for one, other in combinations(sheets, 2)]
    traffic = Traffic(Decimal(10_000), 365, Decimal("0.02"), Decimal(3))
    for _ in range(times):
        began = time.perf_counter()
        break_even_ranges(sheets, traffic, doubts, pairs, scenarios=20_000)
        print(f"{time.perf_counter() - began:.2f} s for {len(pairs)} pairs", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("scenarios", 100_000), ("months", 36), ("arms", 12), ("times", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--pairs", action="store_true")
    options = parser.parse_args()
    if options.pairs:
        return all_pairs(options.arms, options.times)
    sheets = [sheet(number) for number in range(options.arms)]
    doubts = Doubts(
        {one.name: doubt(number) for number, one in enumerate(sheets)},
        PricePaths(Uncertain(0, 0.2), Uncertain(0.05, 0.1), Uncertain(0, 0.2)),
    )
    traffic = Traffic(Decimal(10_000), 30 * options.months, Decimal("0.02"), Decimal(3))
    for _ in range(options.times):
        began = time.perf_counter()
        result = simulate(
            sheets, traffic, doubts, [("arm 1", "arm 0")], scenarios=options.scenarios
        )
        seconds = time.perf_counter() - began
        digest = hashlib.sha256(json.dumps(result.to_dict()).encode()).hexdigest()
        print(f"{seconds:.2f} s, digest {digest[:12]}", flush=True)


if __name__ == "__main__":
    main()
