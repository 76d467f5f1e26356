"""The layout of packed samples, and how steps and batches are cut."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from steelyard.train.packing import (
    TokenSample,
    batches,
    pack,
    shared_prompt,
    split_tokens,
    training_attention,
)

SAMPLES = [TokenSample((7, 8, 1), (2, 3)), TokenSample((7, 8, 4, 5), (6,))]
CPU = torch.device("cpu")


def test_a_packed_step_holds_the_prefix_once_and_no_padding() -> None:
    packed = pack(SAMPLES, 2, CPU, torch.float32)
    assert packed.tokens.tolist() == [[7, 8, 1, 2, 4, 5]], (
        "a last completion token predicts nothing"
    )
    assert packed.positions.tolist() == [[0, 1, 2, 3, 2, 3]]
    assert packed.row.tolist() == [0, 0, 1, 1]
    assert packed.column.tolist() == [0, 1, 0, 1]
    assert packed.targets.tolist() == [2, 3, 6]
    assert [packed.tokens[0, place].item() for place in packed.keep] == [1, 2, 5]
    assert (packed.prefix, packed.rows, packed.width) == (2, 2, 2)


def test_a_token_sees_the_prefix_and_what_came_before_it() -> None:
    packed = pack(SAMPLES, 2, CPU, torch.float32)
    assert torch.isfinite(packed.mask).tolist() == [[True, True, True, False], [True] * 4]
    assert torch.isfinite(packed.prefix_mask).tolist() == [[True, False], [True, True]]


@pytest.mark.parametrize(
    ("prompts", "shared"),
    [
        ([(1, 2, 3), (1, 2, 4)], 2),
        ([(1, 2, 3), (1, 2, 3)], 2),
        ([(1, 2), (1, 2, 3)], 1),
        ([(5, 2), (1, 2)], 0),
        ([(1,), (1, 2)], 0),
    ],
)
def test_a_shared_prompt_leaves_each_sample_a_token(
    prompts: list[tuple[int, ...]], shared: int
) -> None:
    assert shared_prompt([TokenSample(prompt, (9,)) for prompt in prompts]) == shared


@pytest.mark.parametrize("prefix", [0, 2])
def test_attention_is_that_of_each_sample_alone(prefix: int) -> None:
    packed = pack(SAMPLES, prefix, CPU, torch.float32)
    generator = torch.Generator().manual_seed(0)
    count = packed.tokens.shape[1]
    query = torch.randn(1, 4, count, 8, generator=generator)
    key, value = (torch.randn(1, 2, count, 8, generator=generator) for _ in range(2))
    output, _ = training_attention(torch.nn.Module(), query, key, value, None, packed=packed)
    for number in range(packed.rows):
        places = [*range(prefix), *(prefix + torch.where(packed.row == number)[0]).tolist()]
        alone = torch.nn.functional.scaled_dot_product_attention(
            query[:, :, places],
            key[:, :, places].repeat_interleave(2, 1),
            value[:, :, places].repeat_interleave(2, 1),
            is_causal=True,
        )
        torch.testing.assert_close(output[:, places], alone.transpose(1, 2))


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 9)), min_size=1, max_size=9),
    st.integers(0, 30),
)
def test_sizes_are_round_in_bf16_and_samples_stand_as_they_are(
    lengths: list[tuple[int, int]], prefix: int
) -> None:
    samples = [
        TokenSample((1,) * (prefix + own), tuple(range(10 * n, 10 * n + learnt)))
        for n, (own, learnt) in enumerate(lengths)
    ]
    exact, packed = (pack(samples, prefix, CPU, dtype) for dtype in (torch.float32, torch.bfloat16))
    count = packed.tokens.shape[1]
    assert count % 16 == 0 and packed.width % 8 == 0 and packed.width >= exact.width
    assert count < exact.tokens.shape[1] + 16 and len(packed.column) == count - prefix
    assert packed.targets.tolist() == exact.targets.tolist()
    assert packed.positions.max() == exact.positions.max(), "angles may go by the highest"
    keep = packed.keep.tolist()
    assert len(set(keep)) == len(keep) and max(keep) < count
    assert len(keep) % 8 == 0 or len(keep) == count, "there are not more"
    places = [packed.positions[0, place].item() for place in keep[: len(exact.keep)]]
    assert places == exact.positions[0, exact.keep].tolist()
    read = [packed.tokens[0, place].item() for place in keep[: len(exact.keep)]]
    assert read == exact.tokens[0, exact.keep].tolist()
    pairs = set(zip(packed.row.tolist(), packed.column.tolist(), strict=True))
    assert (
        len(pairs) == count - prefix
        and set(zip(exact.row.tolist(), exact.column.tolist(), strict=True)) <= pairs
    ), "no token takes another's place"


@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 99))
def test_an_epoch_meets_every_sample_once_in_a_seeded_order(
    count: int, size: int, seed: int
) -> None:
    first, again = (batches(count, size, torch.Generator().manual_seed(seed)) for _ in range(2))
    assert first == again
    assert sorted(place for batch in first for place in batch) == list(range(count))
    assert {len(batch) for batch in first[:-1]} <= {size}


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20), st.integers(1, 60))
def test_pieces_hold_all_samples_in_order_within_the_limit(lengths: list[int], most: int) -> None:
    samples = [TokenSample((0,) * (length - 1), (1,)) for length in lengths]
    pieces = split_tokens(range(len(samples)), samples, most)
    assert [place for piece in pieces for place in piece] == list(range(len(samples)))
    for piece in pieces:
        assert len(piece) == 1 or sum(samples[place].length for place in piece) <= most
