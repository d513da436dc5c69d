"""Exchange the identity of a CI job for a workspace's token (workload identity federation): the CI stores no secret.

The workspace exchanges the job's own OpenID Connect token for a token of one hour (RFC 8693), again before each one
expires.
Sources: docs.databricks.com, "Enable workload identity federation for GitHub Actions" and "Authenticate with an
identity provider token"; docs.github.com, "OpenID Connect"; the variables are those of the Databricks SDKs, which the
published provider reads too (read 2026-11).
"""

import base64
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from bandplan.forge.errors import ForgeError
from bandplan.forge.forge import TokenRequest
from bandplan.forge.github import GitHub
from bandplan.forge.gitlab import GitLab
from bandplan.rest.address import Address
from bandplan.rest.answer import Answer
from bandplan.rest.clock import Clock
from bandplan.rest.connections import AttemptFailed, Connections, Timeouts
from bandplan.rest.exchange import exchange
from bandplan.rest.retries import parse_retry_after
from bandplan.serving.workspace.address import parse_address
from bandplan.serving.workspace.answer import presentable
from bandplan.serving.workspace.errors import NotConfigured, Throttled, Unauthorized, Unreachable

GITHUB: Final = "github-oidc"
VARIABLE: Final = "env-oidc"

_EXCHANGE: Final = "/oidc/v1/token"
_EARLY_SECONDS: Final = 60.0
"""How long before its expiry a token is renewed; a choice, longer than any single request takes to arrive."""

_TIMEOUTS: Final = Timeouts(5.0, 20.0)
_PAUSES_SECONDS: Final = (1.0, 4.0)
"""Pauses between attempts: a token service that is busy for a moment must not end a deployment; a choice."""

_BUSY: Final = frozenset({429, 500, 502, 503, 504})
"""Statuses to retry: a request for a token changes nothing, so it is always safe to send again."""

_LONGEST_WAIT_SECONDS: Final = 120.0
"""Longest wait that the service may ask for, as long as any call to a workspace is retried; a choice."""

_GITLAB_LIFETIME: Final = (
    "GitLab's lasts as long as the job's `timeout`, or 5 minutes without one: give the job a longer `timeout`"
)
"""gitlab.com/gitlab-org/gitlab, issue 222252 and the page on ID tokens (read 2026-11)."""

_LATEST_EXPIRY: Final = 253_402_300_800
"""The year 10000, which no date can show."""

_CLOCK: Final = Clock()
_GITHUB, _GITLAB = GitHub(), GitLab()


@dataclass(frozen=True)
class JobIdentity:
    """The identity of the job. `client_id` is the service principal's, empty for a policy of the whole account."""

    auth_type: str
    client_id: str
    audience: str
    variable_token: str = field(default="", repr=False)
    request: TokenRequest | None = None


def identity_of(environ: Mapping[str, str], host: str) -> JobIdentity:
    """Read the job's identity. Errors: NotConfigured that lists everything that is missing."""
    auth_type = environ["DATABRICKS_AUTH_TYPE"].strip()
    needed = {
        GITHUB: ("DATABRICKS_CLIENT_ID", *_GITHUB.identity_variables),
        VARIABLE: ("DATABRICKS_OIDC_TOKEN",),
    }[auth_type]
    missing = [name for name in needed if not environ.get(name, "").strip()]
    if missing:
        hint = (_GITHUB if auth_type == GITHUB else _GITLAB).identity_hint
        raise NotConfigured(f"DATABRICKS_AUTH_TYPE={auth_type}: {', '.join(missing)} not set; {hint}")
    audience = environ.get("DATABRICKS_TOKEN_AUDIENCE", "").strip() or f"{host}{_EXCHANGE}"
    try:
        request = _GITHUB.token_request(environ, audience) if auth_type == GITHUB else None
    except ForgeError as error:
        raise NotConfigured(str(error)) from error
    return JobIdentity(
        auth_type,
        environ.get("DATABRICKS_CLIENT_ID", "").strip(),
        audience,
        environ.get("DATABRICKS_OIDC_TOKEN", "").strip(),
        request,
    )


