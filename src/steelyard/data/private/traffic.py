"""How many requests a month would carry private data to a hosted provider, by strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from steelyard.data.dataset import Dataset
from steelyard.families import STRATEGIES
from steelyard.model import ModelSpec, provider_of

DAYS = 30
_CHARACTERS_PER_TOKEN = 4
_TOKENS_PER_SHOT = 8
_HERE = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class PrivateRows:
    """Which rows hold private data: by index, in the input side, in the output, or in neither.

    ``by_instruction`` says that the task's instruction holds some, which goes along with every
    request that has a prompt.
    """

    inputs: Sequence[bool]
    turns: Sequence[bool]
    outputs: Sequence[bool]
    by_instruction: bool = False


def is_hosted(spec: ModelSpec) -> bool:
    """Whether requests to this model leave the machine."""
    if provider_of(spec).is_local:
        return False
    return not (spec.base_url and urlsplit(spec.base_url).hostname in _HERE)


def monthly(data: Dataset, private: PrivateRows) -> dict[str, Any]:
    """Return, for every strategy, how many of a month's requests would carry private data.

    Assumes that requests are like the examples (each as likely), and shots like train rows drawn at
    random without replacement, in the largest number that the strategy tries and its prompt holds:
    the figures for shots are expectations. Retrieved shots resemble the input, so that their share
    may lie above that. Nothing leaves the machine for strategies that answer without the model.
    """
    total = data.task.traffic.requests_per_day * DAYS
    private_rows = [a or b for a, b in zip(private.inputs, private.turns, strict=True)]
    prompt_share = 1.0 if private.by_instruction else _share(private_rows)
    pool = [place for place, part in enumerate(data.parts) if part in ("train", "all")]
    pool = pool or list(range(len(data.parts)))
    shots = [private.inputs[place] or private.outputs[place] for place in pool]
    uploads = sum(private_rows[place] or private.outputs[place] for place in pool)
    strategies: dict[str, dict[str, Any]] = {}
    for name in STRATEGIES:
        strategy = STRATEGIES.get(name)()
        carries = strategy.traits.carries
        share = 0.0 if carries == "nothing" else prompt_share
        line: dict[str, Any] = {}
        limits = strategy.shot_limits(data.kind, len(data.labels))
        if limits is not None and carries != "nothing":
            number = _number_of_shots(data, limits, pool)
            any_shot = chance_of_any(sum(shots), len(shots), number)
            share = 1 - (1 - prompt_share) * (1 - any_shot)
            line = {"shots": number, "chance_that_a_shot_holds_some": round(any_shot, 4)}
        if carries == "fixed_shots":
            line["requests_if_a_shot_holds_some"] = total if any(shots) else None
        if strategy.traits.tunes:
            line["rows_uploaded_once"] = uploads
        strategies[name] = {"requests": round(total * share), "share": round(share, 4), **line}
    return {
        "requests": total,
        "is_assumed": data.task.traffic_is_assumed,
        "is_hosted_today": any(map(is_hosted, data.models)),
        "strategies": strategies,
    }


def largest(traffic: Mapping[str, Any]) -> str:
    """Say in one clause under which strategy the most requests carry private data."""
    strategies = traffic["strategies"]
    name = max(strategies, key=lambda name: strategies[name]["requests"])
    line, total = strategies[name], traffic["requests"]
    shots = f" with {line['shots']} shots" if line.get("shots", 0) > 1 else ""
    volume = f"{total:,} requests a month" + (" (assumed)" if traffic["is_assumed"] else "")
    today = "send" if traffic["is_hosted_today"] else "would send"
    where = "" if traffic["is_hosted_today"] else "; today no request leaves the machine"
    return (
        f"{line['requests']:,} of {volume} {today} such data to a hosted provider under "
        f"{name}{shots}, the most of any strategy{where}"
    )


def chance_of_any(private: int, rows: int, drawn: int) -> float:
    """The chance that ``drawn`` of ``rows``, without replacement, hold one of the ``private`` ones.

    One minus the hypergeometric probability of none.
    """
    none = 1.0
    for place in range(min(drawn, rows)):
        none *= max(0, rows - private - place) / (rows - place)
    return 1 - none


def _number_of_shots(data: Dataset, limits: Any, pool: Sequence[int]) -> int:
    """The most shots within a strategy's limits; tokens are estimated as four characters each."""
    texts = [len(data.examples[place].input) + len(data.written[place]) for place in pool]
    mean = sum(texts) / max(1, len(texts)) / _CHARACTERS_PER_TOKEN + _TOKENS_PER_SHOT
    instruction = len(data.task.instruction) / _CHARACTERS_PER_TOKEN
    fitting = max(1, int((limits.max_prompt_tokens - instruction) / mean))
    sizes = [count for count in limits.counts if count <= fitting]
    return min(len(pool), max(sizes, default=fitting))


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else 0.0
