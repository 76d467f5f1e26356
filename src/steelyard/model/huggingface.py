"""Hugging Face causal chat models, by local folder or hub name, with what tuning changed put in."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from steelyard.errors import ModelError, SteelyardError
from steelyard.extras import LOCAL_MODULES, command, require
from steelyard.files import read_json
from steelyard.model.base import Model, ModelProvider, ModelSpec
from steelyard.model.files import hash_folder
from steelyard.model.nf4 import base_under
from steelyard.model.schema_check import check_grammar
from steelyard.model.tokenizer import hub_tokenizer

if TYPE_CHECKING:
    from steelyard.model.local import EngineSettings, LocalModel

NO_CODE: Mapping[str, Any] = MappingProxyType({"trust_remote_code": False})
"""For every reader of transformers: a model's folder may hold Python of its own. It is not run."""

_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def load(spec: ModelSpec) -> Model:
    """Load ``spec.name`` (a folder or a hub name) for answering.

    Raises `MissingExtraError` without torch, `ModelError` when it cannot be found or read.
    """
    return build(spec, spec.name, spec.name)


def build(spec: ModelSpec, source: str, name: str, note: str = "", weights_id: str = "") -> Model:
    """Load the weights at ``source`` in the precision this machine is fastest in.

    ``weights_id`` is the weights' identity where the caller knows it: hashing gigabytes takes seconds.
    """
    quiet()
    settings = best_settings(source)
    return assemble(spec, source, weights_id or identity(source), settings, name, note)


def best_settings(source: str) -> EngineSettings:
    """Precision and threads for the network at ``source`` on this machine; sets torch's threads.

    Raises `MissingExtraError` without torch.
    """
    for module in ("torch", "transformers"):
        require(module, "local")
    import torch

    from steelyard.model.engine.tune import tuned
    from steelyard.model.local import EngineSettings

    if torch.cuda.is_available():
        return EngineSettings(precision="bfloat16", rows=256, prefill_tokens=8192)
    text = read_config(source).get_text_config()
    inner = getattr(text, "intermediate_size", None) or 4 * text.hidden_size
    choice = tuned(text.hidden_size, inner)
    torch.set_num_threads(choice["threads"])
    return EngineSettings(precision=choice["precision"], threads=choice["threads"])


def assemble(
    spec: ModelSpec,
    source: str,
    weights_id: str,
    settings: EngineSettings,
    name: str,
    note: str = "",
) -> Model:
    """Load network and tokenizer, merge the adapter, and put the fastest correct engine before them.

    ``name`` is what people are shown, ``note`` what they must know of the weights.
    """
    import torch

    fingerprint = f"{spec.provider}:{weights_id}"
    if spec.adapter is None:
        tokenizer, network = read_tokenizer(source), read_network(source, torch.float32)
    else:
        tokenizer = tuned_tokenizer(source)
        folder = Path(spec.adapter)
        network = tuned_network(
            folder, lambda: base_under(folder, read_network(source, torch.float32))
        )
        fingerprint += f"+{hash_folder(Path(spec.adapter), '*.safetensors')[:16]}"
    return engine_over(network, tokenizer, settings, fingerprint, name, note)


def engine_over(
    network: Any,
    tokenizer: Any,
    settings: EngineSettings,
    fingerprint: str,
    name: str,
    note: str = "",
) -> LocalModel:
    """Put the fastest correct engine before a loaded network, which is changed in place."""
    from steelyard.model.local import LocalModel
    from steelyard.model.plain import PlainModel
    from steelyard.model.ready import make_ready

    network, packed = make_ready(network, settings)
    kind = LocalModel if packed else PlainModel
    if not packed:
        settings = replace(settings, rows=16)
    return kind(name, fingerprint, network, tokenizer, settings, note)


def read_config(source: str) -> Any:
    """Read the model's configuration; raises `ModelError` with what to do."""
    from transformers import AutoConfig

    return _reading(source, lambda: AutoConfig.from_pretrained(source, **NO_CODE))


def read_network(source: str, dtype: Any) -> Any:
    """Load the causal network at ``source`` for inference in ``dtype``."""
    from transformers import AutoModelForCausalLM

    _refuse_pickles(source, Path(source), "model")
    network = _reading(
        source,
        lambda: AutoModelForCausalLM.from_pretrained(
            source, dtype=dtype, use_safetensors=True, **NO_CODE
        ),
    )
    return network.eval()


