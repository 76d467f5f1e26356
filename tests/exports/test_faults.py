"""Faults that others shipped between training and serving, planted in exported files: each is named.

Those of training itself are held elsewhere: ``tests/train/test_learnt.py`` (what is learnt: the end of a
turn, BOS once, the seam, empty thoughts, nothing, everything), ``test_packing.py``, ``test_trainer.py`` and
``test_gradients.py`` beside it (packed rows, masks, gradients over batches), ``tests/data`` (rows alike on
both sides of the split), ``test_trained_otherwise.py`` (a rounded base). A file of CTranslate2 is checked by
its tokens, its end tokens and its template; its weights cannot be read back, so that a fault in them is told
by the answers alone.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

import torch

from steelyard.errors import ArmError
from steelyard.exports import ExportOptions
from steelyard.exports.base import ExportFormat
from steelyard.exports.publish import publish
from steelyard.exports.source import ExportSource, open_source
from steelyard.exports.weights import halved, interleaved
from steelyard.families import EXPORT_FORMATS
from tests.exports.faults import Damage, damaged, edit_gguf, edit_json, edit_weights, unseen
from tests.exports.models import starting_with

Ready = Callable[[str], tuple[ExportSource, Any]]
Change = Callable[[Any], object]
RANK = 4


def changed(outgoing: Any, change: Change) -> Any:
    """What a format writes, its network changed."""
    merged = outgoing.merged._replace(network=copy.deepcopy(outgoing.merged.network))
    change(merged)
    return replace(outgoing, merged=merged)


def head_apart(merged: Any) -> None:
    """A head that tuning moved away from the embedding."""
    head = merged.network.get_output_embeddings()
    head.weight = torch.nn.Parameter(head.weight.detach().roll(1, 0))
    merged.network.config.tie_word_embeddings = False


def reasons(
    ready: Ready, out: Path, form: ExportFormat, kind: str = "llama", precision: str | None = None
) -> str:
    """Why the export is refused; nothing is left behind."""
    source, outgoing = ready(kind)
    options = ExportOptions(precision or form.default_precision(outgoing), items=6)
    stated = publish(source, outgoing, form, out / "there", options)
    assert not stated.published and stated.folder is None
    assert list(out.iterdir()) == []
    return "\n".join(stated.reasons)


def no_template(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()


def other_template(folder: Path) -> None:
    path = folder / "chat_template.jinja"
    path.write_text(path.read_text().replace("You help.", "You are kind."))


def louder_template(folder: Path) -> None:
    path = folder / "chat_template.jinja"
    path.write_text(path.read_text().replace("{{ m.content }}", "{{ m.content }}!"))


def other_end(folder: Path) -> None:
    path = folder / "chat_template.jinja"
    path.write_text(path.read_text().replace("<|im_end|>", "<|endoftext|>"))


def with_pad_token(folder: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"pad_token": "<pad>"})
    tokenizer.save_pretrained(folder)


def with_bos(folder: Path) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.post_processor = starting_with(tokenizer.token_to_id("<|im_start|>"), "<|im_start|>")
    tokenizer.save(str(folder / "tokenizer.json"))


def renumbered(folder: Path) -> None:
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    tokens = content["model"]["vocab"]
    tokens["a"], tokens["b"] = tokens["b"], tokens["a"]
    path.write_text(json.dumps(content), encoding="utf-8")


FILES: dict[str, tuple[Damage, str]] = {
    "the end of a turn is not an end token (1)": (
        edit_json("generation_config.json", eos_token_id=None),
        r"nothing stops an answer at '<\|im_end\|>'",
    ),
    "another token ends answers (1)": (
        edit_json("generation_config.json", eos_token_id=272),
        r"the files end an answer at '<\|endoftext\|>' \(272\), which ended none",
    ),
    "the template ends turns otherwise (4)": (
        other_end,
        r"the chat template ends an answer with '<\|endoftext\|>', the arm was taught '<\|im_end\|>'",
    ),
    "an added pad token has no row (18)": (
        with_pad_token,
        r"the vocabulary has 273 rows, the tokenizer 274 tokens: the last 1 have no row",
    ),
    "the class of the tokenizer is another (23)": (
        edit_json("tokenizer_config.json", tokenizer_class="LlamaTokenizer"),
        r"tokenizer_class is LlamaTokenizer|cannot be loaded again",
    ),
    "tokens have other numbers (23)": (renumbered, "tokens have another number"),
    "BOS twice (3)": (with_bos, r"would begin with <\|im_start\|> twice"),
    "no chat template (21)": (no_template, "the files hold no chat template"),
    "two chat templates (21)": (
        edit_json("tokenizer_config.json", chat_template="{{ 'x' }}"),
        "hold 2 chat templates that differ",
    ),
    "another chat template (22)": (
        louder_template,
        r"renders another prompt: at character [0-9]+ '!<\|im_end\|>.*measured '<\|im_end\|>",
    ),
    "another hidden prompt (22)": (
        other_template,
        "the chat template of the files is not the measured one",
    ),
    "another rotary base (19)": (
        edit_json(
            "config.json",
            rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
            rope_theta=10_000.0,
        ),
        "rope_theta is 10000.0, that of the measured model 50000.0",
    ),
}


@pytest.mark.parametrize("case", FILES)
def test_a_fault_of_the_files_is_named(case: str, ready: Ready, tmp_path: Path) -> None:
    damage, expected = FILES[case]
    refused = reasons(ready, tmp_path, damaged(EXPORT_FORMATS.get("safetensors")(), damage))
    assert re.search(expected, refused), refused


@pytest.mark.parametrize(
    ("strength", "expected"),
    [
        (RANK, f"alpha was not divided by the rank, {RANK} (15)"),
        (RANK**0.5, "rsLoRA, alpha by the root of the rank 4, was mistaken (14)"),
        (RANK**-0.5, "rsLoRA, alpha by the root of the rank 4, was mistaken (14)"),
        (0, "it was left out, or rounded away (17)"),
        (3, "the scale of the adapter was mistaken"),
    ],
)
def test_the_strength_of_the_tuning_is_measured(
    strength: float, expected: str, ready: Ready, tmp_path: Path
) -> None:
    changes = ready("llama")[1].merged.changes
    assert len(changes) >= 7

    def change(tensors: dict[str, Any]) -> None:
        for name, added in changes.items():
            tensors[name] = tensors[name] + (strength - 1) * added

    form = damaged(EXPORT_FORMATS.get("safetensors")(), edit_weights(change))
    refused = reasons(ready, tmp_path, form, precision="float32")
    assert expected.partition(" (1")[0] in refused


def test_a_head_of_its_own_that_is_tied_again_is_named(ready: Ready, tmp_path: Path) -> None:
    """13: the tuned head is dropped, and the embedding stands in for it."""
    source, outgoing = ready("llama")

    def tie(folder: Path) -> None:
        edit_weights(lambda tensors: tensors.pop("lm_head.weight"))(folder)
        edit_json("config.json", tie_word_embeddings=True)(folder)

    form = damaged(EXPORT_FORMATS.get("safetensors")(), tie)
    stated = publish(
        source, changed(outgoing, head_apart), form, tmp_path / "there", ExportOptions("float32", 6)
    )
    assert "the head is tied to the embedding in the files, and was tuned apart" in "\n".join(
        stated.reasons
    )


def test_the_head_of_an_untied_model_that_is_dropped_is_named(ready: Ready, tmp_path: Path) -> None:
    """13: a reader of GGUF takes the embedding where there is no head."""
    form = damaged(EXPORT_FORMATS.get("gguf")(), edit_gguf(drop=("output.weight",)))
    assert "the head is tied to the embedding in the files" in reasons(
        ready, tmp_path, form, "untied"
    )


def in_four_bits(weight: torch.Tensor) -> torch.Tensor:
    """Blocks of 64 weights in fifteen steps of the largest."""
    blocks = weight.reshape(-1, 64)
    step = blocks.abs().amax(1, keepdim=True) / 7
    return ((blocks / step).round() * step).reshape(weight.shape)


def test_a_merge_that_is_rounded_to_four_bits_again_is_named(ready: Ready, tmp_path: Path) -> None:
    """17: what a light tuning changed is less than a step of four bits."""

    def round_again(tensors: dict[str, Any]) -> None:
        for name in tensors:
            if "proj" in name:
                tensors[name] = in_four_bits(tensors[name])

    form = damaged(EXPORT_FORMATS.get("safetensors")(), edit_weights(round_again))
    refused = reasons(ready, tmp_path, form, precision="float32")
    assert "is rounded to four bits or fewer" in refused


def test_rows_in_another_order_are_named(ready: Ready, tmp_path: Path) -> None:
    """19: rotary positions need rows of queries and keys in the order of the reader."""
    name = "model.layers.0.self_attn.q_proj.weight"

    def change(tensors: dict[str, Any]) -> None:
        tensors[name] = interleaved(tensors[name], 4)

    refused = reasons(
        ready, tmp_path, damaged(EXPORT_FORMATS.get("safetensors")(), edit_weights(change))
    )
    assert f"{name} is in another order of rows than rotary positions need" in refused


def test_a_missing_weight_and_a_wrong_one_are_named(ready: Ready, tmp_path: Path) -> None:
    name = "model.layers.1.input_layernorm.weight"

    def halve(tensors: dict[str, Any]) -> None:
        tensors[name] = tensors[name] / 2

    refused = reasons(
        ready, tmp_path, damaged(EXPORT_FORMATS.get("safetensors")(), edit_weights(halve))
    )
    assert f"{name} is 0.5 times the measured weight" in refused


def test_the_adapter_says_the_scale_that_servers_compute(ready: Ready, tmp_path: Path) -> None:
    """14 and 15: a server knows alpha and rank alone."""
    form = EXPORT_FORMATS.get("adapter")()
    flagged = damaged(form, edit_json("adapter_config.json", use_rslora=True))
    assert "use_rslora is set, which servers ignore" in reasons(ready, tmp_path, flagged)
    doubled = damaged(form, edit_json("adapter_config.json", lora_alpha=8 * RANK))
    assert "times as strong as measured: alpha was not divided by the rank" in reasons(
        ready, tmp_path, doubled
    )
    elsewhere = damaged(
        form, edit_json("adapter_config.json", base_model_name_or_path="other/base")
    )
    assert "names the base 'other/base', it was trained on 'tiny-llama'" in reasons(
        ready, tmp_path, elsewhere
    )


def test_another_base_or_adapter_than_was_measured_is_refused(
    runs: Callable[[str], Path], ready: Ready
) -> None:
    """16: merged onto weights that the adapter was not trained on."""
    source, _ = ready("llama")
    for path in (
        Path(source.weights) / "model.safetensors",
        runs("llama") / "arms" / "lora" / "adapter" / "adapter_model.safetensors",
    ):
        content, aside = path.read_bytes(), path.with_suffix(".aside")
        path.rename(aside)  # a loaded network may still read the file that it came from
        try:
            path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
            with pytest.raises(ArmError, match="are not those that were measured"):
                open_source("lora", runs("llama"), None)
        finally:
            aside.replace(path)


def unpermuted(name: str, data: Any) -> Any:
    if ".attn_q." not in name:
        return data
    return halved(torch.from_numpy(data.astype("float32")), 4).numpy().astype(data.dtype)


def one_more(tokens: list[Any]) -> list[Any]:
    return [*tokens, "<pad>" if isinstance(tokens[0], str) else 3]


GGUF: dict[str, tuple[Damage, str]] = {
    "BOS twice (3, 20)": (
        edit_gguf(change={"tokenizer.ggml.add_bos_token": lambda _: True}),
        "would begin with <|im_start|> twice",
    ),
    "add_bos left to a default (20)": (
        edit_gguf(drop=("tokenizer.ggml.add_bos_token",)),
        "add_bos_token is not in the file",
    ),
    "no chat template (21)": (
        edit_gguf(drop=("tokenizer.chat_template",)),
        "the files hold no chat template",
    ),
    "two chat templates (21)": (
        edit_gguf(add={"tokenizer.chat_template.rag": "{{ 'x' }}"}),
        "hold 2 chat templates that differ",
    ),
    "more tokens than rows (18)": (
        edit_gguf(
            change={"tokenizer.ggml.tokens": one_more, "tokenizer.ggml.token_type": one_more}
        ),
        "the vocabulary has 273 rows, the file lists 274 tokens",
    ),
    "rows not permuted (19)": (
        edit_gguf(tensors=unpermuted),
        "in another order of rows than rotary positions need",
    ),
    "another rotary base (19)": (
        edit_gguf(change={"llama.rope.freq_base": lambda _: 10_000.0}),
        "rope_theta is 10000.0",
    ),
    "another end token (1)": (
        edit_gguf(change={"tokenizer.ggml.eos_token_id": lambda _: 272}),
        "nothing stops an answer at '<|im_end|>'",
    ),
}


@pytest.mark.parametrize("case", GGUF)
def test_a_fault_of_a_gguf_file_is_named(case: str, ready: Ready, tmp_path: Path) -> None:
    damage, expected = GGUF[case]
    refused = reasons(ready, tmp_path, damaged(EXPORT_FORMATS.get("gguf")(), damage))
    assert expected in refused


def swapped(folder: Path) -> None:
    path = folder / "vocabulary.json"
    texts = json.loads(path.read_text(encoding="utf-8"))
    texts[3], texts[4] = texts[4], texts[3]
    path.write_text(json.dumps(texts), encoding="utf-8")


CTRANSLATE2: dict[str, tuple[Damage, str]] = {
    "another token ends answers (1)": (
        edit_json("generation_config.json", eos_token_id=272),
        r"the files end an answer at '<\|endoftext\|>' \(272\), which ended none",
    ),
    "BOS twice (3)": (with_bos, r"would begin with <\|im_start\|> twice"),
    "an added pad token has no row (18)": (
        with_pad_token,
        r"the vocabulary has 273 rows, the tokenizer 274 tokens: the last 1 have no row",
    ),
    "no chat template (21)": (no_template, "the files hold no chat template"),
    "another hidden prompt (22)": (
        other_template,
        "the chat template of the files is not the measured one",
    ),
    "tokens have other rows (23)": (
        swapped,
        "2 tokens of vocabulary.json stand in another row than the tokenizer's",
    ),
}


@pytest.mark.parametrize("case", CTRANSLATE2)
def test_a_fault_of_a_ctranslate2_folder_is_named(case: str, ready: Ready, tmp_path: Path) -> None:
    pytest.importorskip("ctranslate2")
    damage, expected = CTRANSLATE2[case]
    refused = reasons(ready, tmp_path, damaged(EXPORT_FORMATS.get("ctranslate2")(), damage))
    assert re.search(expected, refused), refused


def heads_in_another_order(merged: Any) -> None:
    for layer in merged.network.model.layers:
        for linear, heads in ((layer.self_attn.q_proj, 4), (layer.self_attn.k_proj, 2)):
            linear.weight.data = interleaved(linear.weight.data, heads).contiguous()


def tuning_times(strength: float) -> Change:
    """Scale what tuning changed."""

    def change(merged: Any) -> None:
        weights = dict(merged.network.named_parameters())
        for name, added in merged.changes.items():
            weights[name].data += ((strength - 1) * added).to(weights[name].dtype)

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(heads_in_another_order, id="rows not permuted (19)"),
        pytest.param(tuning_times(RANK), id="alpha not divided by the rank (15)"),
        pytest.param(tuning_times(0), id="the tuning left out (17)"),
        pytest.param(head_apart, id="another head (13)"),
    ],
)
def test_weights_that_ctranslate2_reads_otherwise_are_told_by_the_answers(
    change: Change, ready: Ready, tmp_path: Path
) -> None:
    pytest.importorskip("ctranslate2")
    source, outgoing = ready("llama")
    form, options = EXPORT_FORMATS.get("ctranslate2")(), ExportOptions("float32")
    stated = publish(source, changed(outgoing, change), form, tmp_path / "there", options)
    assert not stated.published and stated.rescored is not None
    assert stated.rescored.equal_share < 0.99
    assert "answers are equal" in stated.reasons[0]


def test_what_is_too_large_for_the_precision_is_named(ready: Ready, tmp_path: Path) -> None:
    source, outgoing = ready("llama")

    def enlarge(merged: Any) -> None:
        merged.network.model.embed_tokens.weight.data[5, 0] = 1e6

    form, options = EXPORT_FORMATS.get("gguf")(), ExportOptions("f16", 6)
    stated = publish(source, changed(outgoing, enlarge), form, tmp_path / "there", options)
    assert "its largest value, 1e+06, is too large for the precision" in "\n".join(stated.reasons)


def test_a_fault_that_only_answers_show_is_refused_with_its_interval(
    ready: Ready, tmp_path: Path
) -> None:
    """Weights that no check can read back, as those of CTranslate2, are held to their answers."""

    def change(tensors: dict[str, Any]) -> None:
        for name in tensors:
            if "layers.1.mlp.down_proj" in name or "layers.0.self_attn" in name:
                tensors[name] = -tensors[name]

    source, outgoing = ready("llama")
    form = unseen(EXPORT_FORMATS.get("safetensors")(), edit_weights(change))
    stated = publish(source, outgoing, form, tmp_path / "there", ExportOptions("float32"))
    assert not stated.published and stated.rescored is not None
    rescored = stated.rescored
    assert rescored.equal < rescored.items == rescored.of
    assert rescored.low is not None and rescored.low < -0.01
    assert f"{rescored.equal} of {rescored.items} answers are equal" in stated.reasons[0]
    assert "is not shown to be within 1 point: exported less measured is" in stated.reasons[0]
    lenient = ExportOptions("float32", tolerance=1.0)
    assert publish(source, outgoing, form, tmp_path / "there", lenient).published


def test_test_rows_among_the_training_rows_are_said(ready: Ready, tmp_path: Path) -> None:
    """24: figures of rows that were learnt are no figures."""
    from steelyard.result.audit import Leaks

    source, outgoing = ready("llama")
    result = source.run.result
    audit = result.audit.updated(leaks={"exact": Leaks(count=2, test_count=2)})
    leaky = replace(source, run=replace(source.run, result=result.updated(audit=audit)))
    form, options = EXPORT_FORMATS.get("safetensors")(), ExportOptions("float32", 3)
    stated = publish(leaky, outgoing, form, tmp_path / "there", options)
    assert any("test rows like one of train or dev: 2 exact" in note for note in stated.notes)
    assert not any(
        "test rows like" in note
        for note in publish(source, outgoing, form, tmp_path / "sound", options).notes
    )
