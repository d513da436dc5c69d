"""An answer as server-sent events: parts of a body -> texts and counts, each as soon as its event is complete."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_DATA: Final = b"data:"
_DONE: Final = b"[DONE]"
_MOST_BYTES: Final = 16_000_000
"""Most bytes of one event; a choice."""


class BrokenStream(Exception):
    """The stream has an error of the server, an event of another shape, or no end; the message says which."""


@dataclass(frozen=True)
class Piece:
    """What one event adds: a text, and the usage if the event has it."""

    text: str = ""
    usage: Mapping[str, Any] | None = None


def pieces(parts: Iterable[bytes]) -> Iterator[Piece]:
    """Yield the pieces of the answer of a chat or completions endpoint. Errors: BrokenStream."""
    for payload in _payloads(parts):
        if payload == _DONE:
            return
        try:
            event = json.loads(payload)
        except (ValueError, RecursionError):
            raise BrokenStream("an event of the answer is not JSON") from None
        if not isinstance(event, dict):
            raise BrokenStream("an event of the answer is not an object")
        if (error := event.get("error")) is not None or "error_code" in event:
            told = error.get("message") if isinstance(error, dict) else error or event.get("message")
            raise BrokenStream(f"the server ended the answer with an error: {told}")
        usage = event.get("usage")
        yield Piece(_text(event), usage if isinstance(usage, dict) else None)
    raise BrokenStream("the answer ended early, without [DONE]")


def _payloads(parts: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for part in parts:
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            if line.startswith(_DATA):
                yield line[len(_DATA) :].strip()
        if len(rest) > _MOST_BYTES:
            raise BrokenStream("an event of the answer has no end")
    if rest.startswith(_DATA):
        yield rest[len(_DATA) :].strip()


def _text(event: Mapping[str, Any]) -> str:
    """Return the text of the first choice; models that reason send parts, of which those with a text are the answer."""
    choices = event.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(first, dict):
        return ""
    delta = first.get("delta")
    content = delta.get("content") if isinstance(delta, dict) else first.get("text")
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        return "".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""
