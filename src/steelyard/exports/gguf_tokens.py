"""A byte-level tokenizer in the words of GGUF, and back: tokens, kinds, merges, the first splitting.

``data/pre_tokenizers.json`` has the ways of splitting that llama.cpp knows, by ``tokenizer.ggml.pre``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from steelyard.packaged import packaged

NORMAL, CONTROL, USER, UNUSED = 1, 3, 4, 5
"""Kinds of tokens, by llama.cpp's numbers."""
_TEMPLATES = "tokenizer.chat_template"


class GgufTokens(NamedTuple):
    """``texts`` has a token for each row of the embedding, ``kinds`` what it is; ``split`` a name."""

    texts: list[str]
    kinds: list[int]
    merges: list[str]
    split: str


def tokens_refusal(tokenizer: Any) -> str | None:
    """Say why a tokenizer cannot be written; ``None`` where it can."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return "its tokenizer is not one of the package tokenizers"
    spec = json.loads(backend.to_str())
    kind = spec["model"]["type"]
    if kind != "BPE" or spec["model"].get("byte_fallback"):
        return f"its tokenizer is {kind} without byte-level splitting, and only byte-level BPE is written"
    if split_name(spec["pre_tokenizer"]) is None:
        names = ", ".join(packaged("exports/data/pre_tokenizers.json"))
        return f"its tokenizer splits text in no way that llama.cpp knows by name ({names})"
    if (spec.get("normalizer") or {}).get("type") not in (None, "NFC"):
        return "its tokenizer changes text before it splits it, which GGUF cannot say"
    return None


def tokens_of(tokenizer: Any, rows: int) -> GgufTokens:
    """Describe a tokenizer for an embedding of so many ``rows``; rows without a token are unused ones."""
    spec = json.loads(tokenizer.backend_tokenizer.to_str())
    texts = [f"[PAD{row}]" for row in range(rows)]
    kinds = [UNUSED] * rows
    for text, number in spec["model"]["vocab"].items():
        texts[number], kinds[number] = text, NORMAL
    for token in spec["added_tokens"]:
        texts[token["id"]] = token["content"]
        kinds[token["id"]] = CONTROL if token["special"] else USER
    merges = [one if isinstance(one, str) else " ".join(one) for one in spec["model"]["merges"]]
    split = split_name(spec["pre_tokenizer"])
    assert split is not None, "tokens_refusal was asked first"
    return GgufTokens(texts, kinds, merges, split)


def split_name(spec: Mapping[str, Any] | None) -> str | None:
    """The name by which llama.cpp knows a pre-tokenizer of the package tokenizers; ``None`` for any other."""
    parts = [] if spec is None else spec.get("pretokenizers") or [spec]
    digits, pattern, byte_level = False, None, False
    for part in parts:
        if part["type"] == "Digits" and part.get("individual_digits"):
            digits = True
        elif part["type"] == "Split" and part.get("behavior") == "Isolated":
            pattern = part["pattern"].get("Regex")
        elif part["type"] == "ByteLevel" and not part.get("add_prefix_space"):
            byte_level = True
            if part.get("use_regex", True) and pattern is not None:
                return None
        else:
            return None
    named = packaged("exports/data/pre_tokenizers.json").items()
    same = [name for name, one in named if (one["digits"], one["pattern"]) == (digits, pattern)]
    return same[0] if same and byte_level else None


def read_tokenizer(fields: Mapping[str, Any]) -> Any:
    """Build the tokenizer that a GGUF file describes, as transformers reads one; raises `KeyError`."""
    import tokenizers
    from transformers import PreTrainedTokenizerFast

    value = {
        name: field.contents() for name, field in fields.items() if name.startswith("tokenizer.")
    }
    texts, kinds = value["tokenizer.ggml.tokens"], value["tokenizer.ggml.token_type"]
    merges = [tuple(pair.split(" ", 1)) for pair in value["tokenizer.ggml.merges"]]
    vocabulary = {text: row for row, text in enumerate(texts) if kinds[row] != UNUSED}
    backend = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, merges))
    backend.pre_tokenizer = _splitter(value["tokenizer.ggml.pre"])
    backend.decoder = tokenizers.decoders.ByteLevel()
    for kind, is_special in ((CONTROL, True), (USER, False)):
        added = [text for text, one in zip(texts, kinds, strict=True) if one == kind]
        tokens = [
            tokenizers.AddedToken(text, special=is_special, normalized=False) for text in added
        ]
        (backend.add_special_tokens if is_special else backend.add_tokens)(tokens)
    names = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}
    special = {
        f"{name}_token": texts[value[f"tokenizer.ggml.{key}_token_id"]]
        for name, key in names.items()
        if f"tokenizer.ggml.{key}_token_id" in value
    }
    wrapped = PreTrainedTokenizerFast(tokenizer_object=backend, **special)
    wrapped.chat_template = value.get(_TEMPLATES)
    return wrapped


def _splitter(name: str) -> Any:
    from tokenizers import Regex, pre_tokenizers

    ways = packaged("exports/data/pre_tokenizers.json")
    if name not in ways:
        raise KeyError(f"tokenizer.ggml.pre is {name!r}")
    how = ways[name]
    parts: list[Any] = [pre_tokenizers.Digits(individual_digits=True)] if how["digits"] else []
    if how["pattern"] is not None:
        parts.append(pre_tokenizers.Split(Regex(how["pattern"]), "isolated"))
    last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=how["pattern"] is None)
    return pre_tokenizers.Sequence([*parts, last])


def templates_in(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Every chat template of a GGUF file, each text once."""
    texts = [
        str(field.contents())
        for name, field in fields.items()
        if name == _TEMPLATES or name.startswith(f"{_TEMPLATES}.")
    ]
    return tuple(dict.fromkeys(texts))
