"""Rules of thumb against a finished run: each figure, each judgement, and what a run lacks."""

from __future__ import annotations

import importlib.util
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.advice.claims import run_claims, why_not_judged
from steelyard.advice.measured import ABOUT, JudgedRule, RuleLine, against_measurement
from steelyard.advice.ways import way_facts
from steelyard.core import FAMILIES
from steelyard.result import parse_result
from steelyard.rules_of_thumb import thumb_rules

PER_DAY = 10_000


def arm(name: str, family: str, quality: float, **changes: Any) -> dict[str, Any]:
    """An arm with every figure: 100 test examples, 20 requests timed."""
    return {
        "name": name,
        "strategy": name.removesuffix("_free"),
        "family": family,
        "is_tuned": family == "fine_tune",
        "model": None if family == "classical" else "toy",
        "quality": {"value": quality, "low": quality - 0.1, "high": quality + 0.1, "n": 100},
        "outcomes": {"scored": 100, "failed": 0},
        "tokens": {"input_mean": 300.0, "output_mean": 5.0},
        "latency_seconds": {"p50": 0.3, "p95": 0.4, "n": 20},
        "fit": {"seconds": 60.0, "examples": 400},
        "cost": {"upfront": 0.0, "per_request": 0.00002, "monthly": 6.0},
        "options": {"shots": 0, "retrieved": 0},
        **changes,
    }


def paid(**amounts: float | None) -> list[dict[str, Any]]:
    """What was paid for lora upfront, by part, beside 24 for labels and 1,200 for hours."""
    parts: dict[str, float | None] = {
        "labels": 24.0,
        "hours": 1200.0,
        "evaluation": 900.0,
        **amounts,
    }
    upfront = [
        {"part": part, "amount": amount, "reason": "no price of toy"}
        for part, amount in parts.items()
    ]
    return [{"arm": "lora", "upfront": upfront}]


def whole() -> dict[str, Any]:
    """Tuning pays after 100,000 requests, keeps the form, is faster; a prompt with 4 shots is the best."""
    return {
        "schema_version": 2,
        "task": {
            "name": "toy",
            "kind": "label",
            "traffic": {"requests_per_day": PER_DAY, "horizon_days": 365},
        },
        "split": {"train": 400, "dev": 50, "test": 100},
        "economics": {"sums": paid(training=1.0)},
        "arms": [
            arm("majority", "classical", 0.2),
            arm(
                "tfidf_linear",
                "classical",
                0.6,
                latency_seconds={"p50": 0.001, "p95": 0.002, "n": 20},
            ),
            arm("few_shot", "few_shot", 0.7, options={"shots": 4, "retrieved": 0}),
            arm(
                "few_shot_free",
                "few_shot",
                0.65,
                outcomes={"scored": 80, "failed": 20},
                options={"shots": 4, "retrieved": 0, "decoding": "free"},
            ),
            arm(
                "lora",
                "fine_tune",
                0.8,
                tokens={"input_mean": 30.0, "output_mean": 5.0},
                latency_seconds={"p50": 0.1, "p95": 0.2, "n": 20},
                cost={"upfront": 1.0, "per_request": 0.00001, "monthly": 3.0},
            ),
        ],
        "comparisons": [compared("lora", "few_shot", 0.1, 0.2)],
        "crossover": {
            "arms": [{"arm": "lora", "against": "few_shot", "requests": 100_000, "days": 10.0}]
        },
        "verdict": {
            "recommendation": "fine_tune",
            "arm": "lora",
            "details": {"floor": "majority", "alpha": 0.05},
        },
    }


def compared(a: str, b: str, difference: float, p: float) -> dict[str, Any]:
    return {
        "a": a,
        "b": b,
        "metric": "accuracy",
        "difference": difference,
        "low": difference - 0.1,
        "high": difference + 0.1,
        "p_value": p,
        "p_adjusted": p,
        "method": "toy",
        "level": 0.95,
    }


