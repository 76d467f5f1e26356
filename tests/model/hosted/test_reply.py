"""What an endpoint's answer counts."""

from __future__ import annotations

import pytest

from steelyard.model.hosted.reply import EndpointReply


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 2}, (9, 0, 2)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}, (9, 0, 2)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 311}, (9, 0, 302)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 0}, (9, 0, 2)),
    ],
)
def test_hidden_reasoning_in_the_total_is_counted(
    usage: dict[str, int], counts: tuple[int, int, int]
) -> None:
    reply = EndpointReply()
    reply.add({"choices": [], "usage": usage}, 0.1)
    assert reply.counts == counts
