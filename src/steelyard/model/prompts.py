"""From chat messages to the tokens a local model reads."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from steelyard.core import Message
from steelyard.model.control_tokens import ControlTokens, encode_cut, unused_character

_PROBE = "Steelyard"
"""An answer whose place in a rendered chat is looked for."""


class PromptWriter:
    """Renders messages with the tokenizer's chat template, or plainly where it has none.

    Control tokens come from the template alone: what looks like one in a message or an answer is text.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self._control = ControlTokens(tokenizer.added_tokens_decoder.values())

    def tokens(self, prompts: Sequence[tuple[Message, ...]]) -> list[list[int]]:
        """Return the token ids of each prompt, ready for the assistant's answer."""
        return encode_cut(self._encode, [self._pieces(messages) for messages in prompts])

    def _pieces(self, messages: tuple[Message, ...]) -> list[str]:
        """Render ``messages``, cut within what looks like a control token in their contents."""
        contents = [message.content for message in messages]
        if not any(map(self._control.are_in, contents)):
            return [self.text(messages)]
        mark = unused_character([*contents, str(self.tokenizer.chat_template)])
        marked = [
            Message(message.role, self._control.marked(message.content, mark))
            for message in messages
        ]
        return self.text(marked).split(mark)

    def text(self, messages: Sequence[Message]) -> str:
        """Render ``messages``; the text ends where the assistant begins."""
        if self.tokenizer.chat_template is None:
            return "".join(f"{message.content}\n\n" for message in messages)
        try:
            return self._template(messages)
        except Exception as error:  # a template's own refusal is a jinja2 error of any kind
            merged = merge_system(messages)
            if merged == tuple(messages):
                raise error
            return self._template(merged)

    def _template(self, messages: Sequence[Message]) -> str:
        chat = [{"role": message.role, "content": message.content} for message in messages]
        text: str = self.tokenizer.apply_chat_template(
            chat, add_generation_prompt=True, tokenize=False
        )
        return text

    def answer_tokens(self, answers: Sequence[str]) -> list[list[int]]:
        """Return the token ids of answers, as they follow the assistant's opening."""
        return encode_cut(self._encode, [self._control.cut(answer) for answer in answers])

    @cached_property
    def turn_end(self) -> tuple[int, ...]:
        """The token ids that close an assistant's turn: the template's own, up to its control token.

        Where a template writes none behind an answer, or there is no template, that is the tokenizer's end
        token, which need not be the template's; nothing where there is neither.
        """
        closing = self._control.through_first(self._after_answer())
        if closing is not None:
            return tuple(self._encode([closing])[0])
        end = self.tokenizer.eos_token_id
        return () if end is None else (int(end),)

    def _after_answer(self) -> str:
        """What the template writes after an assistant's last answer."""
        if self.tokenizer.chat_template is None:
            return ""
        chat = [{"role": "user", "content": "Name?"}, {"role": "assistant", "content": _PROBE}]
        text: str = self.tokenizer.apply_chat_template(chat, tokenize=False)
        return text.rpartition(_PROBE)[2] if _PROBE in text else ""

    def _encode(self, texts: list[str]) -> list[list[int]]:
        return [list(ids) for ids in self.tokenizer(texts, add_special_tokens=False)["input_ids"]]


def merge_system(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Move a leading system message into the first user turn, for templates that know no system role."""
    if len(messages) < 2 or messages[0].role != "system" or messages[1].role != "user":
        return tuple(messages)
    first = Message("user", f"{messages[0].content}\n\n{messages[1].content}")
    return (first, *messages[2:])