def set_in(result: dict[str, Any], path: str, value: Any) -> None:
    """Set ``arms.lora.cost`` and the like."""
    *way, last = path.split(".")
    node: Any = result
    for key in way:
        node = (
            next(one for one in node if one["name"] == key)
            if isinstance(node, list)
            else node.setdefault(key, {})
        )
    node[last] = value


def lines(**changes: Any) -> dict[str, RuleLine]:
    """The lines by figure, with ``changes`` to the whole result: paths with ``__`` for dots."""
    result = deepcopy(whole())
    for path, value in changes.items():
        set_in(result, path.replace("__", "."), value)
    return {line.about: line for line in against_measurement(parse_result(result))}


def rule(name: str, **changes: Any) -> JudgedRule:
    found = [one for line in lines(**changes).values() for one in line.rules if one.rule.id == name]
    assert len(found) == 1
    return found[0]


def without(*names: str) -> list[dict[str, Any]]:
    return [one for one in whole()["arms"] if one["name"] not in names]


def test_every_claim_and_every_other_rule_has_its_words() -> None:
    rules = [one for one in thumb_rules().values() if one.about in ABOUT]
    claims = run_claims()
    assert {one.claim for one in rules if one.claim} == set(claims)
    assert all(claim.how and claim.way for claim in claims.values())
    assert all(claim.tests.startswith("whether ") for claim in claims.values())
    assert all(why_not_judged(one) for one in rules if one.claim is None)
    assert not any(one.claim for one in thumb_rules().values() if one.about not in ABOUT)


def test_a_line_for_each_figure() -> None:
    found = lines()
    assert tuple(found) == ABOUT
    assert {about: line.judgement for about, line in found.items()} == {
        "volume": "divided",
        "cost": "divided",
        "format": "divided",
        "consistency": "not measured",
        "latency": "agrees",
        "data": "agrees",
    }
    volume = found["volume"]
    assert "at 10,000 requests a day 1 for tuning, 3 against, 1 silent" in volume.says
    assert "break-even after 100,000 requests, 10 days" in str(volume.measured)
    assert volume.reason == "1 rule agrees, 3 rules disagree"
    assert "few_shot 100 % [96 %, 100 %]" in str(found["format"].measured)


def kept(count: int) -> dict[str, int]:
    """That many of 100 answers have the form."""
    return {"scored": count, "failed": 100 - count}


