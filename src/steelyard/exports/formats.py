"""The formats by name."""

from __future__ import annotations

from importlib import import_module

from steelyard.errors import ConfigError, closest
from steelyard.exports.base import ExportFormat

FORMATS = {
    "adapter": "steelyard.exports.adapter:AdapterFormat",
    "safetensors": "steelyard.exports.merged_format:SafetensorsFormat",
    "gguf": "steelyard.exports.gguf_format:GgufFormat",
    "ctranslate2": "steelyard.exports.ctranslate2_format:CTranslate2Format",
}


def format_named(name: str) -> ExportFormat:
    """Return the format called ``name``; an unknown one raises `ConfigError` with the closest."""
    if name not in FORMATS:
        raise ConfigError(
            f"unknown format {name!r}{closest(name, FORMATS)}: choose one of {', '.join(FORMATS)}"
        )
    module, _, kind = FORMATS[name].partition(":")
    form: ExportFormat = getattr(import_module(module), kind)()
    return form
