"""Ask an exported GGUF file the test examples of its run in llama.cpp, by the file's own chat template.

    pip install llama-cpp-python==0.3.36
    python benchmarks/gguf_llama_cpp.py runs/NAME ARM runs/NAME/exports/ARM-gguf-f16 [ITEMS] [TASK]

Free arms alone: llama.cpp is not told the labels. Prints how many answers are those of the run, and ends
with 1 where it is less than the 99 % that an export has to reach.
"""

from __future__ import annotations

import sys
from pathlib import Path

from llama_cpp import Llama

from steelyard.core import questions_of
from steelyard.exports.rescore import EQUAL_SHARE
from steelyard.exports.source import open_source


def main(run: str, arm: str, folder: str, items: str = "", task: str = "") -> None:
    source = open_source(arm, run, Path(task) if task else None)
    recipe = source.arm.prompt.recipe
    if recipe.decoding != "free":
        raise SystemExit(f"{arm} holds its answers to labels or a schema: give its free twin")
    [path] = Path(folder).glob("*.gguf")
    engine = Llama(str(path), n_ctx=4096, logits_all=False, verbose=False)
    every = list(zip(questions_of(source.examples), source.records, strict=True))
    pairs = every[: int(items)] if items else every
    equal = 0
    for question, record in pairs:
        messages = [{"role": m.role, "content": m.content} for m in recipe.messages(question)]
        reply = engine.create_chat_completion(
            messages=messages, temperature=0.0, max_tokens=recipe.max_output_tokens
        )
        text = reply["choices"][0]["message"]["content"]
        equal += text.strip() == record.answer.completion.text.strip()
    print(f"{equal} of {len(pairs)} answers are those of the run")
    if equal < EQUAL_SHARE * len(pairs):
        raise SystemExit(1)


if __name__ == "__main__":
    main(*sys.argv[1:6])
