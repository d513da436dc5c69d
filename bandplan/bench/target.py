"""What is queried, and how: address, route, task, and the fields that this server knows."""

import json
from dataclasses import dataclass, replace
from typing import Any, Final, Literal
from urllib.parse import quote

Task = Literal["chat", "completions", "embeddings"]
Route = Literal["invocations", "openai"]

TASKS: Final[tuple[Task, ...]] = ("chat", "completions", "embeddings")
ROUTES: Final[tuple[Route, ...]] = ("invocations", "openai")

_OPENAI_PATHS: Final = {"chat": "/chat/completions", "completions": "/completions", "embeddings": "/embeddings"}


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint. `base` is a path without a slash at its end; `token` is in no output and no representation.

    `asks_served`: ask this served entity alone, whatever its share of the traffic.
    """

    name: str
    scheme: str
    host: str
    port: int
    base: str
    route: Route
    task: Task
    streamed: bool
    token: "Secret"
    model: str | None = None
    served: str | None = None
    asks_served: bool = False
    forces_length: bool = True
    asks_usage: bool = True

    @property
    def address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def path(self) -> str:
        if self.route == "invocations":
            entity = f"/served-models/{quote(self.served, safe='')}" if self.asks_served and self.served else ""
            return f"{self.base}/{quote(self.name, safe='')}{entity}/invocations"
        return self.base + _OPENAI_PATHS[self.task]

    def without(self, *, force: bool, usage: bool) -> "Target":
        return replace(self, forces_length=force, asks_usage=usage)

    def request(self, prompt: str, output_tokens: int) -> bytes:
        """Return the bytes of one request."""
        payload = json.dumps(self.body(prompt, output_tokens)).encode()
        return self._head(len(payload)) + payload

    def body(self, prompt: str, output_tokens: int) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self.name} if self.route == "openai" else {}
        if self.task == "embeddings":
            return {**body, "input": [prompt]}
        body |= {"messages": [{"role": "user", "content": prompt}]} if self.task == "chat" else {"prompt": prompt}
        body["max_tokens"] = output_tokens
        if self.forces_length:
            body |= {"min_tokens": output_tokens, "ignore_eos": True}
        if self.streamed:
            body["stream"] = True
            if self.asks_usage:
                body["stream_options"] = {"include_usage": True}
        return body

    def _head(self, length: int) -> bytes:
        host = f"[{self.host}]" if ":" in self.host else self.host
        lines = [
            f"POST {self.path} HTTP/1.1",
            f"Host: {host}:{self.port}",
            "Content-Type: application/json",
            f"Accept: {'text/event-stream' if self.streamed else 'application/json'}",
            "User-Agent: bandplan",
            f"Content-Length: {length}",
            *([f"Authorization: Bearer {self.token.value}"] if self.token.value else []),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Secret:
    """A token that no message shows."""

    __slots__ = ("value",)

    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "Secret(...)"
