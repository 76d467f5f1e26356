from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.core import Example, Message
from steelyard.data.dataset import open_dataset
from steelyard.data.tokens import count_tokens
from steelyard.data.tuning.estimate import default_epochs, estimate_local, estimate_training
from steelyard.data.tuning.review import (
    as_chats,
    chat_row,
    review,
    row_bytes,
    token_limit,
    training_rows,
)
from steelyard.data.tuning.rules import PROVIDERS, get_provider
from steelyard.data.tuning.turns import alternates, system_first
from steelyard.errors import ConfigError

OPENAI_EPOCHS = get_provider("openai").value("default_epochs")


def open_rows(folder: Path, rows: list[dict], **task: object):
    """A task for a hosted model: lengths are estimated, 4 characters a token."""
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = {
        "instruction": "Say it.",
        "output": {"kind": "text"},
        "examples": "rows.jsonl",
        "model": "openai:gpt-4.1-mini",
        **task,
    }
    (folder / "task.yaml").write_text(json.dumps(config))
    return open_dataset(folder)


def reviewed(data, name):
    return review(data, as_chats(data), count_tokens(data), get_provider(name))


def plain(count: int) -> list[dict]:
    return [{"input": f"question {number}", "output": "yes"} for number in range(count)]


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_rule_has_a_source_and_a_day_or_a_reason(name):
    provider = get_provider(name)
    assert set(provider.rules) == set(get_provider("openai").rules)
    for rule in provider.rules.values():
        if rule.value is None:
            assert rule.reason
        else:
            assert rule.source.startswith("https://")
            assert rule.read == "2026-11-21"
    assert provider.prices_at.startswith("https://")


def test_an_unknown_provider_gets_the_closest_name():
    with pytest.raises(ConfigError, match=r"'fireworx' \(did you mean 'fireworks'\?\)"):
        get_provider("fireworx")


def test_openai_has_an_end_with_its_source():
    ends = get_provider("openai").ends
    assert ends is not None
    assert (ends.date, ends.announced) == ("2027-01-06", "2026-05-07")
    assert ends.source.startswith("https://developers.openai.com/")


def test_too_few_examples_are_refused_by_those_that_say_so(tmp_path):
    data = open_rows(tmp_path, plain(9))
    fits = {name: reviewed(data, name).fits for name in PROVIDERS}
    assert fits == {
        "openai": False,
        "azure": False,
        "together": True,
        "fireworks": True,
        "mistral": True,
    }
    (violation,) = reviewed(data, "openai").violations
    assert violation.says == "9 training examples, and the minimum is 10"
    assert violation.cited.endswith("read 2026-11-21")


def test_a_sound_file_breaks_no_rule_anywhere(tmp_path):
    data = open_rows(tmp_path, plain(10))
    assert all(reviewed(data, name).violations == () for name in PROVIDERS)


def test_turns_out_of_order_are_refused_where_it_is_documented(tmp_path):
    late = {
        "messages": [
            {"role": "user", "content": "a"},
            {"role": "system", "content": "b"},
            {"role": "user", "content": "c"},
            {"role": "assistant", "content": "d"},
        ]
    }
    data = open_rows(tmp_path, [*plain(10), late])
    assert [each.rule for each in reviewed(data, "together").violations] == [
        "system_first",
        "alternate",
    ]
    assert [each.rule for each in reviewed(data, "fireworks").violations] == ["system_first"]
    assert reviewed(data, "together").indices == [10]
    assert reviewed(data, "openai").violations == ()


def test_empty_answers_and_odd_weights_are_found(tmp_path):
    rows = [*plain(10), {"input": "x", "output": " "}, {"input": "y", "output": "z", "weight": 0.5}]
    data = open_rows(tmp_path, rows)
    assert [each.rule for each in reviewed(data, "openai").violations] == ["text_required"]
    weights = reviewed(data, "azure")
    assert weights.fits
    assert (
        weights.violations[0].says == "1 row with a weight other than 0 or 1, which would be lost"
    )
    assert weights.indices == [11]


def test_rows_over_the_models_limit_are_warned_of(tmp_path):
    rows = [*plain(10), {"input": "x" * 4 * 40_000, "output": "y"}]
    data = open_rows(tmp_path, rows, model="openai:gpt-4.1-nano-2025-04-14")
    azure = reviewed(data, "azure")
    assert azure.fits
    assert "1 row over the 32,768 tokens of gpt-4.1-nano" in azure.violations[0].says
    assert azure.indices == [10]


