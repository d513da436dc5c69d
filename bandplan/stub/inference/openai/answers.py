"""What a server answers: the chunks of a stream, vectors, and refusals."""

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from bandplan.stub.inference.engine import Call, Embedded, Token, Usage
from bandplan.stub.inference.errors import EngineBusy, EngineError, EngineFailed, EngineRefused, EngineUnavailable

MOST_MESSAGE_CHARACTERS = 300
"""Maximum length of a server's own message in ours. Arbitrary."""

MOST_RETRY_SECONDS = 3600

LEAST_LOGPROB = -9999.0
"""What vLLM sends for minus infinity, which JSON cannot express."""


class Piece(NamedTuple):
    """One chunk of a stream. `has_logprobs` says whether the server gave any."""

    tokens: tuple[Token, ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    has_logprobs: bool = False


def read_chunk(data: str, place: str, secret: str | None = None) -> Piece:
    """Read the data of one event, of chat or of completions. Raises EngineFailed for an error or another form.

    The key is not repeated in an error, even if the server does.
    """
    try:
        chunk = json.loads(data)
        if not isinstance(chunk, dict):
            raise EngineFailed(f"{place} sent a chunk that is not an object")
        if error := chunk.get("error"):
            raise EngineFailed(f"{place} failed during its answer: {_message(error, secret)}")
        choices = chunk.get("choices") or []
        usage = _usage(chunk.get("usage"))
        if not choices:
            return Piece(usage=usage)
        choice = choices[0]
        text = (
            (str(choice["text"]) if choice["text"] else None) if "text" in choice else _text(choice.get("delta") or {})
        )
        tokens, has_logprobs = _tokens(text, choice.get("logprobs"))
        if calls := (choice.get("delta") or {}).get("tool_calls"):
            tokens = (*tokens, *(Token("", call=_call(part)) for part in calls))
        return Piece(tokens, _reason(choice.get("finish_reason")), usage, has_logprobs)
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError, OverflowError) as error:
        raise EngineFailed(f"{place} sent a chunk that is not of the OpenAI protocol") from error


def read_embeddings(body: Any, count: int, place: str) -> Embedded:
    """Read the answer to an embeddings request of `count` texts. Raises EngineFailed."""
    try:
        rows = sorted(body["data"], key=lambda row: row["index"])
        vectors = [[_finite(value) for value in row["embedding"]] for row in rows]
        if len(vectors) != count:
            raise EngineFailed(f"{place} sent {len(vectors)} vectors for {count} texts")
        usage = _usage(body.get("usage"))
        return Embedded(vectors, usage.prompt_tokens if usage else None)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise EngineFailed(f"{place} sent vectors in another form than the OpenAI protocol's") from error


def failure_of(
    status: int, headers: Mapping[str, str], body: bytes, place: str, secret: str | None = None
) -> EngineError:
    """Return the error for an answer other than 200. The key is never repeated, even if the server does."""
    if status in (401, 403):
        return EngineUnavailable(f"{place} refuses the key ({status}); check key_env")
    try:
        message = _message(json.loads(body), secret)
    except (ValueError, RecursionError):
        message = ""
    said = f"{place} answered {status}" + (f": {message}" if message else "")
    if status == 429:
        return EngineBusy(said, _retry_seconds(headers.get("retry-after")))
    if status == 503:
        return EngineUnavailable(said)
    return EngineRefused(said) if 400 <= status < 500 else EngineFailed(said)


def _text(delta: Mapping[str, Any]) -> str | None:
    """Return the text of a chat delta; the text of thoughts that a server separates is "", so that it counts."""
    if delta.get("content"):
        return str(delta["content"])
    has_thought = delta.get("reasoning_content") or delta.get("reasoning")
    return "" if has_thought else None


def _tokens(text: str | None, logprobs: Any) -> tuple[tuple[Token, ...], bool]:
    listed = _listed(logprobs)
    if not listed:
        return (() if text is None else (Token(text),)), False
    text = text or ""
    if "".join(token.text for token in listed) == text:
        return tuple(listed), True
    # Part of a character, or another spelling: the text stays as it was sent, with the first token.
    texts = [text, *[""] * (len(listed) - 1)]
    return tuple(token._replace(text=own, name=token.text) for token, own in zip(listed, texts, strict=True)), True


def _call(part: Mapping[str, Any]) -> Call:
    function = part.get("function") or {}
    arguments = function.get("arguments") or ""
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments)  # some servers send the object itself
    return Call(int(part.get("index") or 0), part.get("id"), function.get("name"), arguments)


def _listed(logprobs: Any) -> list[Token]:
    """Return the tokens of log probabilities: in the form of chat (`content`), or in the older one of completions."""
    if not isinstance(logprobs, dict):
        return []
    if rows := logprobs.get("content"):
        return [
            Token(
                str(row["token"]),
                _logprob(row["logprob"]),
                tuple((str(top["token"]), _logprob(top["logprob"])) for top in row.get("top_logprobs") or ()),
            )
            for row in rows
        ]
    made = []
    tops = logprobs.get("top_logprobs") or []
    offsets = logprobs.get("text_offset") or []
    for at, token in enumerate(logprobs.get("tokens") or ()):
        top = tops[at] if at < len(tops) and isinstance(tops[at], dict) else {}
        ranked = sorted(((str(text), _logprob(value)) for text, value in top.items()), key=lambda pair: -pair[1])
        logprob = _logprob(logprobs["token_logprobs"][at] or 0.0)
        offset = _offset(offsets[at]) if at < len(offsets) else None
        made.append(Token(str(token), logprob, tuple(ranked), offset=offset))
    return made


def _offset(value: Any) -> int | None:
    """Return a position in a text; servers that do not count it send -1, or nothing."""
    return value if isinstance(value, int) and value >= 0 else None


def _logprob(value: Any) -> float:
    """Return a log probability; that of nothing at all, minus infinity, becomes LEAST_LOGPROB."""
    return _finite(max(float(value), LEAST_LOGPROB))


def _finite(value: Any) -> float:
    """Return a number that JSON can express. Raises ValueError for another one."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number


def _reason(value: Any) -> str | None:
    """Return `stop`, `length` or `tool_calls`; a server's other reasons end an answer like a stop."""
    if value is None:
        return None
    return value if value in ("length", "tool_calls") else "stop"


def _usage(value: Any) -> Usage | None:
    if not isinstance(value, dict):
        return None
    read = [value.get(key) for key in ("prompt_tokens", "completion_tokens")]
    prompt, completion = (count if isinstance(count, int) and count >= 0 else None for count in read)
    return None if prompt is None and completion is None else Usage(prompt, completion)


def _message(body: Any, secret: str | None) -> str:
    """Return the message of an error, wherever the server put it, on one printable line, without the key."""
    found = body
    for key in ("error", "message", "detail"):
        if isinstance(found, dict) and key in found:
            found = found[key]
    text = str(found if not isinstance(found, dict) else "")
    if secret:
        # Before the text is cut, which could leave a part of the key.
        text = text.replace(secret, "***")
    text = " ".join(text.split())
    text = "".join(mark if mark.isprintable() else "?" for mark in text)
    return text if len(text) <= MOST_MESSAGE_CHARACTERS else text[: MOST_MESSAGE_CHARACTERS - 3] + "..."


def _retry_seconds(value: str | None) -> int:
    digits = (value or "").strip()
    if not digits.isdecimal():
        return 1
    # The conversion of thousands of digits fails.
    return min(max(1, int(digits)), MOST_RETRY_SECONDS) if len(digits) < 10 else MOST_RETRY_SECONDS
