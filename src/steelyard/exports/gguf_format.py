"""GGUF for llama.cpp, Ollama and LM Studio: weights, tokenizer, end tokens and chat template in one file."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import redirect_stderr
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

import torch

from steelyard.exports.base import ExportFormat, Outgoing, ReadBack
from steelyard.exports.gguf_tensors import FAMILIES, gguf_tensors, network_refusal
from steelyard.exports.gguf_tokens import (
    UNUSED,
    read_tokenizer,
    templates_in,
    tokens_of,
    tokens_refusal,
)
from steelyard.exports.merged_format import read_network_back
from steelyard.extras import require
from steelyard.model import huggingface

_FILE_TYPES = {"f16": 1, "q8_0": 7}
"""llama.cpp's numbers for files that are mostly of one type."""
_ENDS = ("eos", "eot", "eom")


class GgufFormat(ExportFormat):
    """One file of a llama-family network. It is read back by transformers, not by llama.cpp."""

    name: ClassVar[str] = "gguf"
    about: ClassVar[str] = "GGUF, as llama.cpp and Ollama read it"
    precisions: ClassVar[tuple[str, ...]] = ("f16", "q8_0")
    rounding: ClassVar[Mapping[str, float]] = {"f16": 2e-3, "q8_0": 2e-2}
    library: ClassVar[str] = "gguf"

    def require(self) -> None:
        """The package gguf comes with the extra ``local``."""
        require("gguf", "local")

    def refusal(self, outgoing: Outgoing) -> str | None:
        """Not every architecture and not every tokenizer can be written."""
        network, tokenizer = outgoing.merged.network, outgoing.merged.tokenizer
        if isinstance(tokenizer.chat_template, dict):
            return "it has several chat templates, and servers of GGUF do not agree on which one they take"
        return network_refusal(network) or tokens_refusal(tokenizer)

    def notes(self, outgoing: Outgoing, precision: str) -> tuple[str, ...]:
        return (
            "read back and re-scored through transformers; it was not tried in llama.cpp here",
            "add_bos_token is false, since the chat template writes all that a prompt begins with: start "
            "llama.cpp with its own template (--jinja)",
        )

    def write(self, outgoing: Outgoing, folder: Path, precision: str) -> None:
        """Write ``model-PRECISION.gguf``."""
        from gguf import GGUFWriter

        network = outgoing.merged.network
        path = folder / f"model-{precision}.gguf"
        writer = GGUFWriter(str(path), FAMILIES[network.config.model_type].name)
        try:
            _add_architecture(writer, network, outgoing.base, precision)
            _add_tokens(writer, outgoing)
            for name, data, kind in gguf_tensors(network, precision):
                writer.add_tensor(name, data, raw_dtype=kind)
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
        finally:
            writer.close()

    def read(self, folder: Path, outgoing: Outgoing) -> ReadBack:
        """Load weights through transformers, and the tokenizer by what the file says of it."""
        from gguf import GGUFReader
        from transformers import AutoModelForCausalLM

        from steelyard.errors import ModelError

        [path] = folder.glob("*.gguf")
        fields = GGUFReader(str(path)).fields
        try:
            tokenizer = read_tokenizer(fields)
            with redirect_stderr(
                StringIO()
            ):  # a progress bar that transformers does not switch off
                network = AutoModelForCausalLM.from_pretrained(
                    str(folder), gguf_file=path.name, dtype=torch.float32, **huggingface.NO_CODE
                ).eval()
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise ModelError(f"{path.name}: {' '.join(str(error).split())[:200]}") from error
        back = read_network_back(folder, outgoing, network, tokenizer)
        return replace(back, **_in_file(fields, network))


def _add_architecture(writer: Any, network: Any, base: str, precision: str) -> None:
    """What of the configuration decides logits, under llama.cpp's keys."""
    config = network.config
    size = config.hidden_size // config.num_attention_heads
    head = getattr(config, "head_dim", None) or size
    writer.add_name(base)
    writer.add_file_type(_FILE_TYPES[precision])
    if precision == "q8_0":
        writer.add_quantization_version(2)
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    if head != size:
        writer.add_key_length(head)
        writer.add_value_length(head)


def _add_tokens(writer: Any, outgoing: Outgoing) -> None:
    """Tokens, the ids of special ones, how a prompt begins, and the one chat template."""
    network, tokenizer = outgoing.merged.network, outgoing.merged.tokenizer
    tokens = tokens_of(tokenizer, network.get_input_embeddings().weight.shape[0])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(tokens.split)
    writer.add_token_list(tokens.texts)
    writer.add_token_types(tokens.kinds)
    writer.add_token_merges(tokens.merges)
    special = {
        writer.add_bos_token_id: tokenizer.bos_token_id,
        writer.add_unk_token_id: tokenizer.unk_token_id,
        writer.add_pad_token_id: tokenizer.pad_token_id,
    }
    for add, number in special.items():
        if number is not None:
            add(number)
    taught = outgoing.measured.writer.turn_end[-1:]
    ends = list(dict.fromkeys([*taught, *outgoing.ends]))
    adders = (writer.add_eos_token_id, writer.add_eot_token_id, writer.add_eom_token_id)
    for add, number in zip(adders, ends, strict=False):
        add(number)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    if tokenizer.chat_template is not None:
        writer.add_chat_template(tokenizer.chat_template)


def _in_file(fields: Mapping[str, Any], network: Any) -> dict[str, Any]:
    """What the file itself says of ends, of what a prompt begins with, of templates and tokens."""

    def value(name: str) -> Any:
        field = fields.get(f"tokenizer.ggml.{name}")
        return None if field is None else field.contents()

    ends = frozenset(
        int(number) for name in _ENDS if (number := value(f"{name}_token_id")) is not None
    )
    adds, start = value("add_bos_token"), value("bos_token_id")
    rows, listed = network.get_input_embeddings().weight.shape[0], len(value("tokens"))
    faults = []
    if adds and start is None:
        faults.append(
            "add_bos_token is set and bos_token_id is not: llama.cpp would add a token of its own"
        )
    if listed != rows:
        faults.append(
            f"the vocabulary has {rows:,} rows, the file lists {listed:,} tokens: llama.cpp needs as many"
        )
    if adds is None:
        faults.append("add_bos_token is not in the file: llama.cpp would decide by its own default")
    return {
        "ends": ends,
        "templates": templates_in(fields),
        "tokens": sum(kind != UNUSED for kind in value("token_type")),
        "adds": (int(start),) if adds and start is not None else (),
        "faults": tuple(faults),
    }
