"""Merged weights as a folder that transformers, vLLM, SGLang and TGI read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch

from steelyard.exports.base import ExportFormat, Outgoing, ReadBack
from steelyard.exports.pretrained import (
    added_anew,
    class_faults,
    read_ends,
    read_templates,
    write_config,
    write_tokenizer,
)
from steelyard.model import huggingface
from steelyard.model.local import EngineSettings, LocalModel


class SafetensorsFormat(ExportFormat):
    """One file of tensors in fp32 or bf16; by default as the arm was measured."""

    name: ClassVar[str] = "safetensors"
    about: ClassVar[str] = "merged weights, as transformers reads them"
    precisions: ClassVar[tuple[str, ...]] = ("float32", "bfloat16")
    rounding: ClassVar[Mapping[str, float]] = {"float32": 1e-6, "bfloat16": 5e-3}
    library: ClassVar[str] = "transformers"

    def default_precision(self, outgoing: Outgoing) -> str:
        """As the arm was measured: what is rounded here was rounded there."""
        return outgoing.settings.precision

    def write(self, outgoing: Outgoing, folder: Path, precision: str) -> None:
        """Write tensors, each once, and the files beside them."""
        from safetensors.torch import save_file

        tensors = distinct_tensors(outgoing.merged.network, getattr(torch, precision))
        save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})
        tied = is_tied(outgoing.merged.network)
        write_config(outgoing, folder, precision, tied=tied)
        write_tokenizer(outgoing, folder)

    def read(self, folder: Path, outgoing: Outgoing) -> ReadBack:
        """Load through transformers, in fp32: the precision of the files is in their values."""
        network = huggingface.read_network(str(folder), torch.float32)
        tokenizer = huggingface.read_tokenizer(str(folder))
        return read_network_back(folder, outgoing, network, tokenizer)


def read_network_back(folder: Path, outgoing: Outgoing, network: Any, tokenizer: Any) -> ReadBack:
    """What lies in ``folder``, with the network and the tokenizer that its users load."""

    def build(settings: EngineSettings) -> LocalModel:
        reader = huggingface.with_padding(tokenizer)
        name, identity = outgoing.measured.name, f"export:{folder.name}"
        return huggingface.engine_over(network, reader, settings, identity, name)

    return ReadBack(
        network,
        tokenizer,
        read_ends(folder),
        read_templates(folder),
        len(tokenizer),
        network.get_input_embeddings().weight.shape[0],
        build,
        added_anew(tokenizer, outgoing),
        faults=class_faults(folder, outgoing),
    )


def is_tied(network: Any) -> bool:
    """Whether the output head is the embedding: by its values, not by what the configuration says."""
    head = network.get_output_embeddings()
    embedding = network.get_input_embeddings()
    return head is not None and (
        head.weight is embedding.weight or torch.equal(head.weight, embedding.weight)
    )


def distinct_tensors(network: Any, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """The network's parameters in ``dtype``; a head that is the embedding is left out."""
    embedding = network.get_input_embeddings().weight
    copy = network.get_output_embeddings().weight if is_tied(network) else None
    return {
        name: parameter.detach().to(dtype).contiguous()
        for name, parameter in network.named_parameters()
        if parameter is embedding or parameter is not copy
    }
