from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.layout import has_layout, laid_out, trimmed

LAID_OUT = {
    "code": "    total = a + b\n    return total",
    "code by tabs": "\tif (a) {\n\t\tb();\n\t}",
    "a closing line": "  return x\n}",
    "one line of code": "    return a + b",
    "one assignment": "\tself.total += 1",
    "diff": " def f():\n-    return 1\n+    return 2",
    "flat diff": " a\n-b\n+c",
    "poem": "    The sea, the sea,\n        the open sea",
    "table": "     | yes | no\n-----+-----+---\n ham |  12 |  3",
    "nested list": "  - one\n    - two\n  - three",
    "yaml": "  name: a\n  of:\n    - b",
}
PROSE = {
    "stray space": " Paris",
    "spaces": "   Thank you.  ",
    "stray space before lines": " Dear Ann,\n\nthank you.\nBob",
    "no spaces": "a\nb",
    "words like code": "  Return it to me, please",
}


@pytest.mark.parametrize("text", LAID_OUT.values(), ids=LAID_OUT.keys())
def test_the_first_line_keeps_its_indentation(text: str) -> None:
    assert has_layout(text)
    assert trimmed(f"\n \n{text} \n\n") == text
    assert trimmed(f"\r\n{text}\r\n") == text


@pytest.mark.parametrize("text", PROSE.values(), ids=PROSE.keys())
def test_prose_is_stripped(text: str) -> None:
    assert not has_layout(text)
    assert trimmed(f"\n{text}\n") == text.strip()


def test_line_ends_do_not_count() -> None:
    assert laid_out("  a \r\n\r\n    b\t\r\n") == "  a\n\n    b"


@given(st.text(alphabet=" \t\n\ra-+={"))
def test_trimming_twice_changes_nothing_more(text: str) -> None:
    once = trimmed(text)
    assert trimmed(once) == once and once.strip() == text.strip()
