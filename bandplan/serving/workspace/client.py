"""HTTP to one workspace: a bearer token, kept-alive connections, retries, translated errors."""

import contextlib
import json
import random as random_module
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from bandplan.rest.address import Address, proxy_of
from bandplan.rest.clock import Clock
from bandplan.rest.connections import AttemptFailed, Connections, Timeouts
from bandplan.rest.exchange import exchange
from bandplan.rest.retries import RETRIED_STATUSES, Outcome, Retries, parse_retry_after
from bandplan.serving.workspace.address import parse_address
from bandplan.serving.workspace.answer import WorkspaceAnswer, presentable
from bandplan.serving.workspace.errors import (
    LostAnswer,
    NotConfigured,
    Throttled,
    Unreachable,
    WorkspaceError,
)
from bandplan.serving.workspace.identity import AUTH_TYPE, HOST, PROFILE, TOKEN, TOKEN_TYPE, Way, value, way_of

_FAIL_FAST_SECONDS = 5.0
"""For this long after a call found nobody listening, the calls queued behind it fail immediately.

Without it a preview of 1,000 endpoints would wait 1,000 times.
"""


TIMEOUTS = Timeouts(3.0, 60.0)

_CLOCK = Clock()
_RETRIES = Retries()
_PING_RETRIES = Retries(total_seconds=4.0)
_PING_READ_SECONDS = 4.0


class Login(Protocol):
    """What signs requests: a token that is renewed, and by which way it is had."""

    @property
    def auth_type(self) -> str: ...
    def headers(self) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class ProfileToken:
    """The token that a profile itself holds."""

    value: str = field(repr=False)
    profile: str


