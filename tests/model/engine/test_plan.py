"""What is shared and what is batched."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.model.engine.plan import BatchBounds, group_by_prefix, plan_batches
from steelyard.model.engine.trie import build_trie, forced_path

PROMPTS = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=90), max_size=12)


@settings(deadline=None)
@given(PROMPTS)
def test_groups_hold_every_prompt_once_and_share_what_they_say(prompts: list[list[int]]) -> None:
    groups = group_by_prefix(prompts)
    assert sorted(i for _, members in groups for i in members) == list(range(len(prompts)))
    for shared, members in groups:
        assert len({tuple(prompts[i][:shared]) for i in members}) == 1
        assert all(len(prompts[i]) > shared for i in members)


def test_two_long_prefixes_in_one_call_are_two_groups() -> None:
    first = [[1, 2, 3] * 80 + [i] for i in range(8)]
    second = [[1, 2, 4] * 60 + [i] for i in range(8)]
    groups = group_by_prefix([*first, [9, 9], *second])
    assert {(shared, len(members)) for shared, members in groups} == {(240, 8), (180, 8), (0, 1)}


def test_scattered_prompts_stay_together() -> None:
    prompts = [[5, i, *range(40)] for i in range(10)]
    assert group_by_prefix(prompts) == [(1, list(range(10)))]


@settings(deadline=None)
@given(PROMPTS, st.integers(1, 5), st.integers(1, 400))
def test_batches_keep_their_bounds(prompts: list[list[int]], rows: int, tokens: int) -> None:
    kinds = [len(prompt) % 2 for prompt in prompts]
    groups = plan_batches(prompts, [4] * len(prompts), kinds, BatchBounds(rows, tokens))
    batches = [(group.prefix_tokens, batch) for group in groups for batch in group.batches]
    assert sorted(i for _, batch in batches for i in batch) == list(range(len(prompts)))
    for shared, batch in batches:
        assert len(batch) <= rows
        assert len({kinds[i] for i in batch}) == 1
        longest = max(len(prompts[i]) - shared + 4 for i in batch)
        assert len(batch) == 1 or longest * len(batch) <= tokens


def test_a_choice_that_begins_another_stays_reachable() -> None:
    root = build_trie(["card", "card payment", "cash"], [[7, 8, 1], [7, 8, 9, 1], [7, 3, 1]])
    path, node = forced_path(root)
    assert path == [7]
    assert set(node.children) == {8, 3}
    assert {node.children[8].children[t].choice for t in (1, 9)} == {"card", "card payment"}
