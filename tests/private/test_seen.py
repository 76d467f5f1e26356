"""What a reader sees is found, however it is written, and marked where it stands."""

from __future__ import annotations

import pytest

from steelyard.private.find import find_private, find_within
from steelyard.private.redact import PlaceholderBook, hide, redact
from steelyard.private.seen import seen_text

WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("Jane.Doe＠example.com", "EMAIL"),
        ("Jane.Doe﹫example.com", "EMAIL"),
        ("jane.doe@example.com".translate(WIDE), "EMAIL"),
        ("jane\u200b.doe@exam\u200bple.com", "EMAIL"),
        ("jane\u00ad.doe@example.com", "EMAIL"),
        ("jane.doe@\u2060example.com", "EMAIL"),
        ("4242424242424242".translate(WIDE), "CARD"),
        ("4242 4242 4242 4242".translate(WIDE), "CARD"),
        ("4242–4242–4242–4242", "CARD"),
        ("4242\u20114242\u20114242\u20114242", "CARD"),
        ("4242\u20094242\u20094242\u20094242", "CARD"),
        ("4242\u200b4242\u200b4242\u200b4242", "CARD"),
        ("٤٢٤٢ ٤٢٤٢ ٤٢٤٢ ٤٢٤٢", "CARD"),
        ("GB29\u2007NWBK\u20076016\u20071331\u20079268\u200719", "IBAN"),
        ("+44 20 7946–0018", "PHONE"),
        ("＋44 20 7946 0018", "PHONE"),
        ("AKIAIOSF\u200bODNN7EXAMPLE", "SECRET"),
    ],
)
def test_no_way_of_writing_hides_a_value(value: str, kind: str) -> None:
    text = f"écris à {value} ¡hoy!"
    assert hide(text) == f"écris à [{kind}] ¡hoy!"
    assert redact(text, PlaceholderBook()) == f"écris à [{kind}_1] ¡hoy!"
    assert [finding.kind for finding in find_within(text)] == [kind.lower()]
    assert hide(f'{{"a": "{value}"}}') == f'{{"a": "[{kind}]"}}'


@pytest.mark.parametrize(
    "text",
    [
        "é",
        "10–20 Äpfel",
        "1990–1995",
        "Ｈｅｌｌｏ",
        "می\u200cخواهم",
        "x² + ½",
        "€ 4,50",
        "３時に＠駅",
    ],
)
def test_what_is_not_private_stays(text: str) -> None:
    assert find_private(text) == [] and hide(text) == text


def test_one_value_has_one_placeholder_however_it_is_written() -> None:
    text = "jo@example.com or jo＠example.com or jo@exa\u200bmple.com"
    assert redact(text, PlaceholderBook()) == "[EMAIL_1] or [EMAIL_1] or [EMAIL_1]"


def test_places_are_those_of_the_original() -> None:
    seen = seen_text("a\u200b＠b")
    assert seen == ("a@b", [0, 2, 3])
    assert seen.span(1, 3) == (2, 4)
