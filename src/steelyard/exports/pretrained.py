"""Files as transformers reads them: configuration, generation settings, tokenizer and chat template."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steelyard.exports.base import Outgoing
from steelyard.files import read_json

_NEW_CLASS, _KNOWN_CLASS = "TokenizersBackend", "PreTrainedTokenizerFast"
"""What transformers 5 calls a tokenizer of no class of its own, and what every version reads."""
_PLACES = ("_name_or_path", "_model_name_or_path", "name_or_path", "is_local", "local_files_only")
"""Keys that say where files lay on this machine."""
TOKENIZER_CONFIG = "tokenizer_config.json"
TEMPLATE = "chat_template.jinja"


def write_config(outgoing: Outgoing, folder: Path, precision: str, *, tied: bool) -> None:
    """Write ``config.json`` and ``generation_config.json``."""
    config = outgoing.merged.network.config.to_dict()
    rope = config.get("rope_parameters")
    if isinstance(rope, Mapping) and "rope_theta" in rope:
        config["rope_theta"] = rope["rope_theta"]  # where transformers 4 looks for it
    config = {
        **{key: value for key, value in config.items() if key not in _PLACES},
        "tie_word_embeddings": tied,
        "dtype": precision,
        "torch_dtype": precision,
        "eos_token_id": _one_or_many(outgoing.ends),
    }
    _write(folder / "config.json", config)
    write_generation(outgoing, folder)


def write_generation(outgoing: Outgoing, folder: Path) -> None:
    """Write ``generation_config.json``: greedy, and ended as the arm ends."""
    network, tokenizer = outgoing.merged.network, outgoing.merged.tokenizer
    pad = network.generation_config.pad_token_id
    generation = {
        "bos_token_id": network.generation_config.bos_token_id,
        "eos_token_id": _one_or_many(outgoing.ends),
        "pad_token_id": tokenizer.pad_token_id if pad is None else pad,
        "do_sample": False,
    }
    _write(
        folder / "generation_config.json",
        {key: value for key, value in generation.items() if value is not None},
    )


def write_tokenizer(outgoing: Outgoing, folder: Path) -> None:
    """Write the base's tokenizer as it is, in words that transformers 4 and 5 both read.

    The chat template stands in ``chat_template.jinja`` alone: two may come apart.
    """
    outgoing.merged.tokenizer.save_pretrained(str(folder))
    path = folder / TOKENIZER_CONFIG
    settings = {key: value for key, value in read_json(path).items() if key not in _PLACES}
    if settings.get("tokenizer_class") == _NEW_CLASS:
        settings["tokenizer_class"] = _KNOWN_CLASS
        settings.pop("backend", None)
    extra = settings.get("extra_special_tokens")
    if isinstance(extra, list):
        settings["additional_special_tokens"] = settings.pop("extra_special_tokens")
    settings.pop("chat_template", None)
    _write(path, settings)


def class_faults(folder: Path, outgoing: Outgoing) -> tuple[str, ...]:
    """Whether another class of tokenizer would be loaded: it may cut text otherwise."""
    if not (folder / TOKENIZER_CONFIG).is_file():
        return ()
    written = read_json(folder / TOKENIZER_CONFIG).get("tokenizer_class")
    measured = type(outgoing.merged.tokenizer).__name__
    expected = _KNOWN_CLASS if measured == _NEW_CLASS else measured
    if str(written).removesuffix("Fast") == expected.removesuffix("Fast"):
        return ()
    return (f"tokenizer_class is {written}, that of the measured tokenizer {expected}",)


def read_templates(folder: Path) -> tuple[str, ...]:
    """Every chat template that a reader of ``folder`` may take, each text once."""
    texts: list[Any] = []
    if (folder / TEMPLATE).is_file():
        texts.append((folder / TEMPLATE).read_text(encoding="utf-8"))
    for name in (TOKENIZER_CONFIG, "chat_template.json"):
        if (folder / name).is_file():
            template = read_json(folder / name).get("chat_template")
            several = template if isinstance(template, list) else [template]
            texts += [one.get("template") if isinstance(one, dict) else one for one in several]
    texts += [
        path.read_text(encoding="utf-8")
        for path in sorted((folder / "additional_chat_templates").glob("*.jinja"))
    ]
    return tuple(dict.fromkeys(text for text in texts if text is not None))


def read_ends(folder: Path) -> frozenset[int]:
    """The tokens that end an answer, by ``generation_config.json`` alone: servers read it first."""
    path = folder / "generation_config.json"
    ends = read_json(path).get("eos_token_id") if path.is_file() else None
    return frozenset(ends if isinstance(ends, list) else [] if ends is None else [ends])


def added_before(tokenizer: Any) -> tuple[int, ...]:
    """The tokens that the tokenizer itself puts before a text."""
    bare = tokenizer("x", add_special_tokens=False)["input_ids"]
    whole = tokenizer("x")["input_ids"]
    return tuple(whole[: len(whole) - len(bare)]) if whole[-len(bare) :] == bare else ()


def added_anew(tokenizer: Any, outgoing: Outgoing) -> tuple[int, ...]:
    """What the exported tokenizer puts before a text; nothing where the base's own does the same."""
    adds = added_before(tokenizer)
    return () if adds == added_before(outgoing.merged.tokenizer) else adds


def _one_or_many(tokens: list[int]) -> int | list[int] | None:
    return tokens[0] if len(tokens) == 1 else tokens or None


def _write(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, ensure_ascii=False, indent=2, default=str)
    path.write_text(text + "\n", encoding="utf-8")