def test_limits_on_the_whole_job_are_kept(tmp_path):
    data = open_rows(tmp_path, plain(10))
    counts, chats, azure = count_tokens(data), as_chats(data), get_provider("azure")
    huge = replace(counts, input=counts.input + 2 * 10**8)
    assert [each.rule for each in review(data, chats, huge, azure).violations] == [
        "max_tokens_per_example",
        "max_job_tokens",
    ]
    heavy = chats._replace(file_bytes=600 * 10**6)
    (violation,) = review(data, heavy, counts, azure).violations
    assert violation.says == "the file would have 600.0 MB, and the maximum is 512.0 MB"


def test_a_dated_name_has_the_limit_of_its_model():
    azure = get_provider("azure")
    assert token_limit(azure, "gpt-4.1-nano-2025-04-14") == (32_768, "gpt-4.1-nano")
    assert token_limit(azure, "gpt-4o") == (65_536, "gpt-4o")
    assert token_limit(azure, "something")[0] == 65_536
    assert token_limit(get_provider("mistral"), "any") == (None, "")


@pytest.mark.parametrize(
    ("examples", "epochs"),
    [(1, 25), (10, 10), (33, 3), (34, 3), (8_333, 3), (10_000, 2), (30_000, 1)],
)
def test_openais_published_default_of_epochs(examples, epochs):
    assert default_epochs(OPENAI_EPOCHS, examples) == epochs


@given(st.integers(1, 10**7))
def test_epochs_stay_within_their_bounds(examples):
    epochs = default_epochs(OPENAI_EPOCHS, examples)
    assert epochs is not None
    assert 1 <= epochs <= 25


def test_training_tokens_are_those_of_train_times_epochs(tmp_path):
    (tmp_path / "test.jsonl").write_text(json.dumps({"input": "t", "output": "u"}) + "\n")
    data = open_rows(tmp_path, plain(40), examples={"train": "rows.jsonl", "test": "test.jsonl"})
    counts = count_tokens(data)
    assert training_rows(data) == list(range(40))
    found = estimate_training(data, counts, get_provider("openai"))
    assert found.examples == 40
    assert found.tokens_per_epoch == int(counts.whole[:40].sum())
    assert (found.epochs, found.training_tokens) == (3, 3 * found.tokens_per_epoch)
    assert found.price is None
    assert "training prices change" in (found.reason or "")


def test_long_rows_count_up_to_the_limit(tmp_path):
    data = open_rows(tmp_path, [{"input": "x" * 4 * 70_000, "output": "y"}])
    found = estimate_training(data, count_tokens(data), get_provider("azure"))
    assert found.tokens_per_epoch == 65_536
    assert found.training_tokens is None
    assert "epochs is unknown" in (found.reason or "")


def test_the_users_price_makes_money_of_tokens(tmp_path):
    data = open_rows(tmp_path, plain(40), prices={"together": {"training": 0.5}})
    found = estimate_training(data, count_tokens(data), get_provider("together"))
    assert found.epochs == 1
    assert found.price == Decimal("0.5") * found.tokens_per_epoch / 1_000_000
    assert found.reason is None
    assert Decimal(found.to_dict()["price"]) == found.price
    assert estimate_training(data, count_tokens(data), get_provider("openai")).price is None


def test_local_lora_counts_tokens_and_no_money(tmp_path):
    data = open_rows(tmp_path, plain(5))
    found = estimate_local(data, count_tokens(data))
    assert found.training_tokens == 3 * int(np.sum(count_tokens(data).whole))
    assert found.price is None


def test_a_rows_own_system_message_follows_the_instruction():
    example = Example("1", "q", "a", context=(Message("system", "Be kind."),))
    assert chat_row(example, "a", "Say it.")[0] == Message("system", "Say it.\n\nBe kind.")
    assert chat_row(example, "a", "Be kind.")[0] == Message("system", "Be kind.")
    assert [turn.role for turn in chat_row(Example("1", "q", "a"), "a", "")] == [
        "user",
        "assistant",
    ]


def test_the_size_of_a_row_is_that_of_its_line():
    row = (Message("user", "é\n"), Message("assistant", '"'))
    line = json.dumps({"messages": [{"role": r, "content": c} for r, c in row]}, ensure_ascii=False)
    assert row_bytes(row) == len((line + "\n").encode())


@pytest.mark.parametrize(
    ("roles", "first", "turns"),
    [
        ("sua", True, True),
        ("uaua", True, True),
        ("uua", True, False),
        ("auua", True, False),
        ("usua", False, False),
    ],
)
def test_the_order_of_roles(roles, first, turns):
    names = {"s": "system", "u": "user", "a": "assistant"}
    chat = [Message(names[letter], "x") for letter in roles]  # type: ignore[arg-type]
    assert system_first(chat) is first
    assert alternates(chat) is turns
