"""A chat model of two layers with random weights, saved as Hugging Face folders are."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import torch

from steelyard.model import ModelSpec, nf4
from steelyard.model import huggingface as hf
from steelyard.model.local import EngineSettings, LocalModel

TEMPLATE = (
    "{% for message in messages %}<s>{{ message['role'] }}\n{{ message['content'] }}</s>\n"
    "{% endfor %}{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)


def tiny_tokenizer() -> Any:
    """Characters as tokens; ``</s>`` ends a turn."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = string.ascii_letters + string.digits + string.punctuation + " \n"
    vocabulary = {token: i for i, token in enumerate(["<s>", "</s>", "<unk>", *letters])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("[\\s\\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    wrapped.chat_template = TEMPLATE
    return wrapped


def tiny_network(heads: int = 4, kv_heads: int = 2, seed: int = 0, **more: Any) -> Any:
    """A Llama of two layers whose logits are far apart, so that no two tokens tie."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=128,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        head_dim=8,
        max_position_embeddings=512,
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
        **more,
    )
    return LlamaForCausalLM(config).eval()


def save_tiny(folder: Path, seed: int = 0) -> Path:
    """Save network and tokenizer to ``folder``."""
    tiny_network(seed=seed).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def engine_of(folder: Path) -> LocalModel:
    """Load the model in ``folder`` into the fast engine."""
    settings = EngineSettings("float32", rows=4, prefill_tokens=64)
    spec = ModelSpec("hf", str(folder))
    model = hf.assemble(spec, str(folder), "tiny", settings, "tiny")
    assert type(model) is LocalModel
    return model


_in_four_bits = nf4.quantise


def quantise_plainly(network: Any) -> None:
    """Round to four bits; on some CPUs bitsandbytes answers from a rounder layout of its own, not here."""
    _in_four_bits(network)
    for module in network.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
