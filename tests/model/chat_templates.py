"""Chat templates in the manner of well-known families, each with a tiny tokenizer of its special tokens.

The texts are our own and short; what they keep is where a family opens and closes a turn, what it says when
there is no system message, and which token its tokenizer calls the end.
"""

from __future__ import annotations

from typing import Any, NamedTuple

_EACH = "{% for m in messages %}"
_END = "{% endfor %}"
_OPEN = "{% if add_generation_prompt %}"
_CHATML = (
    _EACH + "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n" + _END + _OPEN + "<|im_start|>"
    "assistant\n{% endif %}"
)
_NO_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
)


def _default_system(text: str) -> str:
    return (
        "{% if messages[0].role != 'system' %}<|im_start|>system\n"
        + text
        + "<|im_end|>\n{% endif %}"
    )


class Family(NamedTuple):
    """A template, the special tokens, the tokenizer's end token, and what closes an answer.

    ``begins`` is what the tokenizer itself puts before every text, ``pad`` what it pads with.
    """

    template: str | None
    special: tuple[str, ...]
    eos: str
    closes: str
    begins: str | None = None
    pad: str | None = None


_IM = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")
FAMILIES = {
    "smollm2": Family(
        _default_system("You help.") + _CHATML, _IM, "<|im_end|>", "<|im_end|>", pad="<|im_end|>"
    ),
    "qwen2.5": Family(
        _default_system("You are Q.") + _CHATML,
        _IM,
        "<|im_end|>",
        "<|im_end|>",
        pad="<|endoftext|>",
    ),
    "qwen3": Family(
        _EACH + "<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' and loop.last %}<think>\n\n"
        "</think>\n\n{% endif %}{{ m.content }}<|im_end|>\n"
        + _END
        + _OPEN
        + "<|im_start|>assistant\n{% endif %}",
        _IM,
        "<|im_end|>",
        "<|im_end|>",
    ),
    "base under chatml": Family(_CHATML, _IM, "<|endoftext|>", "<|im_end|>"),
    "llama3": Family(
        "<|begin_of_text|>" + _EACH + "<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n"
        "{{ m.content | trim }}<|eot_id|>"
        + _END
        + _OPEN
        + "<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}",
        ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|end|>"),
        "<|end|>",
        "<|eot_id|>",
        begins="<|begin_of_text|>",
    ),
    "gemma": Family(
        _NO_SYSTEM
        + "<bos>"
        + _EACH
        + "<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ m.content | trim }}"
        "<end_of_turn>\n" + _END + _OPEN + "<start_of_turn>model\n{% endif %}",
        ("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"),
        "<eos>",
        "<end_of_turn>",
        begins="<bos>",
    ),
    "mistral": Family(
        _NO_SYSTEM + "<s>" + _EACH + "{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
        "{% else %}{{ m.content }}</s>{% endif %}" + _END,
        ("<s>", "</s>", "[INST]", "[/INST]"),
        "</s>",
        "</s>",
    ),
    "phi": Family(
        _EACH
        + "<|{{ m.role }}|>\n{{ m.content }}<|end|>\n"
        + _END
        + "{% if add_generation_prompt %}"
        "<|assistant|>\n{% else %}<|endoftext|>{% endif %}",
        ("<|user|>", "<|assistant|>", "<|system|>", "<|end|>", "<|endoftext|>"),
        "<|endoftext|>",
        "<|end|>",
    ),
    "deepseek-r1": Family(
        "<|begin|>"
        + _EACH
        + "{% if m.role == 'assistant' %}<|Assistant|>{{ m.content.split('</think>')[-1] }}<|end|>"
        "{% elif m.role == 'user' %}<|User|>{{ m.content }}{% else %}{{ m.content }}{% endif %}"
        + _END
        + _OPEN
        + "<|Assistant|><think>\n{% endif %}\n",
        ("<|begin|>", "<|User|>", "<|Assistant|>", "<|end|>", "<think>", "</think>"),
        "<|end|>",
        "<|end|>",
        begins="<|begin|>",
        pad="<|end|>",
    ),
    "a channel before the answer": Family(
        _EACH + "<|start|>{{ m.role }}{% if m.role == 'assistant' %}<|channel|>final{% endif %}"
        "<|message|>{{ m.content }}{{ '<|return|>' if m.role == 'assistant' else '<|end|>' }}"
        + _END
        + _OPEN
        + "<|start|>assistant{% endif %}",
        ("<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|return|>"),
        "<|return|>",
        "<|return|>",
    ),
    "no answer at the end": Family(
        "{% if messages[-1].role == 'assistant' %}{{ raise_exception('ask first') }}{% endif %}"
        + _CHATML,
        _IM,
        "<|im_end|>",
        "<|im_end|>",
    ),
    "zephyr": Family(
        _EACH
        + "<|{{ m.role }}|>\n{{ m.content }}</s>\n"
        + _END
        + _OPEN
        + "<|assistant|>\n{% endif %}",
        ("</s>", "<unk>"),
        "</s>",
        "</s>",
    ),
    "a space before the end": Family(
        _EACH + "{% if m.role == 'assistant' %} {{ m.content }} </s>{% else %}[{{ m.role }}] "
        "{{ m.content }}{% endif %}" + _END,
        ("</s>",),
        "</s>",
        " </s>",
    ),
    "words alone": Family(
        _EACH + "{{ m.role }}: {{ m.content }}\n" + _END + _OPEN + "assistant: {% endif %}",
        ("<eos>",),
        "<eos>",
        "<eos>",
    ),
    "no template": Family(None, ("<eos>",), "<eos>", "<eos>"),
}


def byte_pairs(words: str, size: int) -> Any:
    """Bytes and a few merges, as GPT-2, Llama 3 and Qwen have them, learnt from ``words``."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([words] * 9, trainer)
    return tokenizer


def tokenizer_of(name: str) -> Any:
    """Bytes and the special tokens of a family, as transformers reads them."""
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    family = FAMILIES[name]
    tokenizer = byte_pairs("user assistant system the answer is", 270)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=family.eos)
    others = [token for token in family.special if token != family.eos]
    wrapped.add_special_tokens({"additional_special_tokens": others})
    wrapped.chat_template = family.template
    if family.pad is not None:
        wrapped.pad_token = family.pad
    if family.begins is not None:
        wrapped.bos_token = family.begins
        wrapped.backend_tokenizer.post_processor = TemplateProcessing(
            single=f"{family.begins} $A", special_tokens=[(family.begins, wrapped.bos_token_id)]
        )
    return wrapped
