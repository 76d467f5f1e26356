"""A model's own tokenizer, chat template and context window, read without torch and without the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from steelyard.errors import MissingExtraError
from steelyard.extras import require
from steelyard.files import expanded, read_file
from steelyard.model.base import ModelSpec, provider_of
from steelyard.model.control_tokens import ControlTokens, Encode, encode_cut
from steelyard.model.files import read_json
from steelyard.model.provider_facts import CountTokens, LocalTokenizer

BATCH = 2000
"""Texts tokenized at once: their tokens are counted and let go, so that memory stays flat."""

_LONGEST_TEMPLATE = 2**20  # bytes
_LARGEST_WINDOW = 2**31  # tokens
_WINDOWS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length")


def local_tokenizer(spec: ModelSpec) -> LocalTokenizer | str:
    """Return the tokenizer of ``spec``, or the reason why it is not on this machine.

    Nothing is downloaded and no weights are read or converted.
    """
    read = provider_of(spec).tokenizer
    if read is None:
        return f"the tokenizer of {spec.provider}:{spec.name} is not on this machine"
    try:
        require("tokenizers", "local")
        return read(spec)
    except MissingExtraError as error:
        return str(error)


@cache
def gguf_tokenizer(path: Path) -> LocalTokenizer:
    """Build the byte-level BPE tokenizer that transformers makes of the same metadata."""
    gguf, tokenizers = require("gguf", "local"), require("tokenizers", "local")
    fields = gguf.GGUFReader(str(path)).fields
    tokens: list[str] = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(pair.split(" ", 1)) for pair in fields["tokenizer.ggml.merges"].contents()]
    model = tokenizers.models.BPE({token: code for code, token in enumerate(tokens)}, merges)
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    types = fields["tokenizer.ggml.token_type"].contents()
    control = [token for token, kind in zip(tokens, types, strict=True) if kind == 3]
    tokenizer.add_special_tokens([tokenizers.AddedToken(text, special=True) for text in control])
    text = {name: field.contents() for name, field in fields.items() if name.endswith("_template")}
    window = next(field for name, field in fields.items() if name.endswith(".context_length"))
    return LocalTokenizer(
        *_fast(tokenizer), text.get("tokenizer.chat_template"), {}, int(window.contents())
    )


def hub_tokenizer(name: str) -> LocalTokenizer | str:
    """Read the tokenizer of a folder, or of a hub name in the cache; or say why it cannot be read."""
    folder = expanded(name)
    if folder.is_dir():
        return folder_tokenizer(folder)
    hub = require("huggingface_hub", "local")
    try:
        config = hub.try_to_load_from_cache(name, "config.json")
    except ValueError:  # a path, which cannot be a hub name
        config = None
    if not isinstance(config, str):
        return f"{name} is neither a folder nor in the Hugging Face cache"
    return folder_tokenizer(Path(config).parent)


def folder_tokenizer(folder: Path) -> LocalTokenizer | str:
    """Read the tokenizer in ``folder``, or say why it cannot be read."""
    settings = read_json(folder / "tokenizer_config.json")
    special = {
        key: text
        for key, value in settings.items()
        if key.endswith("_token")
        and isinstance(text := value.get("content") if isinstance(value, dict) else value, str)
    }
    counters = _counters_of(folder)
    if isinstance(counters, str):
        return counters
    return LocalTokenizer(*counters, _template(folder, settings), special, window_of(folder))


class _Counters(NamedTuple):
    """Count the texts of messages, and what a template rendered."""

    texts: CountTokens
    chats: CountTokens


def _counters_of(folder: Path) -> _Counters | str:
    try:
        if (folder / "tokenizer.json").is_file():
            fast = require("tokenizers", "local").Tokenizer
            return _fast(fast.from_buffer(read_file(folder / "tokenizer.json")))
        require("transformers", "local")
        from transformers import AutoTokenizer

        slow = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except MissingExtraError:
        raise
    except Exception as error:  # noqa: BLE001 - both packages raise anything over a damaged file
        reason = " ".join(str(error).split())[:120]
        return f"{folder} holds no tokenizer that can be read ({reason})"

    def encode(texts: list[str]) -> list[list[int]]:
        return list(slow(texts, add_special_tokens=False)["input_ids"]) if texts else []

    def count(texts: Sequence[str]) -> list[int]:
        return [len(ids) for ids in encode(list(texts))]

    control = ControlTokens(slow.added_tokens_decoder.values())
    return _Counters(_as_text(count, encode, control), count)


def _fast(tokenizer: Any) -> _Counters:
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count(texts: Sequence[str]) -> list[int]:
        lengths: list[int] = []
        for start in range(0, len(texts), BATCH):
            batch = list(texts[start : start + BATCH])
            lengths += map(len, tokenizer.encode_batch_fast(batch, add_special_tokens=False))
        return lengths

    def encode(texts: list[str]) -> list[list[int]]:
        encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    control = ControlTokens(tokenizer.get_added_tokens_decoder().values())
    return _Counters(_as_text(count, encode, control), count)


def _as_text(count: CountTokens, encode: Encode, control: ControlTokens) -> CountTokens:
    """Count as ``count`` does, but what looks like a control token as text."""

    def count_texts(texts: Sequence[str]) -> list[int]:
        lengths = count(texts)
        for place, text in enumerate(texts):
            if control.are_in(text):
                lengths[place] = len(encode_cut(encode, [control.cut(text)])[0])
        return lengths

    return count_texts


def _template(folder: Path, settings: Mapping[str, Any]) -> str | None:
    file = folder / "chat_template.jinja"
    if file.is_file():
        return _template_text(file)
    template = settings.get("chat_template")
    if isinstance(template, list):  # several by name
        entries = [entry for entry in template if isinstance(entry, dict)]
        named = {str(entry.get("name")): entry.get("template") for entry in entries}
        template = named.get("default")
    return template if isinstance(template, str) else None


def _template_text(file: Path) -> str | None:
    try:
        return read_file(file, _LONGEST_TEMPLATE).decode()
    except (OSError, UnicodeDecodeError):
        return None


def window_of(folder: Path) -> int | None:
    """Context window in tokens by the ``config.json`` in ``folder``; ``None`` when it has none."""
    config = read_json(folder / "config.json")
    inner = config.get("text_config")
    for part in (inner if isinstance(inner, dict) else {}, config):
        for name in _WINDOWS:
            if type(window := part.get(name)) is int and 0 < window < _LARGEST_WINDOW:
                return window
    return None


_PROBE = "word"
_ROLES = ("user", "assistant")


class Overhead(NamedTuple):
    """Tokens around the texts: once a chat, without or with a system message, and once a turn.

    ``per_turn`` is the mean of a user's and an assistant's turn; the system message's own is in
    ``opening_system``.
    """

    opening: float
    opening_system: float
    per_turn: float


def overhead(template: str, special: Mapping[str, str], count: CountTokens) -> Overhead | None:
    """Measure ``template`` on probes of one word; ``None`` when it cannot be rendered.

    Assumes that a turn costs the same wherever it stands. A template that refuses system messages
    is taken to put them into the first user turn, as Steelyard then does.
    """
    pair = [(role, _PROBE) for role in _ROLES]
    chats = [pair, pair + pair, [("system", _PROBE), *pair]]
    texts = [_render(template, chat, special) for chat in chats]
    if texts[0] is None or texts[1] is None:
        return None
    word = count([_PROBE])[0]
    one, two, system = (
        tokens - word * len(chat)
        for tokens, chat in zip(count([text or "" for text in texts]), chats, strict=True)
    )
    opening = one - (two - one)
    with_system = opening if texts[2] is None else system - (two - one)
    return Overhead(opening, with_system, (two - one) / 2)


def _render(
    template: str, chat: Sequence[tuple[str, str]], special: Mapping[str, str]
) -> str | None:
    from jinja2 import TemplateError

    messages = [{"role": role, "content": content} for role, content in chat]
    try:
        return str(_compiled(template).render(messages=messages, **special))
    except (TemplateError, TypeError, ValueError, KeyError, AttributeError, IndexError):
        return None  # the template's own refusal, or a need for what only transformers offers


@lru_cache(maxsize=8)
def _compiled(template: str) -> Any:
    """Compile as transformers does, in a sandbox: a model's folder is somebody else's code."""
    from jinja2 import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def refuse(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = refuse
    return environment.from_string(template)