class WorkspaceClient:
    """Calls the REST API of one workspace; safe to share between threads.

    `host` is the canonical URL, as in https://my-workspace.cloud.databricks.com or http://127.0.0.1:8080.
    Every call raises an error of `bandplan.serving.workspace.errors`. Paths are given ready-quoted.
    """

    def __init__(
        self,
        host: str,
        token: str | ProfileToken | Login,
        *,
        timeouts: Timeouts = TIMEOUTS,
        retries: Retries = _RETRIES,
        clock: Clock = _CLOCK,
        random: Callable[[], float] = random_module.random,
        proxy: str | None = None,
    ) -> None:
        """Configure the client. `token` may be a login, which is asked for every request."""
        self._address = parse_address(host)
        self.host = self._address.url
        given = ProfileToken(token, "") if isinstance(token, str) else token
        self._login = None if isinstance(given, ProfileToken) else given
        self._token = _usable_token(given) if isinstance(given, ProfileToken) else ""
        self._profile = given.profile if isinstance(given, ProfileToken) else ""
        self._timeouts = timeouts
        self._retries = retries
        self._clock = clock
        self._random = random
        self._connections = Connections(self._address, proxy)
        self._unreachable: tuple[float, Unreachable] | None = None

    def __repr__(self) -> str:
        return f"WorkspaceClient({self.host!r})"

    @property
    def address(self) -> Address:
        return self._address

    def auth_type(self) -> str:
        """Return the name of the login in use, as in DATABRICKS_AUTH_TYPE. Errors: as of any call."""
        return TOKEN_TYPE if self._login is None else self._login.auth_type

    def bearer(self) -> str:
        """Return the token that requests carry now, for a program that talks to the workspace itself."""
        self._signature()
        return self._token

    def renewed_bearer(self) -> str | None:
        """Return `bearer`, or None if it cannot be had now: the last one may still be good, and answers say if not."""
        try:
            return self.bearer()
        except WorkspaceError:
            return None

    def get(self, path: str) -> dict[str, Any]:
        return self._call("GET", path).json()

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._call("POST", path, body).json()

    def put(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._call("PUT", path, body).json()

    def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._call("PATCH", path, body).json()

    def delete(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self._call("DELETE", path, body).json()

    def text(self, path: str) -> str:
        return self._call("GET", path).text()

    def stream(self, path: str, body: Mapping[str, Any]) -> Iterator[bytes]:
        """Post once, without retries, and yield the answer's body as it arrives."""
        payload = json.dumps(body).encode()
        try:
            answer = self._connections.open("POST", path, self._headers(payload), payload, self._timeouts)
            if not 200 <= answer.status < 300:
                refused = WorkspaceAnswer(f"POST {path}", answer.whole())
                if refused.status in RETRIED_STATUSES:
                    raise self._given_up("POST", path, refused, "tried once")
                raise refused.error(self.host, self._token, self._renewal())
            yield from answer.parts()
        except AttemptFailed as failed:
            raise self._given_up("POST", path, failed, "tried once") from failed

    def ping(self) -> str:
        """Return the user name that the token belongs to. Returns or raises within 10 s."""
        timeouts = Timeouts(self._timeouts.connect_seconds, _PING_READ_SECONDS)
        me = self._call(
            "GET",
            "/api/2.0/preview/scim/v2/Me",
            timeouts=timeouts,
            retries=_PING_RETRIES,
        ).json()
        return str(me.get("userName", ""))

    def require_answer(self) -> None:
        """Raise WorkspaceError within 10 s if nobody answers or the token is rejected; a busy workspace does answer."""
        with contextlib.suppress(Throttled):
            self.ping()

    def presentable(self, text: str) -> str:
        """Make `text` of the platform fit for a message: one line, clipped, and without the token."""
        return presentable(text, self._token)

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        timeouts: Timeouts | None = None,
        retries: Retries | None = None,
    ) -> WorkspaceAnswer:
        retries = retries or self._retries
        payload = None if body is None else json.dumps(body).encode()
        self._fail_fast()
        done = exchange(
            lambda: self._attempt(method, path, payload, timeouts or self._timeouts),
            partial(self._pause_seconds, retries, method),
            self._clock,
        )
        result = done.result
        if not isinstance(result, WorkspaceAnswer) or result.status in RETRIED_STATUSES:
            raise self._given_up(method, path, result, done.tried)
        if not result.is_success:
            raise result.error(self.host, self._token, self._renewal())
        return result

    def _attempt(self, method: str, path: str, payload: bytes | None, timeouts: Timeouts) -> WorkspaceAnswer:
        """Make one attempt. Errors: AttemptFailed."""
        answer = self._connections.send(method, path, self._headers(payload), payload, timeouts)
        self._unreachable = None
        return WorkspaceAnswer(f"{method} {path}", answer)

    def _headers(self, payload: bytes | None) -> dict[str, str]:
        headers = {**self._signature(), "Accept": "application/json", "User-Agent": "bandplan"}
        if payload is not None:
            headers["Content-Type"] = "application/json"
        return headers

    def _signature(self) -> Mapping[str, str]:
        """Return the headers that sign a request; Azure's are more than `Authorization`."""
        if self._login is None:
            return {"Authorization": f"Bearer {self._token}"}
        headers = self._login.headers()
        self._token = headers["Authorization"].removeprefix("Bearer ")
        return headers

    def _renewal(self) -> str:
        if self._login is not None:
            return f"log in again by {self._login.auth_type}"
        if self._profile:
            return f"renew the token of the profile {self._profile}"
        return f"set {TOKEN} to a valid token of this workspace"

    def _pause_seconds(
        self,
        retries: Retries,
        method: str,
        result: WorkspaceAnswer | AttemptFailed,
        attempt: int,
        elapsed_seconds: float,
    ) -> float | None:
        retry_after = None
        outcome = Outcome.THROTTLED
        if isinstance(result, WorkspaceAnswer):
            if result.status not in RETRIED_STATUSES:
                return None
            retry_after = parse_retry_after(result.retry_after, self._clock.wall())
        elif result.is_final:
            return None
        else:
            outcome = result.outcome
        return retries.pause_seconds(
            method,
            outcome,
            attempt=attempt,
            elapsed_seconds=elapsed_seconds,
            retry_after_seconds=retry_after,
            random=self._random(),
        )

    def _fail_fast(self) -> None:
        known = self._unreachable
        if known is not None and self._clock.monotonic() - known[0] < _FAIL_FAST_SECONDS:
            raise Unreachable(known[1].host, known[1].port, str(known[1]))

    def _given_up(self, method: str, path: str, result: WorkspaceAnswer | AttemptFailed, tried: str) -> WorkspaceError:
        if isinstance(result, WorkspaceAnswer):
            wait = f", asks to wait {result.retry_after} (Retry-After)" if result.retry_after else ""
            reason = result.reason(self._token).rstrip(".")
            said = f": {reason}" if reason else ""
            return Throttled(
                f"{method} {path}: {self.host} is busy (HTTP {result.status}){presentable(wait, self._token)}{said}; "
                f"{tried}; try again later, or ask the workspace admin about its API rate limits"
            )
        if result.outcome is Outcome.LOST:
            is_change = method != "GET" and path.startswith("/api/")  # others are queries of endpoints
            doubt = "; it may have been carried out, so preview before trying again" if is_change else ""
            return LostAnswer(f"{method} {path}: {self.host} accepted the request and sent {result} ({tried}){doubt}")
        unreachable = Unreachable(self._address.host, self._address.port, self._unreachable_message(result))
        self._unreachable = (self._clock.monotonic(), unreachable)
        return unreachable

    def _unreachable_message(self, failed: AttemptFailed) -> str:
        place = f"{self._address.host} port {self._address.port}"
        next_step = "start the local workspace with `bandplan stub start`, or set DATABRICKS_HOST"
        if self._address.is_loopback:
            return f"no workspace listens at {place} (DATABRICKS_HOST={self.host}); {next_step}"
        return f"cannot reach the workspace at {place}: {failed}; check DATABRICKS_HOST and the network, or {next_step}"


def from_environment(environ: Mapping[str, str]) -> WorkspaceClient:
    """Return a client for the workspace and with the login that `environ` names (`identity`, `login_choice`).

    A login of the Databricks SDK is tried on the first call. Errors: NotConfigured that lists everything to set.
    """
    if not (value(environ, HOST) and value(environ, TOKEN)):
        from bandplan.serving.workspace.login_choice import StackLogin, login_environment

        environ = login_environment(environ, StackLogin("the environment"))
    way = way_of(environ)
    own = _token_of_profile(environ) if way is Way.SDK else None
    if way is Way.SDK and own is None:
        return _of_sdk(environ)
    address = parse_address(environ[HOST])
    proxy = proxy_of(address, environ)
    if own is not None or way is Way.TOKEN:
        return WorkspaceClient(address.url, own or environ[TOKEN], proxy=proxy)
    from bandplan.serving.workspace.federation import FederatedToken, identity_of

    identity = identity_of(environ, address.url)
    login = FederatedToken(address, identity, lambda other: proxy_of(other, environ))
    return WorkspaceClient(address.url, login, proxy=proxy)


def _token_of_profile(environ: Mapping[str, str]) -> ProfileToken | None:
    """Return the token that a profile itself holds, for which the SDK is not needed; None if it has another login."""
    from bandplan.serving.workspace.profiles import read_config_file

    profile = value(environ, PROFILE)
    if not profile or not value(environ, HOST) or value(environ, AUTH_TYPE) not in ("", TOKEN_TYPE):
        return None
    entries = read_config_file(environ).profiles.get(profile, {})
    token = entries.get("token", "").strip() if entries.get("auth_type", TOKEN_TYPE) == TOKEN_TYPE else ""
    return ProfileToken(token, profile) if token else None


def _of_sdk(environ: Mapping[str, str]) -> WorkspaceClient:
    from bandplan.serving.workspace.sdk_login import SdkLogin

    login = SdkLogin(environ, lambda address: proxy_of(address, environ), _CLOCK)
    # Only the SDK can look up the host of an Azure resource id.
    address = parse_address(value(environ, HOST) or login.host)
    return WorkspaceClient(address.url, login, proxy=proxy_of(address, environ))


def _usable_token(given: ProfileToken) -> str:
    token = given.value.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        place = f"the token of the profile {given.profile}" if given.profile else TOKEN
        raise NotConfigured(f"{place} is not a token: it is empty or has spaces or unprintable characters in it")
    return token
