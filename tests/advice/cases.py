"""People with a decision, after the field's own examples: their answers, and what good advice is.

Each was written down with its advice before the decision was.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Person(NamedTuple):
    """``advice`` lists what is acceptable; ``mistakes`` and ``cites`` must be among what is named."""

    answers: dict[str, Any]
    advice: tuple[str, ...]
    mistakes: tuple[str, ...] = ()
    cites: tuple[str, ...] = ()


PEOPLE = {
    "shop assistant with house rules, edited every week": Person(
        {
            "can_judge": True,
            "need": "tone",
            "examples": 35,
            "requests_per_day": 500,
            "change": "weekly",
            "prompt_tokens": 800,
        },
        ("prompt", "few_shot"),
        ("too_early", "too_little"),
    ),
    "mail sorted by the million": Person(
        {
            "can_judge": True,
            "kind": "label",
            "need": "cost",
            "examples": 30_000,
            "requests_per_day": 3_000_000,
            "change": "rarely",
            "max_latency_ms": 150,
        },
        ("classical", "fine_tune"),
    ),
    "contracts to JSON": Person(
        {
            "can_judge": True,
            "kind": "json",
            "need": "format",
            "examples": 600,
            "requests_per_day": 15_000,
            "change": "rarely",
        },
        ("measure", "prompt"),
        cites=("constrained_format",),
    ),
    "magazine with a voice of its own": Person(
        {
            "can_judge": True,
            "need": "tone",
            "examples": 1_200,
            "requests_per_day": 25_000,
            "change": "yearly",
            "tries": "6 of 24",
        },
        ("fine_tune", "hybrid"),
    ),
    "opening hours and stock": Person(
        {
            "can_judge": True,
            "need": "facts",
            "facts_change": "daily",
            "examples": 2_000,
            "requests_per_day": 40_000,
        },
        ("retrieval",),
        ("wrong_task",),
    ),
    "nobody agrees what a good summary is": Person(
        {"can_judge": False, "kind": "text", "examples": 9_000, "requests_per_day": 200_000},
        ("measure",),
        ("not_validated",),
    ),
    "new start-up with five examples": Person(
        {
            "can_judge": True,
            "need": "tone",
            "examples": 5,
            "requests_per_day": 100,
            "change": "weekly",
            "needed_in_days": 10,
            "budget": 200,
        },
        ("prompt", "few_shot"),
        ("too_early", "too_little"),
    ),
    "moderation in many languages": Person(
        {
            "can_judge": True,
            "kind": "label",
            "need": "skill",
            "examples": 60_000,
            "requests_per_day": 5_000_000,
            "max_latency_ms": 150,
            "change": "monthly",
        },
        ("classical", "fine_tune", "hybrid"),
    ),
    "moderation whose policy moves every week": Person(
        {
            "can_judge": True,
            "kind": "label",
            "need": "skill",
            "examples": 60_000,
            "requests_per_day": 5_000_000,
            "change": "weekly",
        },
        ("hybrid", "prompt", "few_shot"),
        cites=("change_weekly",),
    ),
    "policy that changes every week, 10,000 examples": Person(
        {
            "can_judge": True,
            "kind": "text",
            "need": "skill",
            "examples": 10_000,
            "requests_per_day": 20_000,
            "change": "weekly",
            "facts_change": "weekly",
        },
        ("prompt", "few_shot", "retrieval"),
        ("too_early",),
    ),
    "medical coding, private": Person(
        {
            "can_judge": True,
            "kind": "labels",
            "need": "skill",
            "examples": 3_000,
            "requests_per_day": 2_000,
            "private_data": True,
            "change": "yearly",
            "skills": "software",
        },
        ("fine_tune", "classical", "measure"),
    ),
    "questions to SQL": Person(
        {
            "can_judge": True,
            "kind": "text",
            "need": "skill",
            "examples": 2_000,
            "requests_per_day": 5_000,
            "prompt_tokens": 3_000,
            "change": "rarely",
            "tries": {"good": 11, "of": 20},
        },
        ("fine_tune", "hybrid"),
    ),
    "questions to SQL, a schema that moves": Person(
        {
            "can_judge": True,
            "kind": "text",
            "need": "skill",
            "examples": 2_000,
            "requests_per_day": 5_000,
            "change": "monthly",
            "tries": {"good": 11, "of": 20},
        },
        ("hybrid",),
    ),
    "helpdesk whose prompt does": Person(
        {
            "can_judge": True,
            "kind": "text",
            "need": "tone",
            "requests_per_day": 300,
            "tries": "38 of 40",
        },
        ("prompt",),
    ),
    "completion while somebody types": Person(
        {
            "can_judge": True,
            "kind": "text",
            "need": "skill",
            "examples": 20_000,
            "requests_per_day": 1_000_000,
            "max_latency_ms": 100,
            "change": "rarely",
        },
        ("fine_tune",),
    ),
    "a bill that is small": Person(
        {
            "can_judge": True,
            "need": "cost",
            "examples": 400,
            "requests_per_day": 2_000,
            "prompt_tokens": 1_500,
            "change": "rarely",
        },
        ("prompt",),
        cites=("hosting_tokens",),
    ),
    "a bill that turns on the price": Person(
        {
            "can_judge": True,
            "need": "cost",
            "examples": 900,
            "requests_per_day": 20_000,
            "prompt_tokens": 3_000,
            "change": "rarely",
        },
        ("measure", "fine_tune"),
        cites=("hosting_tokens_mini",),
    ),
    "four of five": Person(
        {"can_judge": True, "tries": "4/5", "examples": 120, "requests_per_day": 3_000},
        ("measure",),
        ("not_validated",),
    ),
    "a prompt that fails, and nothing to learn from": Person(
        {
            "can_judge": True,
            "need": "skill",
            "examples": 0,
            "requests_per_day": 100_000,
            "tries": "2 of 20",
        },
        ("prompt",),
        ("too_little",),
    ),
    "JSON that comes out wrong": Person(
        {
            "can_judge": True,
            "kind": "json",
            "need": "format",
            "examples": 1_500,
            "requests_per_day": 50_000,
            "tries": "12 of 40",
            "change": "rarely",
        },
        ("measure", "fine_tune"),
        cites=("constrained_format",),
    ),
    "many labelled letters, few a day": Person(
        {
            "can_judge": True,
            "kind": "label",
            "need": "skill",
            "examples": 40_000,
            "requests_per_day": 100,
            "change": "never",
        },
        ("measure", "classical", "fine_tune"),
    ),
    "nobody to build it": Person(
        {
            "can_judge": True,
            "need": "tone",
            "examples": 700,
            "requests_per_day": 12_000,
            "change": "rarely",
            "skills": "none",
        },
        ("measure", "prompt", "few_shot"),
        cites=("prompts_by_anybody",),
    ),
    "a voice, and prices that move": Person(
        {
            "can_judge": True,
            "kind": "text",
            "need": "tone",
            "facts_change": "weekly",
            "examples": 1_500,
            "requests_per_day": 50_000,
            "change": "rarely",
            "tries": "6 of 20",
        },
        ("hybrid",),
        ("wrong_task",),
        cites=("facts_change",),
    ),
    "no money": Person(
        {
            "can_judge": True,
            "need": "tone",
            "examples": 900,
            "requests_per_day": 30_000,
            "change": "rarely",
            "budget": 0,
        },
        ("prompt", "few_shot"),
        cites=("training_4",),
    ),
    "news that change by the hour": Person(
        {"facts_change": "hourly", "requests_per_day": 900_000, "kind": "text"}, ("retrieval",)
    ),
    "somebody who only knows the volume": Person({"requests_per_day": 50}, ("prompt",)),
    "somebody who knows nothing yet": Person({}, ("measure",)),
}
