"""What each provider of fine-tuning takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from steelyard.data import check, convert
from steelyard.data.base import CheckOptions
from steelyard.data.formats.shapes.chat import vendors
from steelyard.errors import DataError
from tests.data.converting import (
    CALL,
    CHATS,
    converted,
    lines,
    read,
)

VENDORS = {
    "openai": {"id": 1},
    "azure": {"id": 1},
    "together": {"id": 1, "name": 1},
    "fireworks": {"id": 1, "name": 1},
    "mistral": {"id": 1, "name": 1, "tool call ids as they were": 1},
}


@pytest.mark.parametrize(("to", "lost"), VENDORS.items(), ids=VENDORS)
def test_each_provider_gets_its_keys(tmp_path: Path, to: str, lost: dict[str, int]) -> None:
    source = lines(tmp_path / "in.jsonl", CHATS)
    outcome = convert(source, tmp_path / "out.jsonl", to=to)
    assert (outcome.written, dict(outcome.lost)) == (4, lost)
    raw = (tmp_path / "out.jsonl").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf") == (to == "azure")
    rows = read(tmp_path / "out.jsonl")
    called, result = rows[2]["messages"][1:3]
    assert called["tool_calls"][0]["id"] == result["tool_call_id"]
    assert (len(result["tool_call_id"]) == 9) == (to == "mistral")
    assert rows[1]["messages"][1]["weight"] == 0


def test_the_providers_say_their_source_and_day() -> None:
    import yaml

    import steelyard.data

    path = Path(steelyard.data.__file__).parent / "data" / "vendors.yaml"
    for name, given in yaml.safe_load(path.read_text(encoding="utf-8")).items():
        assert given["source"].startswith("https://")
        assert str(given["read"]) >= "2026"
        assert name in vendors()


def test_fireworks_keeps_the_weight_of_a_row_and_others_report_it(tmp_path: Path) -> None:
    row = {**CHATS[3], "weight": 2.5}
    assert converted(tmp_path, row, "fireworks")["weight"] == 2.5
    outcome = convert(tmp_path / "in.jsonl", tmp_path / "o.jsonl", to="together")
    assert outcome.lost == {"weight": 1}


def test_a_turn_weight_that_a_provider_does_not_know_is_dropped_and_said(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "weight": 0.5}]
    source = lines(tmp_path / "in.jsonl", [{"messages": turns}])
    outcome = convert(source, tmp_path / "out.jsonl", to="openai")
    assert outcome.lost == {"weight": 1}


def test_old_function_calls_need_a_provider_that_knows_them(tmp_path: Path) -> None:
    turns = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
    ]
    row = {"messages": turns, "functions": [{"name": "f"}]}
    assert converted(tmp_path, row, "openai") == row
    with pytest.raises(DataError, match="function_call, which together cannot hold"):
        convert(tmp_path / "in.jsonl", tmp_path / "o.jsonl", to="together")


def test_pictures_go_where_parts_are_taken(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "see "}, {"type": "text", "text": "this"}]
    turns = [{"role": "user", "content": parts}, {"role": "assistant", "content": "a"}]
    assert converted(tmp_path, {"messages": turns}, "openai")["messages"][0]["content"] == parts
    assert (
        converted(tmp_path, {"messages": turns}, "mistral")["messages"][0]["content"] == "see this"
    )
    picture = [*parts, {"type": "image_url", "image_url": {"url": "x"}}]
    turns = [{"role": "user", "content": picture}, {"role": "assistant", "content": "a"}]
    assert converted(tmp_path, {"messages": turns}, "together")["messages"][0]["content"] == picture
    with pytest.raises(DataError, match="more than text, which mistral cannot hold"):
        converted(tmp_path, {"messages": turns}, "mistral")


@pytest.mark.parametrize("to", VENDORS)
@pytest.mark.parametrize(
    "part", [{"text": "see this"}, {"type": "input_text", "text": "see this"}, "see this"]
)
def test_parts_of_text_are_written_in_the_words_of_the_provider(
    tmp_path: Path, to: str, part: Any
) -> None:
    turns = [{"role": "user", "content": [part]}, {"role": "assistant", "content": "a"}]
    written = converted(tmp_path, {"messages": turns}, to)["messages"][0]["content"]
    assert written == ("see this" if to == "mistral" else [{"type": "text", "text": "see this"}])


@pytest.mark.parametrize("to", VENDORS)
@pytest.mark.parametrize("part", [{"type": "tool_use", "id": "x"}, {"image": {"format": "png"}}, 7])
def test_parts_that_a_provider_does_not_know_are_refused(
    tmp_path: Path, to: str, part: Any
) -> None:
    turns = [{"role": "user", "content": [part]}, {"role": "assistant", "content": "a"}]
    with pytest.raises(DataError, match="cannot hold"):
        converted(tmp_path, {"messages": turns}, to)


@pytest.mark.parametrize("to", VENDORS)
@pytest.mark.parametrize("texts", [0, 2, 12], ids=["all call tools", "most do", "few do"])
def test_what_is_written_for_a_provider_passes_its_own_check(
    tmp_path: Path, to: str, texts: int
) -> None:
    question = {"role": "user", "content": "q"}
    calling = {"messages": [question, {"role": "assistant", "tool_calls": [CALL]}]}
    picture = {"type": "image_url", "image_url": {"url": "x"}}
    seen = {"messages": [{**question, "content": [picture]}, {"role": "assistant", "content": "a"}]}
    plain = [
        {
            "messages": [
                {**question, "content": f"q{at}"},
                {"role": "assistant", "content": f"a{at}"},
            ]
        }
        for at in range(texts)
    ]
    source = lines(tmp_path / "in.jsonl", [*plain, *[calling] * 10, seen])
    outcome = convert(source, tmp_path / "out.jsonl", to=to)
    assert outcome.written == texts + (10 if to == "mistral" else 11)
    audit = check(tmp_path / "out.jsonl", only="format", options=CheckOptions(tuning=to))
    assert not [finding for finding in audit.findings if finding.severity == "error"]
    told = "; ".join(finding.message for finding in audit.findings)
    assert f"calls a tool, which cannot be weighed as text, but {to} takes it" in told
    audit = check(tmp_path / "out.jsonl", only="format")
    errors = [finding.message for finding in audit.findings if finding.severity == "error"]
    assert "10 rows cannot be used" in "; ".join(errors)
