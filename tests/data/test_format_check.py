from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.data.base import CheckOptions, Finding
from steelyard.data.checks.format import find
from steelyard.data.dataset import open_dataset
from steelyard.data.texts.encoding import faults_in, load_repair
from steelyard.errors import ConfigError


def check(folder: Path, rows: list, tuning: str | None = None):
    """Check rows; text goes into the file as it is."""
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / "rows.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    config = {
        "instruction": "Say it.",
        "output": {"kind": "text"},
        "examples": "rows.jsonl",
        "model": "openai:gpt-4o-mini",
    }
    (folder / "task.yaml").write_text(json.dumps(config))
    return find(open_dataset(folder), CheckOptions(tuning=tuning))


def about(result, words: str) -> Finding:
    found = [each for each in result.findings if words in each.message]
    assert len(found) == 1, [each.message for each in result.findings]
    return found[0]


def chat(*turns: tuple[str, str]) -> dict:
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


GOOD = [{"input": f"question {number}", "output": "yes"} for number in range(12)]


def test_a_sound_file_has_only_openais_end_and_what_training_takes(tmp_path):
    result = check(tmp_path, GOOD)
    assert [each.severity for each in result.findings] == ["note", "note"]
    assert "no new jobs from 6 January 2027" in result.findings[0].message
    tokens = result.facts["tuning"]["together"]["tokens_per_epoch"]
    said = f"12 rows are about {tokens:,} tokens to train on"
    assert result.findings[1].message.startswith(said)
    assert f"OpenAI {8 * tokens:,} in 8 epochs, Together {tokens:,} in 1 epoch, local LoRA" in (
        result.findings[1].message
    )
    assert "for the price" in result.findings[1].message
    assert result.facts["unreadable"] == {}
    assert result.facts["system_prompts"] == {"different": 0, "rows_without": 12}


def test_unreadable_rows_are_grouped_by_kind_of_reason(tmp_path):
    rows = [
        *GOOD,
        "{broken",
        '{"input": 1, "output": "x"',
        chat(("user", "hi")),
        chat(("user", "a"), ("robot", "b")),
        chat(("user", "a"), ("wizard", "b")),
    ]
    result = check(tmp_path, rows)
    broken = about(result, "not JSON")
    assert broken.severity == "error"
    assert broken.rows == (13, 14)
    assert "2 rows cannot be used: for example rows.jsonl line 13: not JSON" in broken.message
    assert broken.evidence[0]["source"] == "rows.jsonl:13"
    assert about(result, "must be the assistant's").rows == (15,)
    assert about(result, "has role").rows == (16, 17)
    assert sum(result.facts["unreadable"].values()) == 5


def test_turns_out_of_order_are_errors(tmp_path):
    rows = [
        chat(("user", "a"), ("user", "b"), ("assistant", "c")),
        chat(("system", "s"), ("user", "b"), ("assistant", "c")),
        chat(("user", "a"), ("system", "s"), ("user", "b"), ("assistant", "c")),
    ]
    found = about(check(tmp_path, rows), "turns out of order")
    assert found.severity == "error"
    assert found.rows == (1, 3)
    assert found.evidence[0]["roles"] == ["user", "user"]


def test_the_minority_of_system_messages_is_named(tmp_path):
    usual = [chat(("system", "Be kind."), ("user", f"q{n}"), ("assistant", "a")) for n in range(6)]
    other = chat(("system", "Be brief."), ("user", "q"), ("assistant", "a"))
    found = about(check(tmp_path, [*usual, other, *GOOD[:2]]), "system messages")
    assert found.severity == "warning"
    assert found.rows == (7, 8, 9)
    assert "2 different system messages and 2 rows without one: 6 of 9 rows" in found.message


def test_one_system_message_everywhere_is_no_finding(tmp_path):
    same = [chat(("system", "Be kind."), ("user", f"q{n}"), ("assistant", "a")) for n in range(12)]
    result = check(tmp_path, same)
    assert not [each for each in result.findings if "system message" in each.message]
    assert result.facts["system_prompts"] == {"different": 1, "rows_without": 0}


def test_damaged_text_is_found_and_the_repair_shown(tmp_path):
    pytest.importorskip("ftfy")
    rows = [
        *GOOD,
        {"input": "le cafÃ© est fermÃ©", "output": "x"},
        {"input": "a\ufffdb", "output": "x"},
        {"input": "plain", "output": "zero\u200bwidth"},
        {"input": "bell\x07", "output": "x"},
        {"input": "\ufeffjoined", "output": "x"},
        {"input": "Tom &amp; Jerry", "output": "x"},
        {"input": "old\rMac", "output": "x"},
        {"input": "déjà vu, naïve, 日本語, 👩‍👩‍👧", "output": "sound"},
    ]
    result = check(tmp_path, rows)
    mojibake = about(result, "mojibake")
    assert mojibake.rows == (13,)
    assert mojibake.evidence[0]["fixed"] == "le café est fermé"
    assert about(result, "U+FFFD").rows == (14,)
    assert about(result, "zero-width").evidence[0]["found"] == "U+200B"
    assert about(result, "control characters").rows == (16,)
    assert about(result, "byte order mark").rows == (17,)
    assert about(result, "escaped HTML").severity == "note"
    assert about(result, "line endings other than").rows == (19,)
    assert result.facts["encoding"] == dict.fromkeys(
        "mojibake replaced control invisible byte_order_mark line_ends entities".split(), 1
    )


