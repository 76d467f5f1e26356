from __future__ import annotations

from steelyard.core import Completion, Message, Request
from steelyard.model.fake_script import ScriptedModel


def ask(text: str, choices: tuple[str, ...] = ()) -> Request:
    return Request((Message("user", text),), choices=choices)


def test_a_script_answers_and_remembers_what_it_was_asked() -> None:
    model = ScriptedModel(lambda request: request.messages[-1].content.upper(), local=False)
    seen: list[int] = []
    done = model.generate(
        [ask("a"), ask("b"), ask("c")],
        lambda pairs: seen.extend(index for index, _ in pairs),
        frozenset({1}),
    )
    assert [None if each is None else each.text for each in done] == ["A", None, "C"]
    assert seen == [0, 2]
    assert [request.messages[-1].content for request in model.requests] == ["a", "c"]
    assert (model.calls, model.local, model.count_tokens("two words")) == (1, False, 2)


def test_an_answer_outside_the_choices_is_left_to_who_asked_as_a_hosted_one_is() -> None:
    words = iter(["A", "perhaps A"])
    model = ScriptedModel(lambda request: next(words))
    good, bad = model.generate([ask("x", ("A", "B")), ask("y", ("A", "B"))])
    assert good is not None and bad is not None
    assert (good.finish_reason, good.failure) == ("choice", None)
    assert (bad.finish_reason, bad.text, bad.failure) == ("stop", "perhaps A", None)


def test_a_whole_completion_is_passed_on() -> None:
    made = Completion("A", "choice", probabilities={"A": 0.75, "B": 0.25})
    assert ScriptedModel(lambda request: made).generate([ask("x")]) == [made]
