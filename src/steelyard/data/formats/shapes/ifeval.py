"""IFEval's rows: a prompt and the instructions that a reply must keep, without a reference.

``{key, prompt, instruction_id_list, kwargs}``, the i-th mapping of ``kwargs`` for the i-th instruction.
Zhou et al. (2023), arXiv:2311.07911.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.data.formats.base import RowError
from steelyard.data.formats.shapes import turns as of
from steelyard.data.formats.shapes.base import Conversation, Shape, rest_of

NAME = "ifeval"
IDS, PROMPT, KWARGS, KEY = "instruction_id_list", "prompt", "kwargs", "key"
_USED = frozenset({IDS, PROMPT, KWARGS, KEY})


def fits(fields: Mapping[str, Any]) -> bool:
    """Whether there are a prompt and a list of instructions."""
    return PROMPT in fields and IDS in fields


def read(fields: Mapping[str, Any]) -> Conversation:
    """Read a row: the instructions become ``rules``, ``key`` the ``id``. Raises `RowError`."""
    prompt = fields.get(PROMPT)
    if not isinstance(prompt, str):
        raise RowError(f"{PROMPT} is not text")
    roles = {"rules": _rules(fields), "id": fields.get(KEY)}
    more = {name: value for name, value in roles.items() if value is not None}
    return Conversation([of.user(prompt)], 0, fields={**rest_of(fields, _USED), **more})


def _rules(fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = of.listed(fields.get(IDS), IDS)
    value = fields.get(KWARGS)
    kwargs = of.listed(value, KWARGS) if value else [{}] * len(names)
    if len(kwargs) != len(names):
        raise RowError(f"{IDS} has {len(names)} entries and {KWARGS} {len(kwargs)}")
    return [_rule(*pair) for pair in zip(names, kwargs, strict=True)]


def _rule(name: Any, keys: Any) -> dict[str, Any]:
    """One instruction as a rule; its copies with null for every other key are read too."""
    if not isinstance(name, str) or not isinstance(keys, Mapping | None):
        raise RowError(f"{IDS} must be a list of texts, and {KWARGS} one of objects")
    return {
        "type": name,
        **{key: value for key, value in (keys or {}).items() if value is not None},
    }


SHAPE = Shape(NAME, "IFEval", fits, read)