EXPECTED = "verdict__details__expected_cost"
OWNED = "verdict__details__cost_to_own"
ALIKE = {"split__test_clusters": 60}
LONG = {"arms__lora__tokens__input_mean": 60.0}
ERROR_COST = {"task__traffic__error_cost": 0.01}
COSTS = {"lora": 100.0, "few_shot": 200.0}
DEAR = {"upfront": 1.0, "per_request": 0.00005, "monthly": 15.0}
CHOICE = {"verdict__arm": "few_shot", "verdict__recommendation": "few_shot"}
PAID = {"arm": "lora", "against": "few_shot"}
UNDIVIDED: dict[str, Any] = {"economics__sums": []}
CASES: list[tuple[str, str, dict[str, Any], str]] = [
    # volume: it pays at this volume, so rules for it are right and rules against it wrong
    ("volume_10000", "agrees", {}, ""),
    ("volume_500k_month", "disagrees", {}, ""),
    ("volume_1000", "does not apply", {}, "says nothing at 10,000 requests a day"),
    ("volume_1000", "disagrees", {"task__traffic__requests_per_day": 900}, ""),
    ("volume_1000", "agrees", {"task__traffic__requests_per_day": 200, **CHOICE}, ""),
    ("volume_500k_month", "agrees", {"task__traffic__requests_per_day": 16_667}, ""),
    ("volume_10000", "disagrees", {"arms__lora__cost": DEAR, **CHOICE}, ""),
    ("volume_10000", "cannot tell", {"arms__lora__cost": DEAR}, "is the verdict for its quality"),
    ("volume_10000", "cannot tell", CHOICE, "few_shot costs more and is the verdict"),
    ("volume_1m_month", "not measured", {}, "looks up documents"),
    ("volume_10000", "not measured", {"arms": without("lora")}, "no tuned arm was measured; weigh"),
    ("volume_10000", "not measured", {"arms": without("lora", "few_shot", "few_shot_free")}, "and no prompt"),
    ("volume_10000", "not measured", {"task__traffic": {}}, "requests a day"),
    (
        "volume_10000",
        "not measured",
        {"arms__lora__cost": {"upfront": None, "per_request": None, "reason": "no price of toy"}},
        "no price of toy",
    ),
    ("volume_10000", "not measured", {"arms__lora__cost__currency": "EUR"}, "two currencies"),
    (
        "volume_10000",
        "cannot tell",
        {"verdict": {"recommendation": "undecided", "arm": None}},
        "undecided",
    ),
    ("volume_10000", "cannot tell", {"comparisons": []}, "no test compares"),
    # money and quality that point to different arms
    ("volume_10000", "cannot tell", {"comparisons": [compared("few_shot", "lora", 0.2, 0.001)]}, "better"),
    (
        "volume_10000",
        "cannot tell",
        {"comparisons": [compared("lora", "few_shot", 0.2, 0.001)], "arms__lora__cost": DEAR},
        "lora costs more and is shown to be better",
    ),
    (
        "volume_10000",
        "agrees",
        {
            "comparisons": [compared("lora", "few_shot", 0.2, 0.001)],
            "arms__lora__cost": DEAR,
            EXPECTED: COSTS,
            **ERROR_COST,
        },
        "",
    ),
    ("volume_10000", "cannot tell", {EXPECTED: COSTS, **ERROR_COST}, "no test tells"),
    ("volume_10000", "cannot tell", ERROR_COST, "no cost of both"),
    # what the verdict has over the horizon goes before the mean cost of a request
    ("volume_10000", "disagrees", {OWNED: {"lora": 9.0, "few_shot": 8.0}, **CHOICE}, ""),
    ("volume_10000", "not measured", {"task__traffic__growth_per_month": 0.05}, "not known"),
    # scenarios
    ("volume_10000", "agrees", {"economics__paid_back": [{**PAID, "chance": 0.97}]}, ""),
    ("volume_10000", "cannot tell", {"economics__paid_back": [{**PAID, "chance": 0.6}]}, "both ways"),
    ("volume_10000", "disagrees", {"economics__paid_back": [{**PAID, "chance": 0.02}], **CHOICE}, ""),
    ("volume_10000", "agrees", {"economics__paid_back": [{**PAID, "chance": None}]}, ""),
    # cost
    ("need_cost", "agrees", {}, ""),
    ("need_cost", "disagrees", {"arms__lora__cost": DEAR}, "shorter, yet no cheaper"),
    ("need_cost", "not measured", {"arms__lora__tokens": {"reason": "no usage"}}, "no usage; weigh"),
    ("need_cost", "not measured", {"arms": without("lora")}, "no tuned arm"),
    ("prompt_500", "does not apply", {}, "300 tokens a prompt"),
    ("prompt_500", "agrees", {"arms__few_shot__tokens__input_mean": 600.0}, ""),
    ("prompt_500", "disagrees", {"arms__few_shot__tokens__input_mean": 500.0, **LONG}, ""),
    ("millions_a_day", "does not apply", {}, "10,000 requests a day"),
    ("training_200", "cannot tell", UNDIVIDED, "an older result"),
    ("training_100", "cannot tell", {**UNDIVIDED, "arms__lora__cost__upfront": 2_000.0}, "an older result"),
    ("training_100", "not measured", {**UNDIVIDED, "arms__lora__cost": {"reason": "no price"}}, "no price"),
    ("training_200", "disagrees", {"economics__sums": paid(search=300.0, training=1.0)}, ""),
    ("training_200", "agrees", {"economics__sums": paid(search=600.0, training=300.0)}, ""),
    ("training_200", "disagrees", {"economics__sums": paid(training=600.0)}, ""),
    ("training_200", "not measured", {"economics__sums": paid(training=None)}, "no price of toy"),
    ("training_200", "not measured", {"economics__sums": paid(search=1.0)}, "its training cost"),
    ("training_100", "cannot tell", {"economics__sums": paid(search=60.0, training=30.0)}, "labels and"),
    ("training_100", "agrees", {"economics__sums": paid(search=60.0, training=50.0)}, ""),
    ("training_100", "not measured", {"economics__sums": paid(search=None, training=1.0)}, "no price of toy"),
    ("training_200", "cannot tell", {"economics__currency": "EUR"}, "US dollars"),
    ("cached_input", "not measured", {}, "is a price"),
    # format
    ("need_format", "disagrees", {}, ""),
    ("constrained_format", "agrees", {}, ""),
    ("need_format", "does not apply", {"arms__few_shot_free__outcomes": kept(100)}, "already"),
    ("need_format", "not measured", {"arms": without("few_shot_free")}, "free to miss"),
    ("need_format", "agrees", {"arms__few_shot__outcomes": kept(70)}, ""),
    ("constrained_format", "disagrees", {"arms__few_shot__outcomes": kept(70)}, ""),
    ("constrained_format", "cannot tell", {"arms__few_shot__outcomes": kept(98)}, "overlap"),
    ("constrained_format", "agrees", {"arms": without("lora")}, "nothing left"),
    ("need_format", "cannot tell", {"arms__few_shot__outcomes": kept(70), **ALIKE}, "no interval"),
    ("constrained_format", "does not apply", {"task__kind": "text"}, "kind text"),
    ("need_format", "not measured", {"task__kind": "json"}, "no prompt's form"),
    # consistency
    ("need_tone", "not measured", {}, "judge"),
    ("steadiness_not_bought", "not measured", {"arms__lora__consistency_reason": "left out"}, "left out"),
    # latency
    ("latency_tuned", "agrees", {}, ""),
    ("latency_classifier", "agrees", {}, ""),
    ("latency_tuned", "disagrees", {"arms__lora__latency_seconds": {"p50": 2.0, "p95": 3.0, "n": 20}}, ""),
    ("latency_tuned", "cannot tell", {"arms__lora__latency_seconds__p95": 0.35}, "of 20 requests"),
    ("latency_tuned", "cannot tell", {"arms__lora__latency_seconds__n": 19}, "of 19 requests"),
    ("latency_tuned", "cannot tell", {"arms__lora__latency_seconds__n": 0}, "does not say"),
    ("latency_tuned", "not measured", {"arms__lora__latency_seconds": {"reason": "no probe"}}, "no probe"),
    ("latency_classifier", "not measured", {"arms": without("tfidf_linear")}, "plain classifier"),
    ("latency_classifier", "does not apply", {"task__kind": "json"}, "label or labels, not json"),
    ("millions_a_day", "does not apply", {"task__kind": "text"}, "label or labels, not text"),
    ("latency_prompt", "not measured", {}, "holds them to constraints"),
    # data
    ("shots_few", "agrees", {}, ""),
    ("shots_few", "cannot tell", {"arms__few_shot__options": {"shots": 40}}, "20 would do"),
    ("shots_few", "not measured", {"arms__few_shot__options": {}}, "does not say"),
    ("shots_few", "not measured", {"split": {}}, "does not hold"),
    ("no_data_no_tuning", "not measured", {}, "no run has"),
    ("private_in_requests", "not measured", {}, "does not hold private data"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "judgement", "changes", "reason"), CASES)
