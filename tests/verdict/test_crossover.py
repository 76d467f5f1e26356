from __future__ import annotations

from steelyard.rules_of_thumb import rules_of_thumb
from steelyard.verdict import Case, crossover


def test_each_arm_breaks_even_with_the_cheapest_prompt_arm_of_its_quality(make):
    candidates = (
        make("majority", 60),
        make("tfidf_linear", 150, upfront=0, per_request="0.00001"),
        make("zero_shot", 100, per_request="0.0005"),
        make("few_shot", 158, upfront=1, per_request="0.002"),
        make("retrieved_few_shot", 160, upfront=2, per_request="0.004"),
        make("lora", 160, upfront=21, per_request="0.001"),
    )
    block = crossover(Case(candidates, 1000, 365), train_examples=400, arm="lora")
    # (21 - 1) / (0.002 - 0.001) = 20,000 requests, 20 days; zero_shot is cheaper but worse
    assert (block.arm, block.against, block.requests, block.days) == (
        "lora",
        "few_shot",
        20_000,
        20.0,
    )
    assert block.labels.value == 400
    rows = {row.arm: row for row in block.arms}
    assert "majority" not in rows
    assert rows["tfidf_linear"].requests == 0
    assert "at once" in rows["tfidf_linear"].reason
    assert rows["few_shot"].against == "retrieved_few_shot"


def test_undefined_is_none_with_a_reason(make):
    lora, poor = make("lora", 180, upfront=10), make("zero_shot", 100)
    block = crossover(Case((lora, poor), 1000, 365), train_examples=400)
    assert (block.arm, block.requests, block.days) == ("lora", None, None)
    assert block.reason.startswith("no prompt-only arm matches its quality")
    assert block.nearest.against == "zero_shot"
    assert block.nearest.reason.startswith("never")
    alone = crossover(Case((lora,), 1000, 365), train_examples=400)
    assert "no other prompt-only arm" in alone.reason
    unpriced = make("few_shot", 180, unpriced=True)
    assert "known cost" in crossover(Case((lora, unpriced), 1000, 365), 400).reason
    none = crossover(Case((poor,), 1000, 365), train_examples=400)
    assert (none.arm, none.reason) == (None, "no fitted arm was measured")


def test_rules_of_thumb_stand_beside_the_tasks_own_figures():
    rules = {(rule.quantity, rule.at_least): rule for rule in rules_of_thumb(400, 10_000)}
    assert rules["requests_per_day", 10_000].is_reached
    assert not rules["train_examples", 500].is_reached
    assert rules["train_examples", 500].yours == 400
    assert all(rule.source for rule in rules.values())


def test_the_rival_is_the_cheapest_to_own_not_per_request(make):
    """With a dearer search upfront it would be said to pay at once, though it never does in a year."""
    few = make("few_shot", 160, upfront=0, per_request="0.0010")
    searched = make("optimized_prompt", 160, upfront=500, per_request="0.0009")
    lora = make("lora", 160, upfront=200, per_request="0.0005")
    block = crossover(Case((few, searched, lora), 100, 365), train_examples=400, arm="lora")
    assert block.against == "few_shot"
    assert block.requests == 400_000  # 200 / (0.0010 - 0.0005)
