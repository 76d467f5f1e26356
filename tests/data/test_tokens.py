from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.data.dataset import open_dataset
from steelyard.data.tokens import count_tokens, estimate, lengths
from steelyard.model import ModelSpec
from steelyard.model.tokenizer import Overhead, local_tokenizer, overhead, window_of

TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|> {{ m['content'] }} <|end|> {% endfor %}"
    "{% if add_generation_prompt %}<|assistant|> {% endif %}"
)
"""Three tokens a turn beside its words: where it begins, where it ends, nothing else."""


def words(texts):
    return [len(text.split()) for text in texts]


def model_folder(folder: Path, template: str | None = TEMPLATE) -> Path:
    """A model folder without weights: one token a word, a context of 20."""
    tokenizers = pytest.importorskip("tokenizers")
    known = {"[UNK]": 0, "one": 1, "two": 2}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(known, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text('{"max_position_embeddings": 20}')
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": template}))
    return folder


def write_task(folder: Path, rows: list[dict], model: str, instruction: str = "Say it.") -> Path:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = {
        "instruction": instruction,
        "output": {"kind": "text"},
        "examples": "rows.jsonl",
        "model": model,
    }
    (folder / "task.yaml").write_text(json.dumps(task))
    return folder


ROWS = [
    {"input": "one two three", "output": "four"},
    {
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "two two"},
            {"role": "user", "content": "one"},
            {"role": "assistant", "content": "two"},
        ]
    },
]


def test_a_models_own_tokenizer_counts_each_row_exactly(tmp_path):
    model_folder(tmp_path / "model")
    counts = count_tokens(open_dataset(write_task(tmp_path, ROWS, "hf:./model")))
    assert counts.method == "exact"
    assert counts.reason is None
    assert counts.input.tolist() == [3, 2 + 1 + 2 + 1]
    assert counts.output.tolist() == [1, 1]
    assert counts.instruction == 2
    assert counts.turns.tolist() == [2, 4]
    assert counts.has_system.tolist() == [False, True]
    assert counts.overhead == Overhead(opening=0, opening_system=2, per_turn=2)
    assert counts.whole.tolist() == [3 + 1 + 2 + 2 * 3, 6 + 1 + 2 + 2 * 5]
    assert counts.window == 20


def test_without_a_chat_template_only_the_texts_count(tmp_path):
    model_folder(tmp_path / "model", template=None)
    counts = count_tokens(open_dataset(write_task(tmp_path, ROWS[:1], "hf:./model")))
    assert counts.overhead == Overhead(0, 0, 1)
    assert "without a usable chat template" in counts.how


def test_hosted_models_are_estimated_and_say_so(tmp_path):
    rows = [{"input": "x" * 40, "output": "y" * 8}]
    counts = count_tokens(open_dataset(write_task(tmp_path, rows, "openai:gpt-4o-mini")))
    assert counts.method == "estimated"
    assert "openai:gpt-4o-mini is not on this machine" in (counts.reason or "")
    assert (counts.input[0], counts.output[0]) == (10, 2)
    assert counts.to_dict()["how"].startswith("an estimate from characters (")


@pytest.mark.parametrize("name", ["nobody/no-such-model", "/no/such/folder/here"])
def test_a_model_that_is_not_on_disk_is_not_downloaded(name):
    pytest.importorskip("huggingface_hub")
    found = local_tokenizer(ModelSpec("hf", name))
    assert found == f"{name} is neither a folder nor in the Hugging Face cache"


def test_a_folder_without_a_tokenizer_gives_the_reason(tmp_path):
    pytest.importorskip("transformers")
    (tmp_path / "config.json").write_text("{}")
    found = local_tokenizer(ModelSpec("hf", str(tmp_path)))
    assert isinstance(found, str)
    assert "no tokenizer" in found


@pytest.mark.parametrize(
    ("config", "window"),
    [
        ({"max_position_embeddings": 512}, 512),
        ({"n_positions": 1024}, 1024),
        ({"text_config": {"max_position_embeddings": 4096}, "n_positions": 1}, 4096),
        ({}, None),
    ],
)
def test_the_window_is_read_from_the_configuration(tmp_path, config, window):
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert window_of(tmp_path) == window


def test_a_template_that_refuses_system_messages_opens_like_one_without():
    refusing = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}"
    found = overhead(refusing + TEMPLATE, {}, words)
    assert found == Overhead(0, 0, 2)


@pytest.mark.parametrize(
    "template", ["{{ nothing.at.all }}", "{% if %}", "{{ strftime_now('%d') }}"]
)
def test_a_template_that_cannot_be_rendered_has_no_overhead(template):
    assert overhead(template, {}, words) is None


def test_a_template_cannot_reach_out_of_its_sandbox():
    assert overhead("{{ ''.__class__.__mro__[1].__subclasses__() }}", {}, words) is None


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("日本語日本語日本語日本", 10), ("안녕하세", 2)],
)
def test_characters_are_weighed_by_script(text, tokens):
    assert estimate([text]) == [tokens]


@given(st.lists(st.text(), max_size=5))
def test_an_estimate_is_a_whole_number_for_any_text(texts):
    found = estimate(texts)
    assert len(found) == len(texts)
    assert all((tokens == 0) == (text == "") for tokens, text in zip(found, texts, strict=True))


def test_lengths_of_no_rows_are_not_defined():
    assert lengths(np.array([], dtype=np.int64)) == {
        "p5": None, "p50": None, "p95": None, "max": None, "total": 0
    }  # fmt: skip


def test_the_embedded_tokenizer_needs_no_converted_weights(tmp_path, monkeypatch):
    pytest.importorskip("gguf")
    pytest.importorskip("tokenizers")
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path))
    found = local_tokenizer(ModelSpec("embedded", "smollm2-135m"))
    if isinstance(found, str):
        pytest.skip(found)
    assert found.window == 8192
    assert found.count_chat(["<|im_start|>Hello world<|im_end|>"]) == [4]
    assert overhead(found.template or "", {}, found.count_chat) == Overhead(21, 5, 5.5)
    assert list(tmp_path.iterdir()) == []
