"""Text to tokens and back: the checkpoint's tokenizer, or a stand-in for a config that has none."""

import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

from bandplan.stub.inference import tokens
from bandplan.stub.inference.transformers_engine.worker.refusals import Refused

Messages = tuple[tuple[str, str], ...]
"""Role and content of each message."""

MARKER_TOKENS = 4
"""Tokens of the stand-in for the role and the markers of a message, as the simulated engine counts them."""

KEPT_PROMPTS = 64
"""Number of prompts whose tokens are kept: each is counted first and then used."""

WORDS = 4096
"""Number of different words that the stand-in decodes tokens to; arbitrary."""


class Prompts(Protocol):
    """A tokenizer and a chat template."""

    def of_chat(self, messages: Messages) -> list[int]:
        """Return the tokens of a conversation, up to the start of the answer. Raises Refused."""
        ...

    def of_text(self, text: str) -> list[int]: ...

    def decode(self, ids: Sequence[int]) -> str: ...


class OwnPrompts:
    """The tokenizer of a checkpoint."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        # The library below, where there is one, decodes four times as fast: 2 us for each token of a stream.
        self._backend = getattr(tokenizer, "backend_tokenizer", None)
        self._of_chat = lru_cache(KEPT_PROMPTS)(self._template)
        self._of_text = lru_cache(KEPT_PROMPTS)(self._encode)

    def of_chat(self, messages: Messages) -> list[int]:
        return self._of_chat(messages)

    def of_text(self, text: str) -> list[int]:
        return self._of_text(text)

    def decode(self, ids: Sequence[int]) -> str:
        if self._backend is not None:
            text: str = self._backend.decode(ids, skip_special_tokens=True)
            return text
        decoded: str = self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return decoded

    def _template(self, messages: Messages) -> list[int]:
        if not self._tokenizer.chat_template:
            raise Refused("the checkpoint has no chat template; query it as completions, or use another one")
        rows = [{"role": role, "content": content} for role, content in messages]
        try:
            # The template itself writes the special tokens of the beginning.
            text = self._tokenizer.apply_chat_template(rows, add_generation_prompt=True, tokenize=False)
        except Exception as error:
            # Templates refuse conversations by raising, and their mistakes raise many other errors.
            reason = " ".join(str(error).split())[:200]
            raise Refused(f"the chat template of the checkpoint refused the messages: {reason}") from error
        return list(self._tokenizer(encodable(text), add_special_tokens=False)["input_ids"])

    def _encode(self, text: str) -> list[int]:
        return list(self._tokenizer(encodable(text))["input_ids"])


class StandInPrompts:
    """A tokenizer for random weights, whose answers mean nothing: it splits a text by the simulated engine's rule."""

    def __init__(self, vocabulary: int) -> None:
        self._vocabulary = vocabulary

    def of_chat(self, messages: Messages) -> list[int]:
        ids: list[int] = []
        for role, content in messages:
            ids += [self._id(f"{role}/{part}") for part in range(MARKER_TOKENS)] + self.of_text(content)
        return ids

    def of_text(self, text: str) -> list[int]:
        return [self._id(token) for token in tokens.split(text)] or [0]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(f" w{one % WORDS}" for one in ids)

    def _id(self, token: str) -> int:
        return zlib.crc32(token.encode("utf-8", "replace")) % self._vocabulary


def encodable(text: str) -> str:
    """Return the text with a question mark for each lone surrogate, which clients can send as an escape."""
    return text.encode("utf-8", "replace").decode("utf-8")


def read_messages(given: Sequence[Mapping[str, str]]) -> Messages:
    return tuple((message["role"], message["content"]) for message in given)