def test_a_rule_against_a_run(
    name: str, judgement: str, changes: dict[str, Any], reason: str
) -> None:
    judged = rule(name, **changes)
    assert (judged.judgement, judged.reason) == (judgement, judged.reason)
    assert reason in judged.reason
    assert (judged.figure is None) == (judgement in ("not measured", "does not apply"))


def test_hours_and_labels_are_not_called_training() -> None:
    parts = paid(search=0.0066, training=0.0002)
    tuning = rule("training_100", economics__sums=parts, arms__lora__cost__upfront=1224.0068)
    training = rule("training_500", economics__sums=parts, arms__lora__cost__upfront=1224.0068)
    assert (tuning.figure, tuning.judgement) == (
        "lora $0.0068 for search and training",
        "cannot tell",
    )
    assert (training.figure, training.judgement) == ("lora $0.0002 for training", "disagrees")


def test_a_chance_that_counts_wrong_answers_says_so() -> None:
    money = {"paid_back": [{**PAID, "chance": 0.4}]}
    with_errors = rule("volume_10000", economics={**money, "with_errors": True}, **ERROR_COST)
    assert "paid back, wrong answers included, in 40 % of scenarios" in str(with_errors.figure)
    assert "wrong answers" not in str(rule("volume_10000", economics=money).figure)


