from __future__ import annotations

from steelyard.core import Example
from steelyard.model import ModelSpec, load_model
from steelyard.strategy.base import Brief
from steelyard.strategy.prompt import output_limit


def test_answers_without_references_may_be_long() -> None:
    model = load_model(ModelSpec("fake", "smart"))
    bare = [Example(str(n), "x", "") for n in range(3)]
    assert output_limit(Brief("Do it.", "text"), bare, model) == 512
    assert output_limit(Brief("Do it.", "text", max_output_tokens=90), bare, model) == 90
    assert output_limit(Brief("Do it.", "text"), [*bare, Example("z", "x", "yes")], model) < 64
