"""What a run keeps of its test examples: the content that decides, and clusters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from steelyard.core import Example, Message
from steelyard.errors import StorageError
from steelyard.store.database import Store
from steelyard.weigh.items import item_facts, keep_items, read_items

EXAMPLE = Example("a", "How much?", "BILLING", source="x.jsonl:1")


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({"source": "y.jsonl:9", "weight": 2.0, "slice": "s", "timestamp": "2024-01-01"}, True),
        ({"input": "How much? "}, False),
        ({"output": "OTHER"}, False),
        ({"context": (Message("user", "hi"),)}, False),
        ({"rules": "[]"}, False),
        ({"accepted": ("OTHER",)}, False),
    ],
)
def test_the_digest_is_of_what_decides_an_answer_and_its_score(
    change: dict[str, object], is_same: bool
) -> None:
    changed = replace(EXAMPLE, **change)  # type: ignore[arg-type]
    assert (item_facts([changed])["a"] == item_facts([EXAMPLE])["a"]) is is_same


def test_facts_are_kept_with_clusters(tmp_path: Path) -> None:
    groups = ["x", None, "y", "x", "y"]
    examples = [replace(EXAMPLE, id=str(at), group=group) for at, group in enumerate(groups)]
    store = Store.in_folder(tmp_path)
    assert read_items(store) is None
    keep_items(store, examples)
    items = read_items(store)
    assert items == item_facts(examples)
    assert items is not None
    first, alone, second, *rest = (items[str(at)].cluster for at in range(5))
    assert rest == [first, second] and first != second
    assert alone is None or alone not in (first, second)
    store.set_meta("test_items", {"0": ["digest"]})
    with pytest.raises(StorageError, match="damaged"):
        read_items(store)
    store.close()
