"""Lists and objects in another writing than JSON, and labels joined in one text: said."""

from __future__ import annotations

import pytest

from steelyard.data.otherwise import written_otherwise


@pytest.mark.parametrize(
    ("outputs", "says"),
    [
        (["['a']", "['b', 'c']", "[]"], "lists as Python writes them"),
        (["['a']", '["a\'s"]', "[]"], "lists as Python writes them"),
        (["{'a': 1}", "{'a': None}"], "objects as Python writes them"),
        (["billing", "billing;urgent", "vip", "vip;billing"], "may be several labels in one"),
        (["a|b", "b|a", "a"], "may be several labels in one"),
        (["Home, garden", "Food, drinks", "Toys"], None),
        (["red", "blue"], None),
        (["[INST]", "[x"], None),
    ],
)
def test_what_outputs_may_be_is_said(outputs: list[str], says: str | None) -> None:
    notes = written_otherwise("label", outputs)
    assert (says is None and not notes) or (says is not None and says in notes[0])
    assert not written_otherwise("json", outputs)
