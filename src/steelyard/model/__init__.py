"""Models behind one small protocol, found by provider and imported only when asked for."""

from __future__ import annotations

from collections.abc import Callable

from steelyard.model.base import Model, ModelSpec, OnDone
from steelyard.model.schema_check import check_schema
from steelyard.registry import Registry

PROVIDERS: Registry[Callable[[ModelSpec], Model]] = Registry(
    "model provider",
    {
        "embedded": "steelyard.model.embedded:load",
        "hf": "steelyard.model.huggingface:load",
        "openai": "steelyard.model.hosted.client:load",
        "fake": "steelyard.model.fake:load",
    },
)


def load_model(spec: ModelSpec) -> Model:
    """Build the model that ``spec`` describes.

    An unknown provider raises `ConfigError`; a missing extra raises `MissingExtraError`.
    """
    return PROVIDERS.get(spec.provider)(spec)


__all__ = ["PROVIDERS", "Model", "ModelSpec", "OnDone", "check_schema", "load_model"]
