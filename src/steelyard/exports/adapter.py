"""The adapter alone, as peft, vLLM and llama.cpp's converter read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch

from steelyard.exports.base import ExportFormat, Outgoing, ReadBack
from steelyard.exports.merged_format import read_network_back
from steelyard.exports.pretrained import write_generation, write_tokenizer
from steelyard.files import read_json
from steelyard.model import huggingface, nf4

_WEIGHTS, _SETTINGS = "adapter_model.safetensors", "adapter_config.json"


class AdapterFormat(ExportFormat):
    """LoRA weights in fp32, with the one scale that every reader computes alike: alpha by rank."""

    name: ClassVar[str] = "adapter"
    about: ClassVar[str] = "the LoRA adapter, as peft reads it"
    precisions: ClassVar[tuple[str, ...]] = ("float32",)
    rounding: ClassVar[Mapping[str, float]] = {"float32": 1e-4}
    library: ClassVar[str] = "peft"

    def refusal(self, outgoing: Outgoing) -> str | None:
        """Not where the whole network was tuned."""
        if outgoing.adapter is None:
            return "it has no adapter, all its weights were tuned: export it --to safetensors"
        settings = huggingface.read_adapter_settings(outgoing.adapter)
        if settings.get("rank_pattern") or settings.get("alpha_pattern"):
            return "its layers differ in rank or alpha, which servers ignore: export it --to safetensors"
        return None

    def notes(self, outgoing: Outgoing, precision: str) -> tuple[str, ...]:
        assert outgoing.adapter is not None
        notes = [
            "an adapter fits only the base it was trained on, with the hash above: on another precision "
            "of the same model it was not measured"
        ]
        if outgoing.measured.facts.get("weights"):
            notes.append(
                "that base is on no hub: for weights that stand alone export --to safetensors"
            )
        settings = huggingface.read_adapter_settings(outgoing.adapter)
        if settings.get("use_rslora"):
            notes.append("the scale of rsLoRA is folded into the weights: servers ignore its flag")
        if nf4.is_marked(outgoing.adapter):
            notes.append(
                "it was learnt and measured over the base in four bits (NF4), and is re-scored over the base "
                "in full, as servers hold it"
            )
        if settings.get("use_dora"):
            notes.append("it is DoRA, which servers that read plain LoRA alone compute otherwise")
        return tuple(notes)

    def write(self, outgoing: Outgoing, folder: Path, precision: str) -> None:
        """Write weights, settings without a path of this machine, tokenizer and end tokens."""
        from safetensors.torch import load_file, save_file

        assert outgoing.adapter is not None
        tensors = load_file(str(outgoing.adapter / _WEIGHTS))
        settings = {
            **huggingface.read_adapter_settings(outgoing.adapter),
            "base_model_name_or_path": outgoing.base,
            "inference_mode": True,
        }
        if settings.get("use_rslora"):
            tensors, settings = folded(tensors, settings)
        save_file(tensors, str(folder / _WEIGHTS), metadata={"format": "pt"})
        text = json.dumps(settings, ensure_ascii=False, indent=2) + "\n"
        (folder / _SETTINGS).write_text(text, encoding="utf-8")
        write_generation(outgoing, folder)
        write_tokenizer(outgoing, folder)

    def read(self, folder: Path, outgoing: Outgoing) -> ReadBack:
        """Add the adapter to the base by hand, as a server does: B A times alpha by rank."""
        tokenizer = huggingface.read_tokenizer(str(folder))
        network = huggingface.read_network(outgoing.weights, torch.float32)
        settings = read_json(folder / _SETTINGS)
        faults = _name_faults(settings, outgoing)
        if settings.get("use_dora"):
            network = huggingface.merge_adapter(network, folder)
        else:
            faults += _added(network, folder, settings)
        back = read_network_back(folder, outgoing, network, tokenizer)
        return replace(back, faults=(*back.faults, *faults))


def folded(
    tensors: Mapping[str, torch.Tensor], settings: Mapping[str, Any]
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Put what rsLoRA scales by, alpha by the root of the rank (Kalajdzievski 2023), into B."""
    rank, alpha = settings["r"], settings["lora_alpha"]
    factor = alpha / rank**0.5
    scaled = {
        name: weight * factor if ".lora_B." in name else weight for name, weight in tensors.items()
    }
    return scaled, {**settings, "use_rslora": False, "lora_alpha": rank}


def _name_faults(settings: Mapping[str, Any], outgoing: Outgoing) -> list[str]:
    faults, base = [], str(settings.get("base_model_name_or_path"))
    if base != outgoing.base:
        faults.append(
            f"adapter_config.json names the base {base!r}, it was trained on {outgoing.base!r}"
        )
    if settings.get("use_rslora"):
        faults.append(
            "use_rslora is set, which servers ignore: they would scale by alpha / rank and not by "
            "alpha / the root of the rank"
        )
    return faults


def _added(network: Any, folder: Path, settings: Mapping[str, Any]) -> list[str]:
    """Add each pair of A and B to its weight in place; returns the faults on the way."""
    from safetensors.torch import load_file

    tensors = load_file(str(folder / _WEIGHTS))
    parameters = dict(network.named_parameters())
    scale = settings["lora_alpha"] / settings["r"]
    faults = []
    for name, down in tensors.items():
        if ".lora_A." not in name:
            continue
        target = name.removeprefix("base_model.model.").partition(".lora_A.")[0] + ".weight"
        up = tensors.get(name.replace(".lora_A.", ".lora_B."))
        if up is None or target not in parameters:
            faults.append(f"{name} has no partner in the adapter or no weight in the base")
            continue
        parameters[target].data += scale * (up.float() @ down.float())
    others = [name for name in tensors if ".lora_A." not in name and ".lora_B." not in name]
    if others:
        faults.append(
            f"the adapter holds {len(others)} tensors besides LoRA's, such as {others[0]}, which servers "
            "leave out"
        )
    return faults
