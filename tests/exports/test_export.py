"""A measured arm leaves the house: each format is written, read back, re-scored, and says what it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("torch")
pytest.importorskip("peft")

import torch

from steelyard.cli import main
from steelyard.errors import ArmError, ConfigError, DataError, StorageError
from steelyard.exports import ExportOptions, export
from steelyard.exports.gguf_tensors import network_refusal
from steelyard.exports.gguf_tokens import split_name, tokens_refusal
from steelyard.exports.publish import publish
from steelyard.exports.source import ExportSource
from steelyard.families import EXPORT_FORMATS
from tests.conftest import HidePackages

Ready = Callable[[str], tuple[ExportSource, Any]]
Runs = Callable[[str], Path]
WRITTEN = [
    ("llama", "adapter", "float32"),
    ("llama", "safetensors", "float32"),
    ("llama", "safetensors", "bfloat16"),
    ("llama", "gguf", "f16"),
    ("llama", "gguf", "q8_0"),
    ("qwen2", "gguf", "f16"),
    ("llama3", "gguf", "f16"),
    ("qwen2", "safetensors", "float32"),
    ("llama3", "safetensors", "float32"),
    ("untied", "safetensors", "float32"),
    ("untied", "gguf", "f16"),
]


@pytest.mark.parametrize(("kind", "name", "precision"), WRITTEN)
def test_each_format_answers_as_measured(
    kind: str, name: str, precision: str, ready: Ready, tmp_path: Path
) -> None:
    source, outgoing = ready(kind)
    options = ExportOptions(precision, tolerance=0.25)
    stated = publish(source, outgoing, EXPORT_FORMATS.get(name)(), tmp_path / "out", options)
    assert stated.reasons == () and stated.published
    rescored = stated.rescored
    assert rescored is not None and rescored.items == rescored.of == len(source.examples)
    if precision == outgoing.settings.precision or name == "adapter":
        assert rescored.equal == rescored.items
    assert rescored.equal_share >= 0.75
    assert sum(path.stat().st_size for path in (tmp_path / "out").iterdir()) > stated.size_bytes


def test_no_file_names_a_place_on_this_machine(ready: Ready, tmp_path: Path) -> None:
    source, outgoing = ready("llama")
    home = str(Path(source.weights).parent).encode()
    for name in ("adapter", "safetensors", "gguf"):
        publish(
            source,
            outgoing,
            EXPORT_FORMATS.get(name)(),
            tmp_path / name,
            ExportOptions(EXPORT_FORMATS.get(name)().default_precision(outgoing), 3),
        )
        for path in (tmp_path / name).rglob("*"):
            assert path.is_dir() or home not in path.read_bytes(), path


def test_the_card_has_what_a_hub_and_a_reader_need(ready: Ready, tmp_path: Path) -> None:
    source, outgoing = ready("llama")
    options = ExportOptions("float32", items=5)
    publish(source, outgoing, EXPORT_FORMATS.get("safetensors")(), tmp_path / "out", options)
    text = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(text.split("---\n")[1])
    quality = source.figures.quality
    assert front["license"] == "apache-2.0"
    assert front["base_model"] == "tiny-llama" and front["library_name"] == "transformers"
    [index] = front["model-index"]
    assert index["results"][0]["metrics"][0]["value"] == round(quality.value or 0, 4)
    assert quality.low is not None and quality.high is not None
    assert (
        f"| lora | accuracy | {quality.value:.3f} | {quality.low:.3f} to {quality.high:.3f} (95%)"
        in text
    )
    assert "| licence of the data | not stated |" in text
    assert source.run.identity["examples"] in text and "<<" not in text
    assert "answered 5 of the" in text and "<|im_start|>user\n{input}<|im_end|>" in text
    assert "`<|im_end|>` was learnt as the end of an answer" in text
    assert "without a system message the chat template writes its own: 'You help.'" in text
    assert (
        "the pad token, <|im_end|>, ends answers too" in text
    )  # fault 2: one careless collator away
    facts = json.loads((tmp_path / "out" / "steelyard.json").read_text(encoding="utf-8"))
    assert facts["rescored"]["passed"] and len(facts["base"]["sha256"]) == 64


def test_the_files_are_what_their_readers_expect(ready: Ready, tmp_path: Path) -> None:
    from gguf import GGUFReader

    source, outgoing = ready("llama")
    publish(
        source,
        outgoing,
        EXPORT_FORMATS.get("safetensors")(),
        tmp_path / "st",
        ExportOptions("bfloat16", 3),
    )
    config = json.loads((tmp_path / "st" / "config.json").read_text())
    assert config["torch_dtype"] == config["dtype"] == "bfloat16" and config["rope_theta"] == 50_000
    tokenizer = json.loads((tmp_path / "st" / "tokenizer_config.json").read_text())
    assert tokenizer["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert "chat_template" not in tokenizer and "extra_special_tokens" not in tokenizer
    publish(
        source,
        outgoing,
        EXPORT_FORMATS.get("gguf")(),
        tmp_path / "gguf",
        ExportOptions("q8_0", 3, 0.25),
    )
    reader = GGUFReader(str(tmp_path / "gguf" / "model-q8_0.gguf"))
    kinds = {tensor.name: tensor.tensor_type.name for tensor in reader.tensors}
    assert kinds["blk.0.attn_q.weight"] == "Q8_0" and kinds["blk.0.attn_norm.weight"] == "F32"
    assert "output.weight" not in kinds  # tied: the head is the embedding
    assert reader.fields["tokenizer.ggml.add_bos_token"].contents() is False
    assert reader.fields["tokenizer.ggml.pre"].contents() == "gpt-2"


def test_a_tokenizer_that_adds_what_its_template_writes_is_said(
    ready: Ready, tmp_path: Path
) -> None:
    """3: as in Llama 3, where a fault would be the export's alone if the base did not do it."""
    source, outgoing = ready("llama3")
    form, options = EXPORT_FORMATS.get("safetensors")(), ExportOptions("float32", 3)
    stated = publish(source, outgoing, form, tmp_path / "out", options)
    assert stated.published
    assert any("puts <|begin_of_text|> before every text" in note for note in stated.notes)


