"""What a run says of answers that were lost on their way and asked for again."""

from __future__ import annotations

from collections.abc import Iterator

from steelyard.economics import cost_of
from steelyard.planning.plan import Plan
from steelyard.store.database import Store
from steelyard.verdict.words import money
from steelyard.words import counted


def torn_warnings(plan: Plan, store: Store) -> Iterator[str]:
    """Say, model by model, how many answers took several tries, and what the lost ones may have cost."""
    for asked, (answers, used) in store.torn_by_model().items():
        planned = next((one for one in plan.all_models if asked.fingerprint in one.names), None)
        tokens = f"{used.input_tokens:,.0f} input and {used.output_tokens:,.0f} output tokens"
        cost = None if planned is None else cost_of(used, planned.price)
        paid = (
            "" if cost is None or cost.amount is None else f", {money(cost.amount, cost.currency)}"
        )
        tries = counted(int(used.requests), "lost try", "lost tries")
        yield (
            f"model {asked.name}: {counted(answers, 'answer')} came torn and had to be asked for again; the "
            f"{tries} may have been paid: the run counts {tokens}{paid} for them, and no arm's cost per "
            "request does"
        )
