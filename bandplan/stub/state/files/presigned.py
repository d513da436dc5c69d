"""Presigned URLs: the right to one transfer of one file, until it expires; pure.

The URL itself contains the grant, signed with a key that only this process knows: such a URL needs no bearer token and
cannot be forged or changed. It is not valid after a restart of the workspace.
"""

import base64
import binascii
import hmac
import json
from dataclasses import asdict, dataclass
from typing import Literal

LIFETIME_MS = 3600 * 1000
"""Maximum lifetime of a URL, whatever was requested; the Databricks SDK requests one hour."""


@dataclass(frozen=True, slots=True)
class UrlGrant:
    """What the holder of a URL may do with the file at the remote path `path`."""

    action: Literal["upload", "download", "part", "abort"]
    path: str
    expires_ms: int
    session_token: str = ""
    part_number: int = 0


class BadSignature(Exception):
    """This workspace did not issue the URL, or not since its last start."""


class Expired(Exception):
    """The URL has expired."""


def sign(key: bytes, grant: UrlGrant) -> str:
    """Return one URL segment that contains the grant."""
    payload = _encode(json.dumps(asdict(grant)).encode())
    return f"{payload}.{_signature(key, payload)}"


def verify(key: bytes, segment: str, now_ms: int) -> UrlGrant:
    """Return the grant that a segment contains. Raises BadSignature and Expired."""
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
