"""HTTP to one platform's REST API: a token, retries, errors that a user can act on. The one door out of this room."""

import json
import random as random_module
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import urllib3

from bandplan.forge.environment import THIS_MACHINE
from bandplan.forge.errors import LostAnswer, Refused, Unavailable
from bandplan.wire.redaction import redactor
from bandplan.wire.text import one_line, presentable

MOST_WAITING_SECONDS: Final = 300.0
"""Of one call, retries and all; a choice that keeps a CI job from hanging."""

_BUSY: Final = frozenset({500, 502, 503, 504})
_SECONDARY_LIMIT_SECONDS: Final = 60.0
"""GitHub's advice for a secondary rate limit without a Retry-After ("Rate limits for the REST API", read 2026-11)."""


@dataclass(frozen=True)
class Clock:
    """Seconds that only grow, seconds since 1970, waiting, and chance."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], object] = time.sleep
    random: Callable[[], float] = random_module.random


@dataclass(frozen=True)
class Answer:
    """An answer; header names in lower case, `body` parsed (None when it is no JSON)."""

    status: int
    headers: Mapping[str, str]
    body: Any

    def items(self, place: str, what: str) -> list[dict[str, Any]]:
        """The body as a list of `what`. Errors: Refused when something else than the REST API answers."""
        if isinstance(self.body, list) and all(isinstance(item, dict) and "id" in item for item in self.body):
            return self.body
        raise Refused(self.status, f"{place}: the answer is no list of {what}; is this the REST API's address?")


class Client:
    """Calls below `base_url` with a token that is never shown; redirects are not followed, they would take it along."""

    def __init__(self, base_url: str, headers: Mapping[str, str], token: str, clock: Clock) -> None:
        self.base_url = base_url.rstrip("/")
        self._headers = {"Accept": "application/json", "User-Agent": "bandplan", **headers}
        self._redact = redactor([token])
        self._clock = clock
        self._pool = _pool(self.base_url)

    def __repr__(self) -> str:
        return f"Client({self.base_url!r})"

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """The answer with a status below 300. What reads or deletes is tried again; what writes a text is not.

        Errors: Refused (with status), Unavailable; LostAnswer for a write, after the wait that the platform asked for.
        """
        started = self._clock.monotonic()
        attempt = 0
        while True:
            attempt += 1
            result = self._attempt(method, path, body)
            if isinstance(result, Answer) and result.status < 300:
                return result
            pause = self._pause_seconds(result, attempt)
            if pause is None:
                assert isinstance(result, Answer)
                raise Refused(result.status, self._reason(method, path, result))
            trouble = f"{method} {path}: {self._trouble(result)}"
            if self._clock.monotonic() - started + pause > MOST_WAITING_SECONDS:
                times = "1 time" if attempt == 1 else f"{attempt:,} times"
                raise Unavailable(f"{trouble}; tried {times}, and would have to wait {pause:.0f} s more")
            self._clock.sleep(pause)
            if body is not None:
                raise LostAnswer(trouble)

    def _attempt(
        self, method: str, path: str, body: Mapping[str, Any] | None
    ) -> "Answer | urllib3.exceptions.HTTPError":
        payload = None if body is None else json.dumps(body).encode()
        headers = {**self._headers, **({"Content-Type": "application/json"} if payload is not None else {})}
        try:
            response = self._pool.request(
                method,
                self.base_url + path,
                body=payload,
                headers=headers,
                retries=False,
                redirect=False,
                timeout=urllib3.Timeout(connect=10.0, read=30.0),
            )
        except urllib3.exceptions.HTTPError as error:
            return error
        named = {name.lower(): value for name, value in response.headers.items()}
        try:
            return Answer(response.status, named, json.loads(response.data) if response.data else None)
        except (ValueError, RecursionError):
            return Answer(response.status, named, None)

    def _pause_seconds(self, result: "Answer | Exception", attempt: int) -> float | None:
        """How long to wait before another try; None for an answer that is final."""
        backoff = min(30.0, 2.0 ** (attempt - 1)) * (0.5 + self._clock.random() / 2)
        if not isinstance(result, Answer):
            return backoff
        if result.status in _BUSY:
            return _retry_after(result.headers) or backoff
        if result.status == 429 or (result.status == 403 and _is_rate_limit(result)):
            asked = [_retry_after(result.headers), _until_reset(result.headers, self._clock.wall())]
            known = [seconds for seconds in asked if seconds is not None]
            return known[0] if known else _SECONDARY_LIMIT_SECONDS * 2 ** (attempt - 1)
        return None

    def _reason(self, method: str, path: str, answer: Answer) -> str:
        said = answer.body.get("message", answer.body.get("error")) if isinstance(answer.body, dict) else None
        words = one_line(presentable(self._redact(str(said))), 200) if said else "no reason given"
        return f"{method} {path}: HTTP {answer.status}: {words}"

    def _trouble(self, result: "Answer | Exception") -> str:
        if isinstance(result, Answer):
            return f"{self.base_url} is busy (HTTP {result.status})"
        return f"{self.base_url} does not answer ({type(result).__name__})"


def _pool(base_url: str) -> urllib3.PoolManager:
    """Through the proxy that the environment names for this host, if any; never for this machine."""
    parts = urlsplit(base_url)
    proxy = getproxies_environment().get(parts.scheme)
    if proxy and parts.hostname not in THIS_MACHINE and not proxy_bypass(parts.hostname or ""):
        return urllib3.ProxyManager(proxy)
    return urllib3.PoolManager()


def _is_rate_limit(answer: Answer) -> bool:
    """A 403 that means too many requests, and not that the token may not do this."""
    if "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0":
        return True
    documentation = answer.body.get("documentation_url") if isinstance(answer.body, dict) else None
    return isinstance(documentation, str) and "rate-limit" in documentation


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the platform asks to wait; None when it does not say."""
    return _seconds(headers.get("retry-after", ""))


def _until_reset(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until there are requests left again, with one to spare; None while there are."""
    at = _seconds(headers.get("x-ratelimit-reset", "")) if headers.get("x-ratelimit-remaining") == "0" else None
    return None if at is None else max(0.0, at - now) + 1.0


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 12 else None
