"""Models behind one small protocol, found by provider and imported only when asked for."""

from __future__ import annotations

from steelyard.model.base import Model, ModelProvider, ModelSpec, provider_of
from steelyard.model.schema_check import check_schema


def load_model(spec: ModelSpec) -> Model:
    """Build the model that ``spec`` describes.

    An unknown provider raises `ConfigError`; a missing extra raises `MissingExtraError`.
    """
    return provider_of(spec).load(spec)


__all__ = ["Model", "ModelProvider", "ModelSpec", "check_schema", "load_model", "provider_of"]
