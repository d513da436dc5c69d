"""One-time links to the page, and the sessions that they begin. Kept in memory: all end with the process."""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

LINK_SECONDS = 300
SESSION_SECONDS = 12 * 3600
MOST_LINKS = 16
MOST_SESSIONS = 64
"""Arbitrary bounds: a link is followed at once, and a session lasts a day of work."""

Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class Session:
    """The two secrets of a browser. A request needs both: the browser sends the cookie by itself, to every port of this
    machine, but only the page that received the key can send that.
    """

    cookie: str
    key: str


class Sessions:
    """Links that nobody has followed, and the sessions of those that were; `clock_seconds` never goes back."""

    def __init__(self, clock_seconds: Callable[[], float] = time.monotonic) -> None:
        self._clock_seconds = clock_seconds
        # By digest, so that the time of a look-up says nothing about a secret. The value is when it ends, with the key.
        self._links: dict[bytes, float] = {}
        self._sessions: dict[bytes, tuple[float, str]] = {}

    def new_link(self) -> str:
        """Return the code of a new link, which begins one session within LINK_SECONDS."""
        code = secrets.token_urlsafe(32)
        self._links[_digest(code)] = self._clock_seconds() + LINK_SECONDS
        _drop_oldest(self._links, MOST_LINKS)
        return code

    def begin(self, code: str) -> Session | None:
        """Use up a link and begin a session; None if the link is unknown, used or too old."""
        ends = self._links.pop(_digest(code), None)
        if ends is None or self._clock_seconds() >= ends:
            return None
        session = Session(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        self._sessions[_digest(session.cookie)] = (self._clock_seconds() + SESSION_SECONDS, session.key)
        _drop_oldest(self._sessions, MOST_SESSIONS)
        return session

    def accepts(self, cookie: str, key: str) -> bool:
        """Whether the cookie and the key belong to one session that has not ended."""
        ends, expected = self._sessions.get(_digest(cookie), (0.0, ""))
        return self._clock_seconds() < ends and hmac.compare_digest(key.encode(), expected.encode())


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def _drop_oldest(kept: dict[bytes, Kept], most: int) -> None:
    while len(kept) > most:
        del kept[next(iter(kept))]
