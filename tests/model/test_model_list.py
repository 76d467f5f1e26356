"""The key ``model`` as a list: tags, order, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.data.outfiles import moved_task
from steelyard.errors import ConfigError
from steelyard.model import ModelSpec
from steelyard.model.config import ModelConfig, tags_of
from steelyard.task.config import Task, load_task

BASE = """\
instruction: Classify.
output: {kind: label, labels: [A, B]}
examples: examples.jsonl
"""


def write(folder: Path, model: str) -> Task:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "examples.jsonl").write_text('{"input": "x", "output": "A"}\n', encoding="utf-8")
    (folder / "task.yaml").write_text(f"{BASE}model: {model}\n", encoding="utf-8")
    return load_task(folder)


def test_a_list_mixes_texts_and_mappings(tmp_path: Path) -> None:
    own = "{provider: openai, name: org/llama, base_url: 'http://x/v1', tag: big}"
    task = write(tmp_path, f"[smollm2-135m, 'openai:gpt-4o-mini', {own}]")
    assert [model.name for model in task.models] == ["smollm2-135m", "gpt-4o-mini", "org/llama"]
    assert task.model == task.models[0]
    assert task.model_tags == ("smollm2-135m", "gpt-4o-mini", "big")
    spec = ModelSpec(**task.models[2].to_spec())
    assert (spec.name, spec.base_url) == ("org/llama", "http://x/v1")
    again = task.updated(name="other")
    assert (again.models, again.model_tags) == (task.models, task.model_tags)


def test_a_list_of_one_says_what_the_model_alone_says(tmp_path: Path) -> None:
    alone = write(tmp_path / "a" / "t", "fake:smart")
    listed = write(tmp_path / "b" / "t", "['fake:smart']")
    assert alone.models == listed.models and alone.fingerprint == listed.fingerprint
    both = write(tmp_path / "c" / "t", "['fake:smart', 'fake:echo']")
    assert both.fingerprint != alone.fingerprint


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("[]", "line 4: model: the list is empty"),
        ("['fake:smart', 'fake:smart']", "model: fake:smart is listed twice"),
        ("['fake:smart', gpt]", "line 4: model.1: unknown model 'gpt'"),
        ("['fake:smart', {provider: opnai, name: x}]", "(did you mean 'openai'?)"),
        ("['fake:smart', {provider: fake, nme: x}]", "unknown key 'nme' (did you mean 'name'?)"),
        ("[3]", "line 4: model.0 must be a mapping of keys, not 3"),
        ("[{provider: fake, name: smart, tag: 'x y'}]", "tag 'x y' may have up to 40 letters"),
        (
            "[{provider: fake, name: smart, tag: x}, {provider: fake, name: echo, tag: X}]",
            "two models have the same tag (x, X)",
        ),
    ],
)
def test_what_is_wrong_with_a_list(model: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        write(tmp_path, model)
    assert said in str(caught.value)
    assert "<" not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("fake:smrt", "unknown fake model 'smrt' (did you mean 'smart'?); known: smart, echo"),
        ("'fake:eco?batch=2'", "unknown fake model 'eco' (did you mean 'echo'?)"),
        ("smart", "unknown model 'smart' (did you mean 'fake:smart'?)"),
        ("gpt-4o", "unknown model 'gpt-4o' (did you mean 'openai:gpt-4o'?)"),
        ("claude-sonnet-4-5", "did you mean 'anthropic:claude-sonnet-4-5'"),
        ("gemini-2.5-flash", "did you mean 'gemini:gemini-2.5-flash'"),
        ("mistral-small", "did you mean 'mistral:mistral-small'"),
        ("Qwen/Qwen3-4B", "did you mean 'hf:Qwen/Qwen3-4B'"),
        ("smolm2-135m", "did you mean 'smollm2-135m'"),
    ],
)
def test_a_name_without_its_provider_gets_it_suggested(
    model: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        write(tmp_path, model)
    assert said in str(caught.value)


def test_models_is_no_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"unknown key 'models' \(did you mean 'model'\?\)"):
        write(tmp_path, "fake:smart\nmodels: ['fake:echo']")


def test_tags_are_short_names_made_safe() -> None:
    models = [
        ModelConfig(provider=provider, name=name)
        for provider, name in (
            ("openai", "gpt-4o"),
            ("openrouter", "openai/gpt-4o"),
            ("openai", "org/GPT-4o"),
            ("fake", "smart?sleep=0.1&log=/tmp/x"),
            ("hf", "/models/my model/"),
            ("hf", "…"),
        )
    ]
    assert tags_of(models) == (
        "gpt-4o",
        "gpt-4o-openrouter",
        "GPT-4o-openai",
        "smart",
        "my-model",
        "hf",
    )


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=30).filter(str.strip),
        min_size=1,
        max_size=6,
    )
)
def test_tags_are_distinct_fit_folders_and_stay_when_models_are_added(names: list[str]) -> None:
    models = [ModelConfig(provider="hf", name=name) for name in names]
    tags = tags_of(models)
    assert len({tag.casefold() for tag in tags}) == len(tags)
    assert all(tag.isascii() and "/" not in tag and not tag.startswith(".") for tag in tags)
    assert all(tags_of(models[:count]) == tags[:count] for count in range(len(models)))


def test_folders_in_a_list_stay_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "task" / "weights").mkdir(parents=True)
    task = write(tmp_path / "task", "['hf:./weights', 'fake:smart']")
    weights = str((tmp_path / "task" / "weights").resolve())
    assert [model.name for model in task.models] == [weights, "smart"]
    moved = moved_task(task, tmp_path / "moved", {"all": "rows.jsonl"}, "moved")
    assert "../task/weights" in moved and "name: smart" in moved
