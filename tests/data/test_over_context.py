from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from steelyard.data.base import CheckOptions
from steelyard.data.checks.over_context import find
from steelyard.data.dataset import open_dataset

pytest.importorskip("tokenizers")


def open_rows(folder: Path, lengths: list[int], window: int = 20, **task: object):
    """Rows of so many words at a model that reads ``window`` words."""
    import tokenizers

    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    (folder / "model").mkdir()
    tokenizer.save(str(folder / "model" / "tokenizer.json"))
    (folder / "model" / "config.json").write_text(json.dumps({"max_position_embeddings": window}))
    (folder / "model" / "chat_template.jinja").write_text(
        "{% for m in messages %}{{ m['content'] }} {% endfor %}"
    )
    rows = [{"input": " ".join(["w"] * length), "output": "yes"} for length in lengths]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = {
        "instruction": "Say it.",
        "output": {"kind": "text"},
        "examples": "rows.jsonl",
        "model": "hf:./model",
        **task,
    }
    (folder / "task.yaml").write_text(json.dumps(config))
    return open_dataset(folder)


def test_rows_over_the_window_are_errors_the_longest_first(tmp_path):
    data = open_rows(tmp_path, [2, 18, 30, 17, 2, 2])
    result = find(data, CheckOptions())
    error = next(each for each in result.findings if each.severity == "error")
    assert error.rows == (3, 2)  # 17 words, 2 of instruction and 1 of answer are 20: they fit
    assert [each["tokens"] for each in error.evidence] == [33, 21]
    assert "2 rows need more than the 20 tokens" in error.message
    assert result.facts["over"] == 2


def test_rows_over_half_the_window_are_a_note_with_the_shots_that_fit(tmp_path):
    result = find(open_rows(tmp_path, [2, 2, 2, 12]), CheckOptions())
    (note,) = result.findings
    assert note.severity == "note"
    assert note.rows == (4,)
    # beside a row of 5 words, examples of 3 words: (20 - 5) // 3
    assert "next to a row of median length, 5 examples fit" in note.message
    assert result.facts["shots_that_fit"] == 5


def test_the_room_reserved_for_answers_counts(tmp_path):
    result = find(open_rows(tmp_path, [10], max_output_tokens=9), CheckOptions())
    assert result.facts["over"] == 1
    assert "1 row needs more" in result.findings[0].message


def test_short_rows_have_no_finding_but_lengths(tmp_path):
    result = find(open_rows(tmp_path, [1, 2, 3], window=100), CheckOptions())
    assert result.findings == ()
    assert result.reason is None
    assert result.facts["tokens"]["input"] == {"p5": 1, "p50": 2, "p95": 3, "max": 3, "total": 6}
    assert result.facts["window"] == 100


def test_an_unknown_window_is_a_reason_and_no_guess(tmp_path):
    result = find(open_rows(tmp_path, [99], model="openai:no-such-model-at-all"), CheckOptions())
    assert result.findings == ()
    assert result.facts["window"] is None
    assert "no context window for 'no-such-model-at-all'" in (result.reason or "")


def test_a_hosted_models_window_comes_from_the_book(tmp_path):
    result = find(open_rows(tmp_path, [99], model="openai:gpt-4o-mini"), CheckOptions())
    assert result.facts["window"] == 128_000
    assert result.facts["window_source"].startswith("genai-prices ")
    assert "not on this machine" in (result.reason or "")


def test_torch_is_not_imported(tmp_path):
    import subprocess
    import sys

    open_rows(tmp_path, [3])
    code = (
        "import sys; from steelyard.data.dataset import open_dataset;"
        "from steelyard.data.base import CheckOptions;"
        "from steelyard.data.checks.over_context import find;"
        f"assert find(open_dataset({str(tmp_path)!r}), CheckOptions()).facts['window'] == 20;"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    assert importlib.util.find_spec("steelyard")
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
