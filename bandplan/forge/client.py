"""HTTP to one platform's REST API: a token, retries, errors that a user can act on. This room's only network access."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from bandplan.forge.environment import THIS_MACHINE
from bandplan.forge.errors import LostAnswer, Refused, Unavailable
from bandplan.rest.address import DEFAULT_PORTS, Address, proxy_of
from bandplan.rest.answer import Answer
from bandplan.rest.clock import Clock
from bandplan.rest.connections import AttemptFailed, Connections, Timeouts
from bandplan.rest.exchange import exchange
from bandplan.rest.retries import parse_retry_after
from bandplan.wire.redaction import redactor
from bandplan.wire.text import one_line, presentable

MOST_WAITING_SECONDS: Final = 300.0
"""Limit of one call including retries; a choice that keeps a CI job from hanging."""

_USER_AGENT: Final = "bandplan"
_TIMEOUTS: Final = Timeouts(10.0, 30.0)
_FILE_TIMEOUTS: Final = Timeouts(10.0, 60.0)

_BUSY: Final = frozenset({500, 502, 503, 504})
_SECONDARY_LIMIT_SECONDS: Final = 60.0
"""GitHub's advice for a secondary rate limit without a Retry-After ("Rate limits for the REST API", read 2026-11)."""


@dataclass(frozen=True)
class ForgeAnswer:
    """An answer; header names are lower-case, `body` is parsed (None if it is not JSON)."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Client:
    """Calls below `base_url` with a token that is never shown; redirects, which would leak it, are not followed."""

    def __init__(
        self, base_url: str, headers: Mapping[str, str], token: str, clock: Clock, environ: Mapping[str, str]
    ) -> None:
        """Set up the connection; `environ` names the proxy, if any."""
        self.base_url = base_url.rstrip("/")
        self._environ = environ
        self._headers = {"Accept": "application/json", "User-Agent": _USER_AGENT, **headers}
        self._redact = redactor([token])
        self._clock = clock
        self._connections = connections_to(self.base_url, environ)

    def __repr__(self) -> str:
        return f"Client({self.base_url!r})"

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> ForgeAnswer:
        """Return an answer with a status below 300. Reads and deletes are retried, writes of text are not.

        Errors: Refused (with status), Unavailable; LostAnswer for a write, after the wait that the platform requested.
        """
        payload = None if body is None else json.dumps(body).encode()
        asked: float | None = None

        def pause(result: ForgeAnswer | AttemptFailed, attempts: int, seconds: float) -> float | None:
            nonlocal asked
            asked = self._pause_seconds(result, attempts)
            is_over = asked is None or seconds + asked > MOST_WAITING_SECONDS
            return None if is_over or body is not None else asked

        done = exchange(lambda: self._attempt(method, path, payload), pause, self._clock)
        result = done.result
        if isinstance(result, ForgeAnswer) and asked is None:
            if result.status < 300:
                return result
            raise Refused(result.status, self._reason(method, path, result))
        trouble = f"{method} {path}: {self._trouble(result)}"
        if asked is None or done.seconds + asked > MOST_WAITING_SECONDS:
            times = "1 time" if done.attempts == 1 else f"{done.attempts:,} times"
            wait = "" if asked is None else f", and would have to wait {asked:.0f} s more"
            raise Unavailable(f"{trouble}; tried {times}{wait}")
        self._clock.sleep(asked)
        raise LostAnswer(trouble)

    def download(self, path: str, most_bytes: int) -> bytes:
        """Download a file of at most `most_bytes`. The storage that the platform redirects to never sees the token.

        Errors: Refused (with status), Unavailable.
        """
        url = self.base_url + path
        answer = self._file(url, self._headers, most_bytes)
        target = answer.headers.get("location", "")
        if answer.status in (301, 302, 303, 307, 308) and is_safe(target):
            url, answer = target, self._file(target, {"User-Agent": _USER_AGENT}, most_bytes)
        if answer.status != 200:
            raise Refused(answer.status, f"HTTP {answer.status}")
        return answer.body

    def _file(self, url: str, headers: Mapping[str, str], most_bytes: int) -> Answer:
        connections, parts = connections_to(url, self._environ), urlsplit(url)
        path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"

        def send() -> Answer:
            return connections.send("GET", path, dict(headers), None, _FILE_TIMEOUTS, most_bytes)

        def pause(result: Answer | AttemptFailed, attempts: int, seconds: float) -> float | None:
            if isinstance(result, AttemptFailed) and result.is_final:
                return None
            asked = self._pause_seconds(result, attempts)
            return None if asked is None or seconds + asked > MOST_WAITING_SECONDS else asked

        done = exchange(send, pause, self._clock)
        if isinstance(done.result, AttemptFailed):
            raise Unavailable(f"{done.result} ({done.tried})") from done.result
        return done.result

    def _attempt(self, method: str, path: str, payload: bytes | None) -> ForgeAnswer:
        headers = {**self._headers, **({"Content-Type": "application/json"} if payload is not None else {})}
        answer = self._connections.send(method, urlsplit(self.base_url).path + path, headers, payload, _TIMEOUTS)
        try:
            return ForgeAnswer(answer.status, answer.headers, json.loads(answer.body) if answer.body else None)
        except (ValueError, RecursionError):
            return ForgeAnswer(answer.status, answer.headers, None)

    def _pause_seconds(self, result: ForgeAnswer | Answer | AttemptFailed, attempts: int) -> float | None:
        """Return how long to wait before another attempt; None for an answer or a failure that is final."""
        backoff = min(30.0, 2.0 ** (attempts - 1)) * (0.5 + self._clock.random() / 2)
        if isinstance(result, AttemptFailed):
            return None if result.is_final else backoff
        retry_after = parse_retry_after(result.headers.get("retry-after"), self._clock.wall())
        if result.status in _BUSY:
            return retry_after or backoff
        if result.status == 429 or (result.status == 403 and _is_rate_limit(result)):
            asked = [retry_after, _until_reset(result.headers, self._clock.wall())]
            known = [seconds for seconds in asked if seconds is not None]
            return (known[0] or backoff) if known else _SECONDARY_LIMIT_SECONDS * 2 ** (attempts - 1)
        return None

    def _reason(self, method: str, path: str, answer: ForgeAnswer) -> str:
        said = answer.body.get("message", answer.body.get("error")) if isinstance(answer.body, dict) else None
        words = one_line(presentable(self._redact(str(said))), 200) if said else "no reason given"
        return f"{method} {path}: HTTP {answer.status}: {words}"

    def _trouble(self, result: ForgeAnswer | AttemptFailed) -> str:
        if isinstance(result, ForgeAnswer):
            return f"{self.base_url} is busy (HTTP {result.status})"
        return f"{self.base_url} does not answer ({result})"


def connections_to(url: str, environ: Mapping[str, str]) -> Connections:
    """Connect to the host of a URL, through the proxy that `environ` names for it, if any."""
    parts = urlsplit(url)
    address = Address(parts.scheme, parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme])
    return Connections(address, proxy_of(address, environ))


def is_safe(url: str) -> bool:
    """Report whether a redirect may be followed: over https, or on this machine."""
    try:
        parts = urlsplit(url)
        has_place = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return has_place and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in THIS_MACHINE))


def _is_rate_limit(answer: ForgeAnswer | Answer) -> bool:
    """Report whether a 403 means too many requests rather than a missing permission of the token."""
    if "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0":
        return True
    documentation = answer.body.get("documentation_url") if isinstance(answer.body, dict) else None
    return isinstance(documentation, str) and "rate-limit" in documentation


def _until_reset(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds until requests are allowed again, with one to spare; None while they are."""
    at = _seconds(headers.get("x-ratelimit-reset", "")) if headers.get("x-ratelimit-remaining") == "0" else None
    return None if at is None else max(0.0, at - now) + 1.0


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 12 else None
