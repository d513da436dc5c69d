"""The chunks of one streamed answer as text; what they share is encoded once."""

import json.encoder
from collections.abc import Sequence

from bandplan.stub.api.answers import encode_text
from bandplan.stub.inference.engine import Token
from bandplan.stub.json_object import Json

quoted = json.encoder.encode_basestring
"""Encode a string as JSON text."""


class Chunks:
    """A writer of chunks that include the usage so far, counting the tokens in them."""

    __slots__ = ("_after", "_before", "_between", "_prompt_tokens", "generated")

    def __init__(self, head: Json, prompt_tokens: int, cached_tokens: int = 0) -> None:
        self._before = f'data: {encode_text(head)[:-1]},"choices":['
        details = f',"prompt_tokens_details":{{"cached_tokens":{cached_tokens}}}' if cached_tokens else ""
        self._after = f"{details}}}}}\n\n"
        self.generated = 0
        self.set_prompt_tokens(prompt_tokens)

    def set_prompt_tokens(self, prompt_tokens: int) -> None:
        """Replace the tokens of the prompt, which some engines report at the end only."""
        self._prompt_tokens = prompt_tokens
        self._between = f'],"usage":{{"prompt_tokens":{prompt_tokens},"completion_tokens":'

    def chunk(self, choice: str) -> str:
        """Return a chunk with one choice, given as JSON, or without one."""
        generated = self.generated
        total = generated + self._prompt_tokens
        return f'{self._before}{choice}{self._between}{generated},"total_tokens":{total}{self._after}'

    def token_chunks(self, before: str, tokens: Sequence[Token], after: str) -> str:
        """Return a chunk for each token of a batch; its choice is the token's text between `before` and `after`."""
        made = ""
        for token in tokens:
            self.generated += 1
            made += self.chunk(f"{before}{quoted(token.text)}{after}")
        return made


def written(text: str) -> bytes:
    """Encode text for the wire; a lone surrogate becomes a question mark."""
    return text.encode("utf-8", "replace")
