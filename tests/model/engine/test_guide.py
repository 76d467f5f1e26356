"""Answers held to a schema: whatever a model of random weights would say, it fits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch

from steelyard.core import Completion, Message, Request
from steelyard.errors import ModelError
from steelyard.model import huggingface as hf
from steelyard.model.engine.guide import Guides
from steelyard.model.local import EngineSettings, LocalModel
from steelyard.model.plain import PlainModel
from tests.model.tiny import TEMPLATE, engine_of, tiny_network

END = 1
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "intent": {"enum": ["new_order", "change"]},
        "quantity": {"type": "integer", "minimum": 0, "maximum": 99},
        "gift": {"type": "boolean"},
        "notes": {"type": ["string", "null"], "maxLength": 8},
    },
    "required": ["intent", "quantity", "gift", "notes"],
    "additionalProperties": False,
}


def byte_tokenizer() -> Any:
    """Bytes as tokens, as byte-level BPE without merges has them."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate(["<s>", "</s>", *letters])}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges=[], unk_token=None))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )
    wrapped.chat_template = TEMPLATE
    return wrapped


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("bytes")
    network = tiny_network()
    network.resize_token_embeddings(258)
    torch.manual_seed(3)
    network.get_output_embeddings().weight.data.normal_(0, 0.5)
    network.save_pretrained(place)
    byte_tokenizer().save_pretrained(place)
    return place


@pytest.fixture
def fast(folder: Path) -> LocalModel:
    return engine_of(folder)


def ask(text: str, schema: Any = SCHEMA, **more: Any) -> Request:
    chat = (Message("system", "Extract."), Message("user", text))
    return Request(chat, max_output_tokens=120, schema=json.dumps(schema), **more)


def valid(completion: Completion | None) -> dict[str, Any]:
    assert completion is not None
    assert completion.failure is None
    assert completion.finish_reason == "stop", completion.text
    found = json.loads(completion.text)
    jsonschema.validate(found, SCHEMA)
    return dict(found)


def test_every_answer_fits_the_schema(fast: LocalModel) -> None:
    requests = [ask(text) for text in ("two boxes", "x", "a longer message than that", "é €")]
    greedy = [valid(done) for done in fast.generate(requests)]
    drawn = [ask("two boxes", temperature=2.0, seed=seed) for seed in range(8)]
    sampled = [valid(done) for done in fast.generate(drawn)]
    assert len({json.dumps(found) for found in [*greedy, *sampled]}) > 3


def test_repeats_at_a_temperature_differ_by_their_nonce_alone(fast: LocalModel) -> None:
    asked = [ask("two boxes", temperature=2.0, nonce=f"vote-{number}") for number in range(6)]
    first = [valid(done) for done in fast.generate(asked)]
    assert len({json.dumps(found) for found in first}) > 1
    assert [valid(done) for done in fast.generate(asked[2:3])] == first[2:3]


def test_what_the_grammar_forces_is_written_like_json_dumps(fast: LocalModel) -> None:
    [done] = fast.generate([ask("two boxes")])
    assert done is not None
    assert done.text.startswith('{"intent": "')
    assert done.text == json.dumps(json.loads(done.text), ensure_ascii=False)
    assert done.output_tokens == len(done.text.encode())


def test_a_batch_may_mix_schemas_choices_and_free_answers(fast: LocalModel) -> None:
    chat = (Message("user", "which?"),)
    other = {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 2}
    requests = [
        ask("two boxes"),
        Request(chat, choices=("red", "green")),
        Request(chat, max_output_tokens=5),
        ask("which?", other),
    ]
    first, chosen, free, flags = fast.generate(requests)
    valid(first)
    assert chosen is not None
    assert chosen.text in ("red", "green")
    assert free is not None
    assert free.output_tokens <= 5
    assert flags is not None
    assert len(json.loads(flags.text)) == 2
    [alone] = fast.generate([ask("two boxes")])
    assert alone is not None
    assert first is not None
    assert alone.text == first.text


def test_the_plain_model_says_the_same(fast: LocalModel, folder: Path) -> None:
    network, tokenizer = hf.read_network(str(folder), "float32"), hf.read_tokenizer(str(folder))
    plain = PlainModel("plain", "tiny", network, tokenizer, EngineSettings(rows=4))
    requests = [ask("two boxes"), ask("a longer message than that")]
    for mine, theirs in zip(fast.generate(requests), plain.generate(requests), strict=True):
        assert valid(mine) == valid(theirs)


def test_an_answer_cut_short_says_so(fast: LocalModel) -> None:
    [done] = fast.generate([Request((Message("user", "x"),), 6, schema=json.dumps(SCHEMA))])
    assert done is not None
    assert (done.finish_reason, done.output_tokens) == ("length", 6)


@pytest.mark.parametrize("schema", ["{not json", '{"type": "nonsense"}', '{"type": 3}'])
def test_a_schema_that_no_grammar_can_hold_to_is_refused(schema: str) -> None:
    guides = Guides(byte_tokenizer(), frozenset({END}), 258)
    with pytest.raises(ModelError, match=r"cannot be constrained to output\.schema"):
        guides.start(schema)


def test_a_key_that_no_grammar_knows_is_left_to_validation() -> None:
    guides = Guides(byte_tokenizer(), frozenset({END}), 258)
    schema = {"type": "array", "items": {"enum": [1, 2]}, "uniqueItems": True, "minItems": 1}
    assert guides.start(json.dumps(schema)).begin().forced
