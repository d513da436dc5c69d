"""Ends a stream of tokens at the first stop word, without ever letting part of one out."""

from collections.abc import AsyncIterator
from dataclasses import replace

from stub.inference.engine import Token


async def until_stop(tokens: AsyncIterator[Token], stop_words: tuple[str, ...]) -> AsyncIterator[Token]:
    """The tokens before the first stop word, which may lie across tokens; a token that it cuts is shortened."""
    held: list[Token] = []
    async for token in tokens:
        held.append(token)
        text = "".join(t.text for t in held)
        found = [at for at in (text.find(word) for word in stop_words) if at >= 0]
        if found:
            for cut in _before(held, min(found)):
                yield cut
            return
        while held and not _may_begin_in_first(held, stop_words):
            yield held.pop(0)
    for token in held:
        yield token


def _before(tokens: list[Token], length: int) -> list[Token]:
    kept = []
    for token in tokens:
        if length <= 0:
            break
        kept.append(replace(token, text=token.text[:length]))
        length -= len(token.text)
    return kept


def _may_begin_in_first(held: list[Token], stop_words: tuple[str, ...]) -> bool:
    text = "".join(token.text for token in held)
    return any(word.startswith(text[at:]) for at in range(len(held[0].text)) for word in stop_words)
