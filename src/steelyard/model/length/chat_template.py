"""What a model's chat template adds to the texts of a chat, in tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from steelyard.model.base import CountTokens

_PROBE = "word"
_ROLES = ("user", "assistant")


class Overhead(NamedTuple):
    """Tokens around the texts: once a chat, without or with a system message, and once a turn.

    ``per_turn`` is the mean of a user's and an assistant's turn; the system message's own is in
    ``opening_system``.
    """

    opening: float
    opening_system: float
    per_turn: float


def overhead(template: str, special: Mapping[str, str], count: CountTokens) -> Overhead | None:
    """Measure ``template`` on probes of one word; ``None`` when it cannot be rendered.

    Assumes that a turn costs the same wherever it stands. A template that refuses system messages
    is taken to put them into the first user turn, as Steelyard then does.
    """
    pair = [(role, _PROBE) for role in _ROLES]
    chats = [pair, pair + pair, [("system", _PROBE), *pair]]
    texts = [_render(template, chat, special) for chat in chats]
    if texts[0] is None or texts[1] is None:
        return None
    word = count([_PROBE])[0]
    one, two, system = (
        tokens - word * len(chat)
        for tokens, chat in zip(count([text or "" for text in texts]), chats, strict=True)
    )
    opening = one - (two - one)
    with_system = opening if texts[2] is None else system - (two - one)
    return Overhead(opening, with_system, (two - one) / 2)


def _render(
    template: str, chat: Sequence[tuple[str, str]], special: Mapping[str, str]
) -> str | None:
    from jinja2 import TemplateError

    messages = [{"role": role, "content": content} for role, content in chat]
    try:
        return str(_compiled(template).render(messages=messages, **special))
    except (TemplateError, TypeError, ValueError, KeyError, AttributeError, IndexError):
        return None  # the template's own refusal, or a need for what only transformers offers


@lru_cache(maxsize=8)
def _compiled(template: str) -> Any:
    """Compile as transformers does, in a sandbox: a model's folder is somebody else's code."""
    from jinja2 import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def refuse(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = refuse
    return environment.from_string(template)
