"""Presigned URLs: the right to one transfer of one file, until it expires; pure.

A grant stands in the URL itself, signed with a key that this process alone knows: such a URL needs no bearer token and
cannot be made up or changed. Another start of the workspace knows none of them.
"""

import base64
import binascii
import hmac
import json
from dataclasses import asdict, dataclass
from typing import Literal

LIFETIME_MS = 3600 * 1000
"""The longest that a URL is good for, whatever was asked; the Databricks SDK asks for one hour."""


@dataclass(frozen=True, slots=True)
class UrlGrant:
    """What the holder of a URL may do with the file at the remote path `path`."""

    action: Literal["upload", "download", "part", "abort"]
    path: str
    expires_ms: int
    session_token: str = ""
    part_number: int = 0


class BadSignature(Exception):
    """The URL was not made by this workspace, or not since it was started."""


class Expired(Exception):
    """The URL was good once."""


def sign(key: bytes, grant: UrlGrant) -> str:
    """One segment of a URL that holds the grant."""
    payload = _encode(json.dumps(asdict(grant)).encode())
    return f"{payload}.{_signature(key, payload)}"


def verify(key: bytes, segment: str, now_ms: int) -> UrlGrant:
    """The grant that a segment holds. Raises BadSignature, Expired."""
    payload, _, signature = segment.partition(".")
    if not hmac.compare_digest(signature.encode("utf-8", "replace"), _signature(key, payload).encode()):
        raise BadSignature
    try:
        grant = UrlGrant(**json.loads(base64.urlsafe_b64decode(payload)))
    except (binascii.Error, ValueError, TypeError) as error:
        raise BadSignature from error
    if now_ms >= grant.expires_ms:
        raise Expired
    return grant


def _signature(key: bytes, payload: str) -> str:
    return _encode(hmac.digest(key, payload.encode("utf-8", "replace"), "sha256"))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii")