def test_two_that_cost_the_same_do_not_break_even() -> None:
    tie = {"arm": "lora", "against": "few_shot", "requests": 0, "days": 0.0, "never": 0.0}
    assert "both cost the same" in str(rule("volume_10000", crossover__arms=[tie]).figure)
    ahead = {**tie, "first": "lora"}
    assert "cheaper at once" in str(rule("volume_10000", crossover__arms=[ahead]).figure)


@given(st.integers(1, 10_000_000))
def test_a_mark_is_right_where_it_and_the_money_point_the_same_way(per_day: int) -> None:
    pays = 365 * per_day >= 100_000
    for name in ("volume_10000", "volume_500k_month", "volume_5m_month", "volume_10m_month"):
        would_tune = per_day >= (thumb_rules()[name].mark or 0)
        choice = {} if pays else CHOICE
        judged = rule(name, task__traffic__requests_per_day=per_day, **choice)
        assert judged.judgement == ("agrees" if would_tune == pays else "disagrees")


def test_days_and_growth_in_words() -> None:
    paid = {**PAID, "chance": 0.99, "days_low": 90.0, "days": 120.0, "days_high": 1_250.0}
    changes = {"economics__paid_back": [paid], "task__traffic__growth_per_month": 0.05}
    text = str(rule("volume_10000", **changes, **{OWNED: {"lora": 5.0, "few_shot": 9.0}}).figure)
    assert "at 10,000 requests a day, +5% a month; break-even after 100,000 requests" in text
    assert text.endswith("paid back in 99 % of scenarios, by day 90 to 1,250 (90 %)")


def repeated(value: float, low: float, high: float) -> dict[str, Any]:
    agreement = {"value": value, "low": low, "high": high, "n": 24}
    return {"repeats": {"items": 24, "times": 3, "agreement": agreement}}


@pytest.mark.parametrize(
    ("tuned", "prompt", "judgement"),
    [
        ((0.99, 0.95, 1.0), (0.7, 0.6, 0.8), "disagrees"),
        ((0.7, 0.6, 0.8), (0.99, 0.95, 1.0), "agrees"),
        ((0.9, 0.75, 1.0), (0.8, 0.6, 0.9), "cannot tell"),
    ],
)
def test_steadiness_by_intervals(tuned: Any, prompt: Any, judgement: str) -> None:
    changes = {
        "arms__lora__consistency": repeated(*tuned),
        "arms__few_shot__consistency": repeated(*prompt),
    }
    assert rule("steadiness_not_bought", **changes).judgement == judgement
    assert lines(**changes)["consistency"].judgement == judgement


