"""CTranslate2: merged weights in int8, for fast answers on CPUs and GPUs."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from steelyard.core import Completion, Request
from steelyard.errors import ConfigError, ModelError
from steelyard.exports.base import ExportFormat, Outgoing, ReadBack
from steelyard.exports.merged_format import SafetensorsFormat
from steelyard.exports.pretrained import (
    added_anew,
    read_ends,
    read_templates,
    write_generation,
    write_tokenizer,
)
from steelyard.extras import require
from steelyard.files import read_json
from steelyard.model import huggingface
from steelyard.model.engine.trie import Node
from steelyard.model.local import EngineSettings
from steelyard.model.plain import PlainModel

_VOCABULARY = "vocabulary.json"


class CTranslate2Format(ExportFormat):
    """A folder as the package ctranslate2 reads it; its own converter writes it."""

    name: ClassVar[str] = "ctranslate2"
    about: ClassVar[str] = "CTranslate2, as faster inference engines read it"
    precisions: ClassVar[tuple[str, ...]] = ("int8", "float32")
    rounding: ClassVar[Mapping[str, float]] = {"int8": 0.0, "float32": 0.0}
    """Its weights are not read back: its answers are all that is compared."""
    library: ClassVar[str] = "ctranslate2"

    def require(self) -> None:
        """The package ctranslate2 is an extra of its own."""
        require("ctranslate2", "ctranslate2")

    def notes(self, outgoing: Outgoing, precision: str) -> tuple[str, ...]:
        return (
            "it takes tokens: render the chat template with the tokenizer here, add no special tokens, and "
            f"stop at the token ids {', '.join(map(str, outgoing.ends))}",
        )

    def write(self, outgoing: Outgoing, folder: Path, precision: str) -> None:
        """Write merged weights aside, convert them, and put tokenizer and end tokens beside the result."""
        from ctranslate2.converters import TransformersConverter

        with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
            SafetensorsFormat().write(outgoing, Path(aside), "float32")
            try:
                converter = TransformersConverter(aside)
                converter.convert(str(folder), quantization=precision, force=True)
            except (ValueError, NotImplementedError, AttributeError, KeyError) as error:
                reason = " ".join(str(error).split())[:200]
                raise ConfigError(
                    f"CTranslate2 cannot convert this model: {reason}; export it --to safetensors"
                ) from error
        _name_special_tokens(folder, outgoing)
        write_generation(outgoing, folder)
        write_tokenizer(outgoing, folder)

    def read(self, folder: Path, outgoing: Outgoing) -> ReadBack:
        """Load through ctranslate2; the network of the merged weights lends its configuration alone."""
        import ctranslate2
        from transformers import PreTrainedTokenizerFast

        try:
            generator = ctranslate2.Generator(str(folder), device="cpu")
        except (RuntimeError, ValueError) as error:
            raise ModelError(" ".join(str(error).split())[:200]) from error
        tokenizer = PreTrainedTokenizerFast.from_pretrained(str(folder))
        texts = json.loads((folder / _VOCABULARY).read_text(encoding="utf-8"))

        def build(settings: EngineSettings) -> CTranslate2Model:
            return CTranslate2Model(generator, outgoing, huggingface.with_padding(tokenizer))

        return ReadBack(
            None,
            tokenizer,
            read_ends(folder),
            read_templates(folder),
            len(tokenizer),
            len(texts),
            build,
            added_anew(tokenizer, outgoing),
            faults=tuple(_vocabulary_faults(tokenizer, texts)),
        )


def _name_special_tokens(folder: Path, outgoing: Outgoing) -> None:
    """Name a first token where the tokenizer has none: ctranslate2 does not load null, nor use it here."""
    path, end = folder / "config.json", outgoing.merged.tokenizer.eos_token or ""
    settings = {
        key: end if value is None and key.endswith("_token") else value
        for key, value in read_json(path).items()
    }
    path.write_text(json.dumps(settings, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _vocabulary_faults(tokenizer: Any, texts: list[str]) -> list[str]:
    wrong = [
        (number, text)
        for text, number in tokenizer.get_vocab().items()
        if number < len(texts) and texts[number] != text
    ]
    if not wrong:
        return []
    number, text = min(wrong)
    return [
        f"{len(wrong):,} tokens of vocabulary.json stand in another row than the tokenizer's, such as row "
        f"{number}: {texts[number]!r}, in the tokenizer {text!r}"
    ]


class CTranslate2Model(PlainModel):
    """Answers by a generator of ctranslate2, greedily; one held to choices goes down their trie."""

    def __init__(self, generator: Any, outgoing: Outgoing, tokenizer: Any) -> None:
        network = outgoing.merged.network
        settings = EngineSettings(rows=16)
        super().__init__(outgoing.measured.name, "export:ctranslate2", network, tokenizer, settings)
        self._generator = generator

    def _run(
        self, group: list[int], requests: Any, prompts: list[list[int]]
    ) -> list[tuple[int, Completion]]:
        first, start = requests[group[0]], time.perf_counter()
        self._refuse(first)
        batch = [prompts[i] for i in group]
        if first.choices:
            outputs = [list(path) for path in self._choose(batch, first.choices)]
        else:
            outputs = self._free(batch, first.max_output_tokens)
        seconds = time.perf_counter() - start
        return [
            (i, self._plain(requests[i], len(prompts[i]), output, seconds, len(group)))
            for i, output in zip(group, outputs, strict=True)
        ]

    def _refuse(self, request: Request) -> None:
        if request.schema:
            raise ConfigError(
                "CTranslate2 cannot hold answers to a JSON schema, so that this arm cannot be re-scored: "
                "export its free twin, or --to safetensors"
            )
        if request.temperature > 0:
            raise ConfigError(
                "the arm draws its answers, so that no two are equal: export it --to safetensors"
            )

    def _free(self, batch: list[list[int]], most: int) -> list[list[int]]:
        results = self._generator.generate_batch(
            [self.tokenizer.convert_ids_to_tokens(prompt) for prompt in batch],
            max_length=most,
            sampling_topk=1,
            include_prompt_in_result=False,
            end_token=sorted(self.end_tokens),
            return_end_token=True,
        )
        return [list(result.sequences_ids[0]) for result in results]

    def _choose(self, batch: list[list[int]], choices: tuple[str, ...]) -> list[list[int]]:
        """The tokens of one choice for each prompt: at each branch the likelier way, as the engine goes."""
        places: list[tuple[Node, list[int]]] = [(self._trie(choices), []) for _ in batch]
        while open_rows := [row for row, (node, _) in enumerate(places) if node.choice is None]:
            scores = self._next_scores([batch[row] + places[row][1] for row in open_rows])
            for row, logits in zip(open_rows, scores, strict=True):
                node, path = places[row]
                tokens = list(node.children)
                best = tokens[int(np.argmax(logits[tokens]))]
                places[row] = node.children[best], [*path, best]
        answers = [node.choice for node, _ in places]
        return self.writer.answer_tokens([answer for answer in answers if answer is not None])

    def _next_scores(self, rows: list[list[int]]) -> list[Any]:
        """The scores of what follows each row of tokens, ``[vocabulary]`` each."""
        tokens = [self.tokenizer.convert_ids_to_tokens(row) for row in rows]
        logits = np.array(self._generator.forward_batch(tokens))
        return [logits[place, len(row) - 1] for place, row in enumerate(rows)]