def _refuse_pickles(source: str, folder: Path, what: str) -> None:
    """Refuse a folder whose only weights are pickled: reading those can run code."""
    pickled = [path.name for end in _PICKLED for path in sorted(folder.glob(end))]
    if pickled and not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"the {what} {source!r} has its weights in {pickled[0]}, which can run code when it is read: "
            "save them as safetensors (save_pretrained does)"
        )


def read_tokenizer(source: str) -> Any:
    """Load the tokenizer at ``source``, padding on the left with the end token where it has none."""
    from transformers import AutoTokenizer

    return with_padding(_reading(source, lambda: AutoTokenizer.from_pretrained(source, **NO_CODE)))


def tuned_tokenizer(source: str) -> Any:
    """Load the tokenizer at ``source`` as a model tuned from there is trained and asked."""
    from steelyard.model.prompts import without_thought

    return without_thought(read_tokenizer(source))


def with_padding(tokenizer: Any) -> Any:
    """Let a tokenizer pad on the left, with the end token where it has none to pad with."""
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    return tokenizer


def _reading(source: str, read: Any) -> Any:
    try:
        return read()
    except SteelyardError:
        raise
    except Exception as error:  # over a damaged file, transformers raises anything
        if "trust_remote_code" in str(error):
            raise ModelError(
                f"the model {source!r} brings Python code that it needs, and Steelyard does not run "
                "that: choose a model that transformers knows"
            ) from error
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else repr(error)
        raise ModelError(
            f"cannot load the model {source!r}: {reason}; "
            "give a folder with config.json and weights, or a hub name you can reach"
        ) from error


def tuned_network(folder: Path, base: Callable[[], Any]) -> Any:
    """Load in fp32 what tuning changed: LoRA weights, added to the ``base``, or a whole network's.

    The base is as `base_under` gives it.
    """
    if is_whole(folder):
        import torch

        return read_network(str(folder), torch.float32)
    return merge_adapter(base(), folder)


def is_whole(folder: Path) -> bool:
    """Whether ``folder`` holds all weights of a network, not an adapter's."""
    return not (folder / "adapter_config.json").is_file() and (folder / "config.json").is_file()


def merge_adapter(network: Any, folder: Path) -> Any:
    """Add LoRA weights to the network's own, so that answering costs what the base model costs."""
    require("peft", "local")
    quiet()
    from peft import PeftModel

    if not (folder / "adapter_config.json").is_file():
        raise ModelError(f"no LoRA weights in {str(folder)!r}; expected adapter_config.json")
    _refuse_pickles(str(folder), folder, "adapter")
    adapted: Any = _reading(str(folder), lambda: PeftModel.from_pretrained(network, str(folder)))
    return adapted.merge_and_unload().eval()


def read_adapter_settings(folder: Path) -> dict[str, Any]:
    """What peft keeps beside LoRA weights: rank ``r``, ``lora_alpha``, ``target_modules`` and more."""
    try:
        return dict(read_json(folder / "adapter_config.json"))
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"{folder}/adapter_config.json cannot be read: {error}") from error


def identity(source: str) -> str:
    """What tells these weights from others: a folder's content, or a hub name and its revision."""
    folder = Path(source)
    if folder.is_dir():
        return hash_folder(folder, "*.safetensors")[:16]
    revision = getattr(read_config(source), "_commit_hash", None)
    return f"{source}@{revision or 'unknown'}"


def quiet() -> None:
    """Keep progress bars and advice of other packages off the terminal: Steelyard has its own."""
    require("transformers", "local")
    from transformers.utils import logging

    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    logging.set_verbosity_error()
    logging.disable_progress_bar()


PROVIDER = ModelProvider(
    load,
    form="hf:NAME-OR-PATH",
    about="a Hugging Face chat model, on this machine",
    modules=LOCAL_MODULES,
    install=command("local"),
    runs_on_gpu=True,
    may_be_folder=True,
    check_schema=check_grammar,
    tokenizer=lambda spec: hub_tokenizer(spec.name),
    weights=lambda spec: spec.name,
)
