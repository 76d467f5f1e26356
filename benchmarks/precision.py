"""Whether an answer is the same alone as in a batch, in fp32 and in bf16, for prompts with passages.

python benchmarks/precision.py

A matrix product over one row is summed in another order than one over many. In bf16 that moves a state by
up to 0.4 %, and where two tokens are nearly as likely the other one is written.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from injection import INSTRUCTION, PASSAGES, handbook_questions

import steelyard.model.engine.tune as tune
from steelyard.core import Question
from steelyard.model import load_model
from steelyard.model.base import ModelSpec
from steelyard.retrieve.fixed import GoldPassages
from steelyard.strategy.base import ArmFacts, Brief
from steelyard.strategy.grounding import Grounding, GroundingOptions
from steelyard.strategy.prompt import Prompt, PromptRecipe
from steelyard.strategy.prompting import PromptArm

SPEC = ModelSpec("embedded", "smollm2-135m")
TOKENS = 32


def main() -> None:
    """Print how many answers are the same in a batch of all, in batches of half, and alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=48)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    cases = handbook_questions()[: given.prompts]
    texts = [case.example.input for case in cases]
    finder = GoldPassages({case.example.input: case.passages for case in cases})
    for precision in ("float32", "bfloat16"):
        choice = {"precision": precision, "threads": given.threads}
        tune.tuned = lambda *sizes, choice=choice: choice
        model = load_model(SPEC)
        prompt = Prompt(
            PromptRecipe(INSTRUCTION, "system_user", "text", max_output_tokens=TOKENS),
            grounding=Grounding(finder, GroundingOptions(PASSAGES)),
        )
        facts = ArmFacts("asked", "rag", Brief(INSTRUCTION, "text", metric="token_f1"))
        arm = PromptArm(facts, prompt, SPEC, lambda spec, model=model: model)
        whole = answers(arm, texts, "whole")
        halves = [""] * len(texts)
        halves[::2], halves[1::2] = (answers(arm, texts[at::2], "half") for at in (0, 1))
        alone = [answers(arm, [text], "alone")[0] for text in texts]
        same = [sum(a == b for a, b in zip(whole, other, strict=True)) for other in (halves, alone)]
        print(
            f"{precision}: of {len(texts)} answers {same[0]} are the same in halves, {same[1]} alone"
        )


def answers(arm: PromptArm, texts: Sequence[str], nonce: str) -> list[str | None]:
    """Ask ``texts`` in one batch."""
    return [one.output for one in arm.answer_all([Question(text) for text in texts], nonce=nonce)]


if __name__ == "__main__":
    main()
