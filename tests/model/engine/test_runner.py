"""In fp32 the engine's greedy answers equal plain ``generate``, token for token."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.model.engine import attention
from steelyard.model.engine.runner import PendingPrompt, Runner
from steelyard.model.engine.trie import build_trie
from steelyard.model.local import cache_shape
from tests.model.tiny import tiny_network

END = 1
TOKENS = st.integers(2, 127)


@cache
def networks(kv_heads: int) -> tuple[Any, Any]:
    """The same network twice: as transformers runs it, and as the engine does."""
    attention.register()
    plain, packed = (tiny_network(4, kv_heads) for _ in range(2))
    packed.set_attn_implementation(attention.IMPLEMENTATION)
    return plain, packed


def plain_answer(network: Any, prompt: list[int], new: int) -> list[int]:
    output = network.generate(
        torch.tensor([prompt]),
        attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
        max_new_tokens=new,
        do_sample=False,
        eos_token_id=END,
        pad_token_id=END,
    )[0, len(prompt) :].tolist()
    return output[: output.index(END)] if END in output else output


def engine(network: Any, prefill_tokens: int) -> Runner:
    return Runner(network, cache_shape(network), frozenset([END]), prefill_tokens)


@settings(deadline=None, max_examples=60)
@given(
    prefix=st.lists(TOKENS, max_size=30),
    own=st.lists(st.lists(TOKENS, min_size=1, max_size=20), min_size=1, max_size=9),
    new=st.integers(1, 12),
    prefill_tokens=st.integers(1, 80),
    kv_heads=st.sampled_from([1, 2, 4]),
)
def test_greedy_answers_equal_plain_generate(
    prefix: list[int], own: list[list[int]], new: int, prefill_tokens: int, kv_heads: int
) -> None:
    plain, packed = networks(kv_heads)
    runner = engine(packed, prefill_tokens)
    states = runner.run(runner.fill(prefix), [PendingPrompt(tuple(tokens), new) for tokens in own])
    for tokens, state in zip(own, states, strict=True):
        assert state.output == plain_answer(plain, prefix + tokens, new)


@settings(deadline=None, max_examples=40)
@given(
    prefix=st.lists(TOKENS, max_size=12),
    own=st.lists(st.lists(TOKENS, min_size=1, max_size=9), min_size=1, max_size=6),
    paths=st.sets(
        st.tuples(TOKENS, TOKENS) | st.tuples(TOKENS, TOKENS, TOKENS), min_size=2, max_size=7
    ),
)
def test_constrained_answers_follow_the_likelier_branch(
    prefix: list[int], own: list[list[int]], paths: set[tuple[int, ...]]
) -> None:
    plain, packed = networks(2)
    choices = {"-".join(map(str, path)): path for path in sorted(paths)}
    root = build_trie(list(choices), [(*path, END) for path in choices.values()])
    runner = engine(packed, 64)
    states = runner.run(
        runner.fill(prefix), [PendingPrompt(tuple(tokens), 8, root) for tokens in own]
    )
    for tokens, state in zip(own, states, strict=True):
        expected, probability = descend(
            plain, prefix + tokens, [(*p, END) for p in choices.values()]
        )
        assert state.node is not None and state.node.choice is not None
        assert (*choices[state.node.choice], END) == expected
        assert state.probabilities[state.node.choice] == pytest.approx(probability, rel=1e-3)
        assert sum(state.probabilities.values()) <= 1 + 1e-6


def descend(
    network: Any, prompt: list[int], paths: list[tuple[int, ...]]
) -> tuple[tuple[int, ...], float]:
    """The reference: one plain forward pass per token of the answer."""
    done: tuple[int, ...] = ()
    probability = 1.0
    while len(paths) > 1:
        allowed = sorted({path[len(done)] for path in paths})
        if len(allowed) > 1:
            with torch.inference_mode():
                scores = network(torch.tensor([[*prompt, *done]])).logits[0, -1]
            weights = torch.softmax(scores[allowed], dim=-1)
            probability *= float(weights.max())
            token = allowed[int(weights.argmax())]
        else:
            token = allowed[0]
        done = (*done, token)
        paths = [path for path in paths if path[: len(done)] == done]
    return paths[0], probability


def test_sampling_depends_on_the_seed_alone() -> None:
    _plain, packed = networks(2)
    runner = engine(packed, 64)
    prefix = runner.fill([5, 6, 7])

    def sample(seed: int, company: int) -> list[int]:
        others = [PendingPrompt((9, 4 + i), 6) for i in range(company)]
        return runner.run(prefix, [*others, PendingPrompt((8,), 6, temperature=1.5, seed=seed)])[
            -1
        ].output

    assert sample(1, 0) == sample(1, 3)
    assert len({tuple(sample(seed, 0)) for seed in range(8)}) > 1


def test_a_finished_row_leaves_the_others_untouched() -> None:
    plain, packed = networks(4)
    runner = engine(packed, 256)
    jobs = [PendingPrompt((2 + i, 40 + i, 7), new) for i, new in enumerate([1, 1, 1, 1, 20])]
    states = runner.run(runner.fill([3, 3]), jobs)
    assert [len(state.output) for state in states[:4]] == [1, 1, 1, 1]
    assert states[4].output == plain_answer(plain, [3, 3, 6, 44, 7], 20)
