"""An answer as it arrives: server-sent events or a whole body -> stamps, token counts and faults of a sample."""

import json
from collections.abc import Mapping
from typing import Any, Final

from bandplan.bench.prompts import without_prompts
from bandplan.bench.sample import Sample

_DATA: Final = b"data:"
_DONE: Final = b"[DONE]"
NOT_A_STREAM: Final = "the answer is not a stream of events"
_SHOWN: Final = 200
"""Most characters shown of a server's message."""

_MOST_BYTES: Final = 64 * 1024 * 1024
"""Most bytes of one answer or one event; anything longer is refused."""


class StreamedAnswer:
    """Server-sent events. A chunk counts as content if it has text: one with a role alone, or usage alone, does not."""

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        self._rest = b""
        self._has_events = False
        self._is_done = False

    def feed(self, data: bytes, now: int) -> None:
        """Take what arrived at `now`; all of its events have this stamp."""
        lines = (self._rest + data).split(b"\n") if self._rest else data.split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            if line.startswith(_DATA):
                self._event(line[5:].strip(), now)
        if len(self._rest) > _MOST_BYTES:
            self._rest = b""
            self._sample.fault = "an event of the stream has no end"

    def end(self, now: int) -> None:
        """The server closed the body."""
        if self._rest:
            self.feed(b"\n", now)
        if not self._is_done and not self._sample.fault:
            self._sample.fault = "the stream ended early, without [DONE]" if self._has_events else NOT_A_STREAM

    def _event(self, payload: bytes, now: int) -> None:
        self._has_events = True
        if payload == _DONE:
            self._is_done = True
            return
        try:
            event = json.loads(payload)
        except (ValueError, RecursionError):
            self._sample.fault = "an event of the stream is not JSON"
            return
        if not isinstance(event, dict):
            return
        if has_text(event):
            self._sample.content.append(now)
        if (usage := event.get("usage")) is not None:
            take_usage(usage, self._sample)
        if event.get("error") is not None or "error_code" in event:
            self._sample.fault = "the server ended the stream with an error"
        if event.get("type") == "response.completed":
            self._is_done = True


class WholeAnswer:
    """A JSON body, read once it is complete. Nothing in it has a stamp but its last byte."""

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes, now: int) -> None:
        self._size += len(data)
        if self._size <= _MOST_BYTES:
            self._parts.append(data)

    def end(self, now: int) -> None:
        try:
            document = json.loads(b"".join(self._parts))
        except (ValueError, RecursionError):
            document = None
        if isinstance(document, dict):
            take_usage(document.get("usage"), self._sample)
        elif not self._sample.fault:
            self._sample.fault = "the answer is not JSON"


def has_text(event: Mapping[str, Any]) -> bool:
    """Whether a chunk of a stream carries content, reasoning or the arguments of a tool."""
    choices = event.get("choices")
    if not isinstance(choices, list):
        return False
    for choice in choices:
        if not isinstance(choice, dict):
            continue
        if choice.get("text"):
            return True
        delta = choice.get("delta")
        if isinstance(delta, dict) and (
            delta.get("content") or delta.get("reasoning_content") or delta.get("reasoning") or delta.get("tool_calls")
        ):
            return True
    return False


def take_usage(usage: object, sample: Sample) -> None:
    """Take the server's own counts over, where it gives them."""
    if not isinstance(usage, dict):
        return
    if _is_count(given := usage.get("prompt_tokens")):
        sample.input_tokens = given
    if _is_count(made := usage.get("completion_tokens")):
        sample.output_tokens = made


def message_of(body: bytes, token: str) -> str:
    """Return the server's own message in short, without the token and without what it may repeat of a prompt."""
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if isinstance(found, dict) and isinstance(found.get("error"), dict):
        found = found["error"]
    text = found.get("message") if isinstance(found, dict) else None
    if not isinstance(text, str):
        return ""
    line = without_prompts("".join(one if one.isprintable() else " " for one in text))
    return (line.replace(token, "...") if token else line)[:_SHOWN]


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
