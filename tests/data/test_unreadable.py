"""Where no row of a file can be read, every verb says the reason once, and what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from steelyard.data import check, fix, split
from steelyard.data.starter import start_from_file
from steelyard.errors import DataError

ROWS = [(f"this is ticket text number {n}", ("billing", "account")[n % 2]) for n in range(30)]
HEADER = "text,label\n"


def table(line: str, header: str = HEADER) -> str:
    return header + "".join(line.format(text=text, label=label) + "\n" for text, label in ROWS)


def lines(change: str = "{}", **dump: object) -> str:
    rows = [json.dumps({"text": text, "label": label}, **dump) for text, label in ROWS]  # type: ignore[arg-type]
    return "".join(change.replace("{}", row) + "\n" for row in rows)


UNREADABLE = {
    "wider rows": (
        "a.csv",
        table("0,{text},{label}"),
        "a.csv has no readable row: has 3 of 2 cells: quote cells that hold the delimiter (first lines 2, 3 "
        "and 4); as all rows are alike, the header may lack a name",
    ),
    "narrower rows": ("a.csv", table("{text};{label}"), "has 1 of 2 cells: fill in the others"),
    "quotes": (
        "a.csv",
        table('"{text},{label}'),
        "a.csv has no readable row: not CSV (',' expected",
    ),
    "no header": ("a.csv", table("{text},{label}", ""), "seems to have no header"),
    "no rows": ("a.csv", HEADER, "give a header line and one row per example"),
    "no labels": ("a.csv", table("{text},"), "30 bad rows in a.csv: empty output"),
    "latin table": (
        "a.csv",
        table("é {text},{label}").encode("latin1"),
        "iconv -f CP1252 -t UTF-8",
    ),
    "latin lines": (
        "a.jsonl",
        lines(ensure_ascii=False).replace("this", "thís").encode("latin1"),
        "iconv -f CP1252 -t UTF-8 a.jsonl > fixed.jsonl (first lines 1, 2 and 3)",
    ),
    "utf-16": ("a.csv", table("{text},{label}").encode("utf-16"), "iconv -f UTF-16 -t UTF-8"),
    "utf-16 without mark": (
        "my rows.csv",
        table("{text},{label}").encode("utf-16-le"),
        "looks like UTF-16 without its mark): save it as UTF-8, for example: iconv -f UTF-16LE -t UTF-8 "
        "'my rows.csv' > fixed",
    ),
    "utf-16 lines": ("a.jsonl", lines().encode("utf-16-be"), "iconv -f UTF-16BE -t UTF-8"),
    "pretty": ("a.jsonl", lines(indent=2), "jq -c . a.jsonl > rows.jsonl"),
    "rows in a member": (
        "a.json",
        json.dumps({"my data": [{"text": "a", "label": "b"}]}, indent=1),
        "jq -c '.[\"my data\"][]' a.json > rows.jsonl",
    ),
    "single quotes": ("a.jsonl", lines().replace('"', "'"), "names and texts need double quotes"),
    "trailing commas": (
        "a.jsonl",
        lines().replace("}", ",}"),
        "30 bad rows in a.jsonl: not JSON (",
    ),
    "arrays": (
        "a.jsonl",
        "".join(f"{json.dumps(row)}\n" for row in ROWS),
        "a JSON array, not an object: write each row with names, such as text and label (",
    ),
}


@pytest.mark.parametrize(("name", "content", "said"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_the_reason_is_said_once_by_every_verb(
    name: str, content: str | bytes, said: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    for verb in (
        lambda: start_from_file(tmp_path / "task", path),
        lambda: check(path),
        lambda: fix(path, tmp_path / f"out{path.suffix}"),
        lambda: split(path, tmp_path / "parts"),
    ):
        with pytest.raises(DataError) as caught:
            verb()
        assert said in str(caught.value)
        assert len(str(caught.value)) < 400