class FederatedToken:
    """A callable that returns the token to send now. Thread-safe; errors are WorkspaceError, without any token."""

    def __init__(
        self,
        address: Address,
        identity: JobIdentity,
        proxy_of: Callable[[Address], str | None],
        clock: Clock = _CLOCK,
    ) -> None:
        """Configure the exchange; `proxy_of` returns the proxy through which an address is reached."""
        self._address = address
        self._identity = identity
        self._proxy_of = proxy_of
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0

    @property
    def auth_type(self) -> str:
        return self._identity.auth_type

    def headers(self) -> dict[str, str]:
        """Return the header that signs a request."""
        return {"Authorization": f"Bearer {self()}"}

    def __call__(self) -> str:
        with self._lock:
            if not self._token or self._clock.monotonic() >= self._renew_at:
                asked_at = self._clock.monotonic()
                self._token, lifetime_seconds = self._exchanged(self._job_token())
                self._renew_at = asked_at + max(lifetime_seconds - _EARLY_SECONDS, lifetime_seconds / 2)
            return self._token

    def _job_token(self) -> str:
        identity = self._identity
        request = identity.request
        if request is None:
            return identity.variable_token
        address, parts = parse_address(request.url), urlsplit(request.url)
        path = f"{parts.path or '/'}?{parts.query}"
        headers = {"Authorization": f"Bearer {request.secret}", "Accept": "application/json"}
        failure = "GitHub gave the job no OpenID Connect token"
        answer = self._asked(address, "GET", path, headers, None, failure, request.secret)
        return _text(answer, request.key, failure)

    def _exchanged(self, job_token: str) -> tuple[str, float]:
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": job_token,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "scope": "all-apis",
            **({"client_id": self._identity.client_id} if self._identity.client_id else {}),
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        failure = (
            f"{self._address.url} gave no token for this job's identity; compare the federation policy of the service "
            "principal (issuer, subject, audience) with the job, and DATABRICKS_CLIENT_ID"
        )
        if ended := self._ended(job_token):
            failure = f"{failure}; {ended}"
        answer = self._asked(self._address, "POST", _EXCHANGE, headers, urlencode(form).encode(), failure, job_token)
        lifetime = answer.get("expires_in")
        seconds = float(lifetime) if isinstance(lifetime, int | float) and lifetime > 0 else 0.0
        return _text(answer, "access_token", failure), seconds

    def _ended(self, job_token: str) -> str:
        """Say that the token in the variable has expired, so that no renewal helps; "" if nothing shows that."""
        expiry = expiry_of(job_token)
        if self._identity.request is not None or expiry is None or self._clock.wall() < expiry:
            return ""
        at = datetime.fromtimestamp(expiry, UTC)
        return f"the token in DATABRICKS_OIDC_TOKEN expired at {at:%Y-%m-%d %H:%M} UTC; {_GITLAB_LIFETIME}"

    def _asked(
        self,
        address: Address,
        method: str,
        path: str,
        headers: dict[str, str],
        payload: bytes | None,
        failure: str,
        secret: str = "",
    ) -> dict[str, Any]:
        connections = Connections(address, self._proxy_of(address))
        answer = exchange(
            lambda: connections.send(method, path, headers, payload, _TIMEOUTS), self._pause_seconds, self._clock
        ).result
        if not isinstance(answer, Answer):
            raise Unreachable(address.host, address.port, f"{failure}: {address.url}: {answer}") from answer
        if answer.is_success:
            return _object(answer.body, failure)
        if answer.status not in _BUSY:
            reason = presentable(_reason(answer.body), secret)
            raise Unauthorized(f"{failure} (HTTP {answer.status}{f': {reason}' if reason else ''})")
        raise Throttled(f"{failure}: {address.url} answers HTTP {answer.status}; try again later")

    def _pause_seconds(self, result: Answer | AttemptFailed, attempts: int, _: float) -> float | None:
        """Return the seconds before another attempt; None for an answer to keep, or if no attempt is left."""
        is_kept = result.status not in _BUSY if isinstance(result, Answer) else result.is_final
        if is_kept or attempts > len(_PAUSES_SECONDS):
            return None
        pause = _PAUSES_SECONDS[attempts - 1]
        if isinstance(result, Answer):
            pause += parse_retry_after(result.headers.get("retry-after"), self._clock.wall()) or 0.0
        return pause if pause <= _LONGEST_WAIT_SECONDS else None


def expiry_of(token: str) -> float | None:
    """Return when a JSON Web Token ends (seconds since 1970, RFC 7519), or None if it does not say so."""
    parts = token.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, ValueError):
        return None
    expiry = claims.get("exp") if isinstance(claims, dict) else None
    if not isinstance(expiry, int | float) or not 0 < expiry < _LATEST_EXPIRY:
        return None
    return float(expiry)


def _object(body: bytes, failure: str) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Unauthorized(f"{failure} (the answer is not a JSON object)")
    return value


def _text(answer: Mapping[str, Any], key: str, failure: str) -> str:
    value = answer.get(key)
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable() or " " in value:
        raise Unauthorized(f"{failure} (no usable {key} in the answer)")
    return value


def _reason(body: bytes) -> str:
    """Return `error: error_description` of an OAuth error answer (RFC 6749, 5.2)."""
    try:
        value = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(value, dict):
        return ""
    return ": ".join(str(value[key]) for key in ("error", "error_description", "message") if value.get(key))
