"""Each type of rule on replies that keep it and that break it."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.core import Example
from steelyard.score.rules import Reply, build_rules
from steelyard.score.rules.metric import RulesMetric
from steelyard.task import build_task


def kept(reply: str, **rule: Any) -> bool:
    ((_, built),) = build_rules([rule], "rules")
    return built.is_kept(Reply(reply))


SUPPORT = """Hi Ann,

Thank you for telling us, and I'm sorry about the wait.

1. Open the **app**.
2. Press Save.

Is there anything else I can help you with?"""


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        ({"type": "first_sentence", "any_of": ["thank you"]}, SUPPORT, "No. Thank you."),
        (
            {"type": "first_sentence", "any_of": ["sorry"]},
            "Hi Ann! So sorry. Bye.",
            "Hi! No. Sorry.",
        ),
        ({"type": "first_sentence", "any_of": "/appreciat\\w+/"}, "I appreciated it.", "I see."),
        ({"type": "first_sentence", "patterns": ["^Yes"]}, "Yes, it is. Go on.", "No. Yes."),
        ({"type": "last_sentence", "any_of": ["regards"]}, "Done. Best regards!", "Regards. Done."),
        ({"type": "acknowledges"}, SUPPORT, "Open the app. Thanks!"),
        ({"type": "acknowledges"}, "I completely understand how annoying that is.", "Press Save."),
        ({"type": "acknowledges", "any_of": ["merci"]}, "Merci de votre message.", "Bonjour."),
        ({"type": "starts_with", "text": "Dear customer"}, "**Dear  Customer**, hi", "Customer"),
        ({"type": "starts_with", "text": ["Yes", "No"]}, "no, it is not", "perhaps"),
        ({"type": "ends_with", "text": "help you with?"}, SUPPORT, SUPPORT + " Bye."),
        ({"type": "ends_with", "text": "it's done"}, "Well, “It’s done”", "it was done"),
        (
            {"type": "contains", "words": ["refund", "5 days"]},
            "A REFUND takes 5\ndays.",
            "Refunds: 5 days",
        ),
        ({"type": "contains", "words": ["a", "b"], "any": True}, "a c", "c d"),
        ({"type": "contains", "patterns": ["\\d{3}"]}, "in 123", "in 12"),
        ({"type": "never", "words": ["price", "$"]}, "It is priceless.", "It is US$5."),
        ({"type": "never", "words": ["we'll add"]}, "We will add.", "We’ll  add it"),
        ({"type": "never", "words": ["价格"]}, "这个很好", "这个价格很好"),
        ({"type": "never", "patterns": ["\\bQ[1-4]\\b"]}, "in Queue", "in q3 then"),
        ({"type": "regex", "pattern": "[A-Z]{3}-\\d"}, "ABC-1", "abc-1"),
        ({"type": "regex", "pattern": "abc", "ignore_case": True}, "ABC", "AB"),
        ({"type": "regex", "pattern": "abc", "must": False}, "ABC", "abc"),
        ({"type": "numbered_list", "min": 2}, SUPPORT, "1. Only this"),
        (
            {"type": "numbered_list", "min": 2, "max": 2},
            "**1.** a\n  Step 2: b",
            "1) a\n2) b\n3) c",
        ),
        ({"type": "numbered_list"}, "(1) a", "In 2024. Or 10.5"),
        ({"type": "bullet_list", "min": 2}, "- a\n• b", "- a\n-5 degrees"),
        ({"type": "words", "max": 3}, "don't stop now", "do not stop now"),
        ({"type": "words", "min": 2, "max": 3}, "a b", "a"),
        ({"type": "sentences", "max": 2}, "Hi. Dr. Lee is in.", "A. lot. Of. these."),
        ({"type": "paragraphs", "min": 2}, "a\n\nb", "a\nb"),
        ({"type": "characters", "max": 3}, " abc ", "abcd"),
        ({"type": "case", "is": "lower"}, "all small 1.", "Not small"),
        ({"type": "case", "is": "upper"}, "ALL BIG!", "123"),
        ({"type": "valid_json"}, '{"a": [1]}', "{'a': 1}"),
        ({"type": "valid_json"}, "[]", '```json\n{"a": 1}\n```'),
        ({"type": "valid_json", "fence": True}, '```json\n{"a": 1}\n```', "```\nno\n```"),
        ({"type": "valid_json", "schema": {"type": "object"}}, "{}", "[]"),
        ({"type": "no_markdown"}, "1. a\n- b, 3 * 4 * 5, snake_case_name", SUPPORT),
        ({"type": "no_markdown"}, "see [1] (there)", "see [this](http://x.y)"),
        ({"type": "no_markdown"}, "the # of users", "text\n## Heading"),
    ],
)
def test_a_rule_tells_good_from_bad(rule: dict[str, Any], good: str, bad: str) -> None:
    assert kept(good, **rule)
    assert not kept(bad, **rule)


@pytest.mark.parametrize(
    ("language", "good", "bad"),
    [
        ("en", "Please restart the device and try again.", "Bitte starten Sie das Gerät neu."),
        ("German", "Bitte starten Sie das Gerät noch einmal neu.", "Please restart the device."),
        ("pt-BR", "Por favor, reinicie o aparelho e tente novamente.", "Please restart it again."),
        ("en", "PLEASE RESTART THE DEVICE AND TRY AGAIN.", "谢谢"),
        ("en", "ok", "Пожалуйста, перезагрузите устройство."),
        ("no", "Vennligst start enheten på nytt og prøv igjen nå.", "Please restart the device."),
    ],
)
def test_the_language_of_a_reply(language: str, good: str, bad: str) -> None:
    pytest.importorskip("py3langid")
    assert kept(good, type="language", **{"is": language})
    assert not kept(bad, type="language", **{"is": language})


def test_code_and_addresses_say_nothing_about_the_language() -> None:
    pytest.importorskip("py3langid")
    reply = "```\nfor (int i = 0; i < n; i++) { print(i); }\n```\nhttps://example.com/ansicht/seite"
    assert kept(reply, type="language", **{"is": "sw"})


def test_a_pattern_that_never_ends_decides_nothing_and_is_given_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    endless = {"type": "regex", "pattern": "^(a|a)*$", "must": False}
    config = {"name": "t", "instruction": "Do it.", "output": {"kind": "text"}}
    rules = [endless, {"type": "never", "words": ["x"]}]
    metric = RulesMetric(task=build_task({**config, "examples": __file__, "rules": rules}))
    grades = [metric.grade(Example("1", "q", ""), "a" * 40 + "b") for _ in range(20)]
    assert all(grade.score == 1 and grade.parts == {"never": 1, "all": 1} for grade in grades)
    first, last = caplog.messages
    assert "'^(a|a)*$'" in first and "write it without nested repeats" in first
    assert "on 3 replies and is given up" in last


@pytest.mark.parametrize(
    ("word", "reply"),
    [
        ("café", "Meet me at the cafe\u0301."),
        ("cafe\u0301", "Meet me at the café."),
        ("non-refundable", "It is non\u2011refundable."),
        ("well-known", "A well–known fault."),
        ("don't", "I don’t know."),
    ],
)
def test_a_word_is_found_however_it_is_written(word: str, reply: str) -> None:
    assert kept(reply, type="contains", words=[word])
    assert not kept(reply, type="never", words=[word])
