"""Whether all documents fit into a model's context, and who says how large that is."""

from __future__ import annotations

import pytest

from steelyard.model import ModelSpec
from steelyard.model.price_book import context_window
from steelyard.retrieve.documents import Corpus, Document
from steelyard.retrieve.grounds import Grounds
from steelyard.strategy.base import Brief, TaskFacts
from steelyard.strategy.long_context import LongContext

GROUNDS = Grounds(Corpus((Document("a.md", "Steel is strong and does not rust. " * 200),)))
TASK = TaskFacts(Brief("Answer.", "text", metric="exact_match"), (), GROUNDS)
UNKNOWN = [
    ModelSpec("openai", "a-model-of-ours", base_url="http://127.0.0.1:9/v1"),
    ModelSpec("fake", "smart"),
]
BOOKED = ModelSpec("openai", "gpt-4o-mini")


@pytest.mark.parametrize("model", UNKNOWN)
def test_an_unknown_context_names_the_option_that_says_it(model: ModelSpec) -> None:
    refusal = LongContext().refusal(TASK, model)
    assert refusal is not None and f"the context of {model.name} is not known" in refusal
    assert "set context_tokens" in refusal
    assert LongContext(context_tokens=32768).refusal(TASK, model) is None
    refusal = LongContext(context_tokens=1000).refusal(TASK, model)
    assert refusal is not None and "more than 75% of the 1,000" in refusal


def test_a_larger_option_does_not_stretch_a_known_context() -> None:
    window, _ = context_window(BOOKED.provider, BOOKED.name)
    assert window is not None
    long = Grounds(Corpus((Document("a.md", "word " * window),)))
    task = TaskFacts(TASK.brief, (), long)
    refusal = LongContext(context_tokens=10 * window).refusal(task, BOOKED)
    assert refusal is not None and f"of the {window:,} that" in refusal
    assert LongContext().refusal(TASK, BOOKED) is None
    assert LongContext(context_tokens=1000).refusal(TASK, BOOKED) is not None