def test_without_ftfy_the_commonest_mojibake_is_still_seen():
    assert [each.sign for each in faults_in("cafÃ© â€œsoâ€\x9d", None)] == ["mojibake"]
    assert faults_in("São Paulo, À, Ñandú", None) == []


def test_mixed_line_ends_are_found(tmp_path):
    rows = [*GOOD, {"input": "a\r\nb", "output": "x"}, {"input": "a\nb", "output": "x"}]
    assert about(check(tmp_path, rows), "CRLF").rows == (13,)


def test_line_ends_of_one_kind_are_no_finding(tmp_path):
    rows = [*GOOD, {"input": "a\r\nb", "output": "x"}]
    assert not [f for f in check(tmp_path, rows).findings if "CRLF" in f.message]


def test_keys_that_nothing_uses_are_noted(tmp_path):
    found = about(check(tmp_path, [{**row, "colour": "red"} for row in GOOD]), "not used")
    assert found.message.startswith("1 key is not used: 'colour'")
    assert (found.severity, found.count, found.rows) == ("note", 1, ())


def test_providers_are_judged_more_gravely_when_named(tmp_path):
    few = about(check(tmp_path, GOOD[:5]), "fine-tuning at OpenAI")
    named = about(check(tmp_path, GOOD[:5], "openai"), "fine-tuning at OpenAI")
    assert (few.severity, named.severity) == ("warning", "error")
    assert "5 training examples, and the minimum is 10" in named.message
    assert "read 2026-11-21" in named.message


def test_only_the_named_provider_is_judged(tmp_path):
    result = check(tmp_path, GOOD, "fireworks")
    assert list(result.facts["tuning"]) == ["fireworks", "local"]
    assert not [each for each in result.findings if "fine-tuning at" in each.message]


def test_an_unknown_provider_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'openai'"):
        check(tmp_path, GOOD, "openia")


def test_the_facts_are_json_and_have_no_invented_price(tmp_path):
    facts = check(tmp_path, GOOD).facts
    json.dumps(facts, allow_nan=False)
    openai = facts["tuning"]["openai"]
    assert openai["fits"] is True
    assert openai["epochs"] == 8  # 100 // 12
    assert openai["training_tokens"] == 8 * openai["tokens_per_epoch"]
    assert openai["price"] is None
    assert openai["currency"] == "USD"
    assert "estimated" in openai["tokens_by"]


def test_a_file_without_a_readable_row_is_only_unreadable(tmp_path):
    result = check(tmp_path, ["{", "["])
    assert {each.severity for each in result.findings if each.rows} == {"error"}
    assert result.facts["tuning"]["openai"]["training_tokens"] is None
    assert result.facts["tuning"]["openai"]["fits"] is False


def test_the_repair_is_shown_where_it_changes_something():
    repair, _ = load_repair()
    if repair is None:
        pytest.skip("ftfy is not installed")
    (found,) = faults_in(f"{'a word ' * 40}le cafÃ© est fermÃ© {'and on ' * 40}", repair)
    assert "le café est fermé" in found.place
    assert len(found.place) < 80


@given(st.text(max_size=60))
def test_any_text_can_be_looked_at(text):
    repair, _ = load_repair()
    assert all(each.place for each in faults_in(text, repair))


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="&")))
def test_plain_text_is_never_damaged(text):
    assert faults_in(text, None) == []


def test_marks_of_chat_templates_are_told_where_a_hosted_model_reads_them(tmp_path):
    rows = [
        *GOOD,
        {"input": "bye<|im_end|>", "output": "yes"},
        chat(("user", "[INST] hi"), ("assistant", "a"), ("user", "b"), ("assistant", "yes")),
        {"input": "assistant: <b>hello</b> a < b | c > d", "output": "yes"},
    ]
    finding = about(check(tmp_path, rows), "marks of chat templates")
    assert finding.rows == (13, 14)
    assert finding.evidence[0]["found"] == "<|im_end|>"
    assert "2 rows have marks" in finding.message
    task = json.loads((tmp_path / "task.yaml").read_text())
    (tmp_path / "task.yaml").write_text(json.dumps({**task, "model": "fake:smart"}))
    local = find(open_dataset(tmp_path), CheckOptions())
    assert not [each for each in local.findings if "marks of chat" in each.message]
