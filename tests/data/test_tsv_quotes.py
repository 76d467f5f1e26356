from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.data.formats import reader_for


def rows(path: Path, text: str) -> list[tuple[dict[str, str], str | None]]:
    path.write_text(text, encoding="utf-8", newline="")
    return [(dict(row.fields), row.reason) for row in reader_for(path)(path, {})]


def test_a_lone_quote_in_a_tsv_is_a_character(tmp_path: Path) -> None:
    found = rows(
        tmp_path / "a.tsv",
        'label\ttext\nham\t"why not, he said\nham\tfine\nspam\t"quoted" and on\n',
    )
    assert [fields["text"] for fields, _ in found] == [
        '"why not, he said',
        "fine",
        '"quoted" and on',
    ]
    assert all(reason is None for _, reason in found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('label\ttext\nham\t"a ""b"" c"\n', 'a "b" c'),
        ('label\ttext\nham\t"two\nlines"\n', "two\nlines"),
        ('label\ttext\nham\t"a\ttab"\n', "a\ttab"),
    ],
)
def test_a_spreadsheets_quoting_is_still_understood(tmp_path: Path, text: str, said: str) -> None:
    [(fields, reason)] = rows(tmp_path / "a.tsv", text)
    assert reason is None
    assert fields["text"] == said


def test_a_csv_row_that_swallows_lines_names_them(tmp_path: Path) -> None:
    found = rows(tmp_path / "a.csv", 'text,label\n"open,ham\nfine,ham\n"x" y,ham\nlast,ham\n')
    [reason] = [reason for _, reason in found if reason]
    assert "lines 2 to 4 are one row" in reason
