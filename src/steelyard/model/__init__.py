"""Models behind one small protocol, found by provider and imported only when asked for."""

from __future__ import annotations

from steelyard.errors import ConfigError
from steelyard.model.base import Model, ModelProvider, ModelSpec, PaidModel, provider_of
from steelyard.model.schema_check import check_schema


def load_model(spec: ModelSpec) -> Model:
    """Build the model that ``spec`` describes.

    An unknown provider raises `ConfigError`; a missing extra raises `MissingExtraError`.
    """
    model = provider_of(spec).load(spec)
    if not spec.redact:
        return model
    from steelyard.model.redacting import RedactedModel

    if not isinstance(model, PaidModel):
        raise ConfigError(f"{model.name} cannot be asked without private values: leave redact out")
    return RedactedModel(model)


__all__ = ["Model", "ModelProvider", "ModelSpec", "check_schema", "load_model", "provider_of"]
