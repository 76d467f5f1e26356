"""Where the weights of a model on this machine lie."""

from __future__ import annotations

from steelyard.model.base import ModelSpec


def weights_of(spec: ModelSpec) -> str:
    """Return a folder with the model's weights, or its hub name; converts the embedded model's once."""
    if spec.provider == "embedded":
        from steelyard.model.embedded import weights_folder

        return str(weights_folder())
    return spec.name