def test_rows_without_a_token_are_listed_as_unused(ready: Ready, tmp_path: Path) -> None:
    from gguf import GGUFReader

    source, outgoing = ready("qwen2")
    publish(
        source, outgoing, EXPORT_FORMATS.get("gguf")(), tmp_path / "out", ExportOptions("f16", 3)
    )
    fields = GGUFReader(str(tmp_path / "out" / "model-f16.gguf")).fields
    tokens, kinds = (fields[f"tokenizer.ggml.{n}"].contents() for n in ("tokens", "token_type"))
    assert len(tokens) == outgoing.merged.network.config.vocab_size
    assert tokens[-1] == f"[PAD{len(tokens) - 1}]" and kinds.count(5) == 16


def test_rslora_is_folded_so_that_a_plain_server_computes_it() -> None:
    from steelyard.exports.adapter import folded

    tensors = {"x.lora_A.weight": torch.ones(16, 2), "x.lora_B.weight": torch.ones(2, 16)}
    settings = {"r": 16, "lora_alpha": 8, "use_rslora": True}
    scaled, plain = folded(tensors, settings)
    assert plain["use_rslora"] is False
    served = (
        plain["lora_alpha"] / plain["r"] * scaled["x.lora_B.weight"] @ scaled["x.lora_A.weight"]
    )
    measured = 8 / 16**0.5 * tensors["x.lora_B.weight"] @ tensors["x.lora_A.weight"]
    assert torch.equal(served, measured)


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ({"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}, "gpt-2"),
        (
            {
                "type": "Sequence",
                "pretokenizers": [
                    {"type": "Digits", "individual_digits": True},
                    {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
                ],
            },
            "smollm",
        ),
        ({"type": "Metaspace"}, None),
        ({"type": "ByteLevel", "add_prefix_space": True, "use_regex": True}, None),
        (None, None),
    ],
)
def test_the_way_of_splitting_has_a_name_or_none(spec: Any, name: str | None) -> None:
    assert split_name(spec) == name


def test_what_cannot_be_written_is_said() -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {
        "vocab_size": 8,
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    llama3 = {"rope_type": "linear", "rope_theta": 1e4, "factor": 8.0}
    scaled = LlamaForCausalLM(LlamaConfig(**sizes, rope_parameters=llama3))
    assert network_refusal(scaled) == (
        "its rotary positions are scaled (linear), which is not written yet"
    )
    biased = LlamaForCausalLM(LlamaConfig(**sizes, attention_bias=True))
    assert "biases that llama has none of" in (network_refusal(biased) or "")
    biased.config.model_type = "phi"
    assert "its architecture is phi, and only llama, mistral, qwen2" in (
        network_refusal(biased) or ""
    )
    from tests.model.tiny import tiny_tokenizer

    assert "its tokenizer is WordLevel" in (tokens_refusal(tiny_tokenizer()) or "")


def test_the_verb(runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, out = runs("llama"), tmp_path / "out"
    arm = str(run / "arms" / "lora")
    words = ["export", arm, "--to", "safetensors", "--items", "4", "--out", str(out)]
    assert main([*words, "--json"]) == 0
    stated = json.loads(capsys.readouterr().out)
    assert stated["published"] and stated["rescored"]["items"] == 4
    assert main(["export", "lora", "--to", "adapter", "--run", str(run)]) == 0
    assert (run / "exports" / "lora-adapter-float32" / "README.md").is_file()
    assert "27 of 27 answers are those of the measured arm" in capsys.readouterr().out
    assert main(words) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["export", "lora", "--to", "gguf", "--run", str(run), "--precision", "q4"]) == 2
    assert "gguf is written in f16 or q8_0" in capsys.readouterr().err
    assert main(["export", "majority", "--to", "gguf", "--run", str(run)]) == 2
    assert "asks no language model and has no tuned weights" in capsys.readouterr().err
    assert main(["export", "loar", "--to", "gguf", "--run", str(run)]) == 2
    assert "has measured no arm 'loar' (did you mean 'lora'?)" in capsys.readouterr().err


def test_mistakes_are_one_line(runs: Runs, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"unknown format 'guff' \(did you mean 'gguf'\?\)"):
        export("lora", "guff", run=runs("llama"))
    with pytest.raises(ArmError, match="no arm at 'absent': give its folder"):
        export("absent", "gguf")
    with pytest.raises(ArmError, match=r"no arm at .*there is no such folder"):
        export(str(tmp_path / "absent" / "arms" / "lora"), "gguf")
    with pytest.raises(StorageError, match="give the folder of a finished run"):
        export("lora", "gguf", run=tmp_path)
    only_tuned = tmp_path / "trained" / "arms" / "lora"
    only_tuned.mkdir(parents=True)
    (only_tuned / "arm.json").write_text('{"name": "lora"}')
    with pytest.raises(
        StorageError, match=r"lora was tuned and not weighed.*: run steelyard run TASK --out"
    ):
        export(str(only_tuned), "gguf")
    with pytest.raises(ConfigError, match="at least one example"):
        ExportOptions(items=0)
    with pytest.raises(ConfigError, match="give a share from 0 to 1"):
        ExportOptions(tolerance=float("nan"))


def test_other_rows_than_were_measured_are_refused(runs: Runs, tmp_path: Path) -> None:
    from tests.tickets import write_task

    other = write_task(tmp_path / "other", rows=60)
    with pytest.raises(DataError, match="does not hold the test examples of"):
        export("lora", "safetensors", run=runs("llama"), task=other)


def test_a_missing_package_is_one_line(without_packages: HidePackages, runs: Runs) -> None:
    from steelyard.errors import MissingExtraError

    without_packages("ctranslate2")
    with pytest.raises(MissingExtraError, match=r'pip install "steelyard\[ctranslate2\]"'):
        export("lora", "ctranslate2", run=runs("llama"))


def test_ctranslate2_answers_as_measured(ready: Ready, tmp_path: Path) -> None:
    pytest.importorskip("ctranslate2")
    source, outgoing = ready("llama")
    for precision in ("float32", "int8"):
        options = ExportOptions(precision, tolerance=0.3)
        form = EXPORT_FORMATS.get("ctranslate2")()
        stated = publish(source, outgoing, form, tmp_path / precision, options)
        assert stated.published and stated.rescored is not None, stated.reasons
        assert precision == "int8" or stated.rescored.equal == stated.rescored.items


def test_the_verb_offers_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in EXPORT_FORMATS)


@pytest.mark.parametrize(
    ("tolerance", "problem"),
    [
        ("5%", "write it as a share, 0.05"),
        ("much", "is not a share"),
        ("1,5", "can be read in two ways"),
    ],
)
def test_a_tolerance_that_is_no_share_is_refused(
    tolerance: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "lora", "--to", "gguf", "--tolerance", tolerance]) == 2
    assert problem in capsys.readouterr().err
