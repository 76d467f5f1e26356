"""Choices as a token trie: an answer constrained to it is always one of the choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Node:
    """A place in the trie. ``choice`` is set on leaves; ``children`` maps the next token to its node."""

    children: dict[int, Node] = field(default_factory=dict)
    choice: str | None = None

    @property
    def only_child(self) -> tuple[int, Node] | None:
        """The next token and node when there is no other way on."""
        return next(iter(self.children.items())) if len(self.children) == 1 else None


def build_trie(choices: Sequence[str], paths: Sequence[Sequence[int]]) -> Node:
    """Build the trie of ``choices`` from their ``paths``: tokens that end as an answer ends.

    The end tells a choice that is the beginning of another from it. A path that has become
    unambiguous is cut short at once: its last node carries the choice, and nothing more is computed.
    """
    root = Node()
    for choice, path in zip(choices, paths, strict=True):
        node = root
        for token in path:
            node = node.children.setdefault(token, Node())
        node.choice = choice
    _shorten(root)
    return root


def _shorten(node: Node) -> str | None:
    """Give every node with one choice below it that choice; returns the single choice, if so."""
    if node.choice is not None:
        return node.choice
    below = [_shorten(child) for child in node.children.values()]
    if len(below) == 1 and below[0] is not None:
        node.choice, node.children = below[0], {}
    return node.choice


def forced_path(node: Node) -> tuple[list[int], Node]:
    """Follow the tokens that leave no choice; returns them and the node where a choice begins."""
    path: list[int] = []
    while (only := node.only_child) is not None:
        token, node = only
        path.append(token)
    return path, node