def private(rows: int, requests: dict[str, int]) -> dict[str, Any]:
    lines = {
        name: {"requests": count, **({} if name == "lora" else {"shots": 4})}
        for name, count in requests.items()
    }
    facts = {"rows_with_any": rows, "rows_searched": 400, "traffic": {"strategies": lines}}
    return {"audit__checks": {"private_data": {"state": "ok", "facts": facts}}}


@pytest.mark.parametrize(
    ("rows", "requests", "judgement"),
    [
        (0, {"few_shot": 0, "lora": 0}, "does not apply"),
        (9, {"few_shot": 300, "lora": 40}, "agrees"),
        (9, {"few_shot": 300, "lora": 0, "majority": 0}, "agrees"),
        (9, {"few_shot": 40, "lora": 40}, "disagrees"),
        (9, {}, "not measured"),
    ],
)
def test_private_data_that_travels(rows: int, requests: dict[str, int], judgement: str) -> None:
    assert rule("private_in_requests", **private(rows, requests)).judgement == judgement
    assert f"private data on {rows} of 400 rows" in str(
        lines(**private(rows, requests))["data"].measured
    )


def test_few_shots_that_are_shown_to_be_worse() -> None:
    retrieved = arm("retrieved_few_shot", "few_shot", 0.9, options={"shots": 0, "retrieved": 4})
    arms, comparison = (
        [*whole()["arms"], retrieved],
        compared("few_shot", "retrieved_few_shot", -0.2, 0.001),
    )
    judged = rule("shots_few", arms=arms, comparisons=[comparison])
    assert (judged.judgement, judged.reason) == (
        "disagrees",
        "few_shot shows 4, and is shown to be worse",
    )
    assert rule("shots_few", arms=arms, comparisons=[]).judgement == "cannot tell"


def test_a_classifier_at_millions_a_day() -> None:
    cheap = {"upfront": 0.0, "per_request": 1e-8, "monthly": 0.3}
    changes = {"task__traffic__requests_per_day": 2_000_000, "arms__tfidf_linear__cost": cheap}
    worse = compared("tfidf_linear", "few_shot", -0.1, 0.001)
    level = compared("tfidf_linear", "few_shot", -0.01, 0.8)
    assert rule("millions_a_day", comparisons=[level], **changes).judgement == "agrees"
    assert rule("millions_a_day", comparisons=[worse], **changes).judgement == "cannot tell"


def test_an_empty_result_measures_nothing() -> None:
    found = against_measurement(parse_result({"schema_version": 2}))
    assert {line.judgement for line in found} == {"not measured"}
    assert all(line.reason and line.says and line.measured is None for line in found)


def test_the_fields_dimensions_are_ten_for_every_family() -> None:
    assert {len(way_facts(family).dimensions) for family in FAMILIES} == {10}


def test_the_table_of_results_counts_only_what_was_judged() -> None:
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "rules.py"
    spec = importlib.util.spec_from_file_location("rules_right", path)
    assert spec is not None and spec.loader is not None
    rules_right = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rules_right)
    other = deepcopy(whole())
    set_in(other, "task.traffic.requests_per_day", 200)
    set_in(other, "verdict.arm", "few_shot")
    page = "\n".join(rules_right.table([parse_result(whole()), parse_result(other)]))
    assert "| does not apply | right | 1 of 1 |" in page  # volume_1000
    assert "| wrong | right | 1 of 2 |" in page  # volume_500k_month
    table, _, rest = page.partition("Not judged: ")
    assert "`cached_input`" in rest and "`cached_input`" not in table
    assert "constrained_format" not in page


def test_what_was_tested_is_said_where_it_is_less_than_the_rule_says() -> None:
    judged = rule("latency_classifier")
    assert judged.judgement == "agrees" and "1 ms" in judged.rule.text
    assert judged.tested == (
        "whether the plain classifier answers faster than the best prompt, not in how many milliseconds"
    )
    assert judged.tested in lines()["latency"].tested
    assert rule("latency_classifier", arms=without("tfidf_linear")).tested == ""
    assert rule("latency_prompt").tested == ""
