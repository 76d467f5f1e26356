"""Providers' rules on the turns of one row: the same for the audit, and for what ``convert`` writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from steelyard.core import Message
from steelyard.data.chats import CALLS_TOOL, MORE_THAN_TEXT
from steelyard.data.formats.shapes.chat import vendors
from steelyard.data.tuning.rules import Provider


class TurnRule(NamedTuple):
    """A rule by its name, what is said of a row that breaks it, and the test that a row passes."""

    name: str
    says: str
    keeps: Callable[[Sequence[Message]], bool]


def system_first(messages: Sequence[Message]) -> bool:
    """Whether the only system message is the first message, if there is one."""
    return all(turn.role != "system" for turn in messages[1:])


def alternates(messages: Sequence[Message]) -> bool:
    """Whether user and assistant take turns, the user first; system messages are ignored."""
    roles = [turn.role for turn in messages if turn.role != "system"]
    expected = ["user", "assistant"] * (len(roles) // 2)
    return roles == expected


def has_texts(messages: Sequence[Message]) -> bool:
    """Whether every message says something."""
    return all(turn.content.strip() for turn in messages)


TURN_RULES = (
    TurnRule("system_first", "with a system message after the first", system_first),
    TurnRule("alternate", "whose turns do not alternate between user and assistant", alternates),
    TurnRule("text_required", "with an empty message", has_texts),
)


def is_unweighed(reason: str, provider: str) -> bool:
    """Whether a row is bad only because it cannot be weighed as text: ``provider`` takes it."""
    vendor = vendors()[provider]
    takes_calls = "tool" in vendor.turn
    return (takes_calls and reason == CALLS_TOOL) or (
        bool(vendor.parts) and reason == MORE_THAN_TEXT
    )


def why_refused(provider: Provider, turns: Sequence[Mapping[str, Any]]) -> str | None:
    """Why a provider would refuse a row as ``convert`` writes it; ``None`` where it would not.

    Calls of tools, and contents in parts, are not looked at.
    """
    if any(not isinstance(turn.get("content"), str) or turn["role"] == "tool" for turn in turns):
        return None
    messages = [Message(turn["role"], turn["content"]) for turn in turns]
    for rule in TURN_RULES:
        if provider.value(rule.name) and not rule.keeps(messages):
            return f"a row {rule.says}, which {provider.title} refuses"
    return None
