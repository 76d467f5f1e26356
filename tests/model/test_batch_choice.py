"""``batch: true``: only where the provider has such an interface."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from steelyard.model import ModelSpec
from steelyard.model.config import ModelConfig, endpoints
from steelyard.task.prices import PriceConfig


def config(**fields: object) -> ModelConfig:
    return ModelConfig.model_validate({"name": "m", **fields})


@pytest.mark.parametrize("provider", ["openai", "groq"])
def test_a_provider_with_batches(provider: str) -> None:
    chosen = config(provider=provider, batch=True)
    assert ModelSpec(**chosen.to_spec()).batch
    assert chosen.to_dict()["batch"] is True


def test_it_is_off_unless_asked_for() -> None:
    chosen = config(provider="openai")
    assert not ModelSpec(**chosen.to_spec()).batch
    assert "batch" not in chosen.to_dict()
    assert "batch" not in ModelSpec(**chosen.to_spec()).to_dict()


@pytest.mark.parametrize("provider", ["hf", "fake", "anthropic", "ollama"])
def test_a_provider_without_is_refused(provider: str) -> None:
    with pytest.raises(
        ValidationError, match=r"no batch interface like OpenAI's.*openai, azure, groq"
    ):
        config(provider=provider, batch=True)


def test_every_batch_price_has_its_source_and_date() -> None:
    terms = [known["batch"] for known in endpoints().values() if "batch" in known]
    assert terms
    assert all(0 < each["share"] <= 1 and each["source"] and each["date"] for each in terms)


@pytest.mark.parametrize("share", [0, -1, 1.5])
def test_a_share_is_a_share(share: float) -> None:
    with pytest.raises(ValidationError):
        PriceConfig.model_validate({"batch": share})
    assert PriceConfig.model_validate({"batch": 0.5}).batch is not None
