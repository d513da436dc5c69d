"""Which bearer tokens are accepted: that of the state directory, and those issued for an hour (OAuth).

An issued token is a JWT signed with a key derived from the first, so it needs no storage and survives a restart.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable

LIFETIME_SECONDS = 3600
"""The lifetime of the platform's own access tokens (docs.databricks.com, OAuth machine-to-machine)."""


class AccessTokens:
    """The accepted tokens of a workspace; `token` is the personal access token of its one user."""

    def __init__(self, token: str, clock_seconds: Callable[[], float] = time.time) -> None:
        self._token = token.encode()
        self._key = hashlib.sha256(b"access tokens\0" + self._token).digest()
        self._clock_seconds = clock_seconds

    def allows(self, authorization: bytes) -> bool:
        """Whether the value of an `Authorization` header authorizes a request."""
        kind, _, bearer = authorization.partition(b" ")
        return kind == b"Bearer" and self.accepts(bearer)

    def accepts(self, bearer: bytes) -> bool:
        """Whether a token is the user's own, or an issued token that has not expired."""
        return hmac.compare_digest(bearer, self._token) or self._is_issued(bearer)

    def is_own(self, secret: bytes) -> bool:
        """Whether this is the user's own token."""
        return hmac.compare_digest(secret, self._token)

    def issue(self, subject: str) -> str:
        """Issue a new access token, valid for LIFETIME_SECONDS."""
        head = _encoded(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
        claims = {"sub": subject, "exp": int(self._clock_seconds()) + LIFETIME_SECONDS}
        signed = head + b"." + _encoded(json.dumps(claims).encode())
        return (signed + b"." + self._signature(signed)).decode()

    def _is_issued(self, bearer: bytes) -> bool:
        signed, _, signature = bearer.rpartition(b".")
        if not hmac.compare_digest(signature, self._signature(signed)):
            return False
        # Only we can make a matching signature, so the signed content has our form.
        claims = json.loads(_decoded(signed.partition(b".")[2]))
        return bool(self._clock_seconds() < claims["exp"])

    def _signature(self, signed: bytes) -> bytes:
        return _encoded(hmac.digest(self._key, signed, "sha256"))


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decoded(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
