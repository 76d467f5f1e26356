"""Tiny chat models of families that leave the house, and finished runs of arms tuned from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from tests.model.chat_templates import tokenizer_of
from tests.tickets import write_task

FAMILY_OF = {
    "llama": "smollm2",
    "untied": "smollm2",
    "qwen2": "qwen2.5",
    "llama3": "llama3",
    "thinking": "deepseek-r1",
}
"""The chat template of each kind of network."""
BOS = {
    "llama": "<|im_start|>",
    "untied": "<|im_start|>",
    "qwen2": None,
    "llama3": "<|begin_of_text|>",
    "thinking": "<|begin|>",
}
"""SmolLM2 begins a text with the mark of a turn, Qwen with nothing."""
TUNED = {
    "name": "lora",
    "options": {"learning_rates": [0.02], "max_epochs": 2, "rank": 4, "alpha": 8},
}


def tiny_model(kind: str, rows: int, **more: Any) -> Any:
    """A network of two layers with grouped heads, its embedding the head unless ``untied``."""
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(3)
    sizes = {
        "vocab_size": rows,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 1024,
        "initializer_range": 0.3,
        "tie_word_embeddings": kind != "untied",
        "rope_parameters": {"rope_type": "default", "rope_theta": 50_000.0},
        **more,
    }
    if kind == "qwen2":
        network = Qwen2ForCausalLM(Qwen2Config(**sizes))
        for layer in network.model.layers:
            for linear in (layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj):
                torch.nn.init.normal_(linear.bias, std=0.3)
        return network.eval()
    return LlamaForCausalLM(LlamaConfig(**sizes)).eval()


def starting_with(number: int, token: str | None) -> Any:
    """What makes a tokenizer put ``token`` before every text."""
    from tokenizers.processors import TemplateProcessing

    return TemplateProcessing(single=f"{token} $A", special_tokens=[(token, number)])


def save_model(folder: Path, kind: str, spare_rows: int = 0, **more: Any) -> Path:
    """Save network and tokenizer; ``spare_rows`` of the embedding have no token, as Qwen's have."""
    tokenizer = tokenizer_of(FAMILY_OF[kind])
    tokenizer.bos_token = BOS[kind]
    network = tiny_model(kind, len(tokenizer) + spare_rows, **more)
    network.generation_config.eos_token_id = tokenizer.eos_token_id
    network.config.eos_token_id = tokenizer.eos_token_id
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# Tiny\n", encoding="utf-8")
    return folder


def finished_run(
    home: Path, kind: str, strategies: Sequence[Any] = (TUNED, "majority"), **more: Any
) -> Path:
    """Tune, measure and leave the run folder of ``home``."""
    import steelyard

    model = save_model(home / f"tiny-{kind}", kind, spare_rows=16 if kind == "qwen2" else 0, **more)
    task = write_task(
        home / "task",
        rows=90,
        model=f"hf:{model}",
        strategies=list(strategies),
        extra="consistency: false\n",
    )
    return steelyard.run(task, home / "out").folder
