"""What an arm is asked besides its test: how many requests each probe sends."""

from __future__ import annotations

from typing import Literal

from steelyard.strategy.variation import CASES, PROMPT_KINDS, TYPO_EVERY
from steelyard.task.sections import ConsistencyConfig

LATENCY_ROUNDS, EXTRA_ROUNDS = 2, 1
"""Every arm is timed in so many rounds; local ones in one more where the machine was busy."""
ROUND_REQUESTS = 10
"""So many requests are sent one at a time in each round."""
ROUND_BATCH = 8
"""So many questions a local arm answers together in each round, twice."""
GAP_EXAMPLES = 50
RESCORE_EXAMPLES = 50
RESCORE_WHOLE_BELOW = 300
"""Up to here a local winner answers the whole test split again, batch for batch as measured."""

Asked = ConsistencyConfig | Literal[False]


def timing_requests(test: int, *, local: bool) -> dict[str, int]:
    """How many answers one arm gives at most while it is timed, by phase."""
    if not test:
        return {"latency": 0}
    if not local:
        return {"latency": LATENCY_ROUNDS * ROUND_REQUESTS}
    rounds = LATENCY_ROUNDS + EXTRA_ROUNDS
    return {"latency": rounds * ROUND_REQUESTS, "warm": rounds * 2 * min(ROUND_BATCH, test)}


def consistency_requests(config: Asked, test: int, *, prompted: bool) -> int:
    """How many answers one arm gives at most for its ``consistency``; times its requests per answer.

    ``test`` is the size of the test split. An arm without a prompt is asked only about changed inputs.
    """
    if not config:
        return 0
    inputs = min(config.variants, len(TYPO_EVERY)) + min(config.variants, len(CASES))
    if not prompted:
        return min(config.items, test) * inputs
    prompts = len(PROMPT_KINDS) * config.variants
    return min(config.items, test) * (config.repeats - 1 + prompts + inputs)
