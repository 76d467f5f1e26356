"""From chat messages to the tokens a local model reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import copy
from functools import cached_property
from typing import Any

from steelyard.core import Message
from steelyard.errors import ModelError
from steelyard.model.control_tokens import ControlTokens, encode_cut, unused_character
from steelyard.model.thoughts import OpenThought, open_thought, opens_thought
from steelyard.words import shortened

_PROBE = "Steelyard"
"""An answer whose place in a rendered chat is looked for."""
_ASKED = (Message("user", "Name?"),)
_ASKED_UNDER_RULES = (Message("system", "Answer."), *_ASKED)


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
        """Render ``messages``; the text ends where the assistant begins.

        Raises `ModelError` where the template refuses them.
        """
        if self.tokenizer.chat_template is None:
            return "".join(f"{message.content}\n\n" for message in messages)
        try:
            return self._template(messages)
        except Exception as error:  # a template's own refusal is a jinja2 error of any kind
            merged = merge_system(messages)
            if merged == tuple(messages):
                raise _refused(messages, error) from error
        try:
            return self._template(merged)
        except Exception as error:
            raise _refused(messages, error) from error

    def _template(self, messages: Sequence[Message]) -> str:
        text: str = self.tokenizer.apply_chat_template(
            _plain(messages), add_generation_prompt=True, tokenize=False
        )
        return text

    def answer_tokens(self, answers: Sequence[str]) -> list[list[int]]:
        """Return the token ids of answers, as they follow the assistant's opening."""
        return encode_cut(self._encode, [self._control.cut(answer) for answer in answers])

    @cached_property
    def turn_end(self) -> tuple[int, ...]:
        """The token ids that close an assistant's turn: the template's own, up to its control token.

        Where a template writes none behind an answer or refuses one at the end, or there is no template, that
        is the tokenizer's end token, which need not be the template's; nothing where there is neither.
        """
        closing = self._control.through_first(self._after_answer())
        if closing is not None:
            return tuple(self._encode([closing])[0])
        end = self.tokenizer.eos_token_id
        return () if end is None else (int(end),)

    def _after_answer(self) -> str:
        """What the template writes after an assistant's last answer."""
        text = self._answered()
        return text.rpartition(_PROBE)[2] if _PROBE in text else ""

    @cached_property
    def thought(self) -> OpenThought | None:
        """The thought that the template begins for the model; ``None`` where it begins with the answer."""
        return open_thought(self.opening)

    @cached_property
    def opening(self) -> str:
        """A short question as the template renders it, with a system message where it insists on one."""
        try:
            return self.text(_ASKED)
        except ModelError:
            return self.text(_ASKED_UNDER_RULES)

    def before_answer(self) -> str:
        """What the template writes between the end of a prompt and an answer to it, thoughts apart.

        Empty where it writes nothing there, or writes the prompt itself otherwise once it is answered.
        """
        text = self._answered()
        if _PROBE not in text or not text.startswith(self.opening):
            return ""
        header = text.rpartition(_PROBE)[0].removeprefix(self.opening).strip()
        return "" if opens_thought(header) else header

    def _answered(self) -> str:
        """Render a question with its answer; empty where the template cannot."""
        if self.tokenizer.chat_template is None:
            return ""
        from jinja2 import TemplateError

        for asked in (_ASKED, _ASKED_UNDER_RULES):
            chat = _plain([*asked, Message("assistant", _PROBE)])
            try:
                return str(self.tokenizer.apply_chat_template(chat, tokenize=False))
            except (TemplateError, TypeError, ValueError, LookupError, AttributeError):
                continue
        return ""  # it refuses a chat that ends with an answer

    def _encode(self, texts: list[str]) -> list[list[int]]:
        return [list(ids) for ids in self.tokenizer(texts, add_special_tokens=False)["input_ids"]]


def _refused(messages: Sequence[Message], error: Exception) -> ModelError:
    turns = shortened(", ".join(message.role for message in messages), 60)
    return ModelError(
        f"the chat template refuses a chat of the turns {turns}: {shortened(str(error), 200)}"
    )


def _plain(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def without_thought(tokenizer: Any) -> Any:
    """Return ``tokenizer`` as a model is asked that was tuned on answers alone.

    A template that opens a thought for the model closes it, too, so that the answer comes next. Raises
    `ModelError` where that cannot be done.
    """
    writer = PromptWriter(tokenizer)
    thought = writer.thought
    if thought is None:
        return tokenizer
    closing = json.dumps(thought.closing, ensure_ascii=False)
    added = "{% if add_generation_prompt %}{{ " + closing + " }}{% endif %}"
    closed, template = copy(tokenizer), tokenizer.chat_template
    if isinstance(template, str):
        closed.chat_template = template.removesuffix("\n") + added
    else:
        closed.chat_template = {
            name: text.removesuffix("\n") + added for name, text in template.items()
        }
    if PromptWriter(closed).opening != writer.opening + thought.closing:
        raise ModelError(
            f"the chat template opens a thought, {thought.opening.strip()}, and Steelyard cannot close it: "
            "tune a model whose template begins with the answer"
        )
    return closed


def merge_system(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Move a leading system message into the first user turn, for templates that know no system role."""
    if len(messages) < 2 or messages[0].role != "system" or messages[1].role != "user":
        return tuple(messages)
    first = Message("user", f"{messages[0].content}\n\n{messages[1].content}")
    return (first, *messages[2:])
