"""Log probabilities on the wire: for chat tokens, and in the older form of completions."""

from collections.abc import Sequence

from bandplan.stub.inference.engine import Token
from bandplan.stub.json_object import Json


def of_chat(tokens: Sequence[Token]) -> Json:
    return {"content": chat_tokens(tokens)}


def chat_tokens(tokens: Sequence[Token]) -> list[Json]:
    """Show each token with the most likely tokens in its place."""
    return [
        {
            **_of(token.shown, token.logprob),
            "top_logprobs": [_of(text, logprob) for text, logprob in token.alternatives],
        }
        for token in tokens
    ]


def of_completions(tokens: Sequence[Token], offset: int = 0) -> Json:
    """Show log probabilities for completions; `offset` is the position of the tokens' text in its choice, in
    characters, where the engine does not state it.
    """
    offsets = []
    for token in tokens:
        offsets.append(offset if token.offset is None else token.offset)
        offset += len(token.text)
    return {
        "tokens": [token.shown for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": [dict(token.alternatives) for token in tokens],
        "text_offset": offsets,
    }


def _of(text: str, logprob: float) -> Json:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode("utf-8", "replace"))}
