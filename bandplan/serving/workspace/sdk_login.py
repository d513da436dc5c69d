"""Sign in with the Databricks SDK: profiles, OAuth of users and service principals, and the clouds' own identities.

The SDK finds the credentials, gets tokens and renews them. Here is what it lacks for a command line: it works on a
given environment, answers within seconds if the workspace does not, prints nothing, and its failures say what was found
and tried, without secrets.
"""

import logging
import queue
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from bandplan.rest.address import Address
from bandplan.rest.clock import Clock
from bandplan.rest.connections import AttemptFailed, Connections, Timeouts
from bandplan.serving.workspace.address import parse_address
from bandplan.serving.workspace.answer import WorkspaceAnswer, presentable
from bandplan.serving.workspace.errors import (
    Blocked,
    NotAWorkspace,
    NotConfigured,
    Unauthorized,
    Unreachable,
    WorkspaceError,
)
from bandplan.serving.workspace.identity import AUTH_TYPE, HOST, PROFILE, found_in, value
from bandplan.serving.workspace.profiles import read_config_file
from bandplan.serving.workspace.sdk_attempts import attempts

_DISCOVERY: Final = "/oidc/.well-known/oauth-authorization-server"
"""Where a workspace names its token endpoint; docs.databricks.com, "OAuth M2M" (read 2026-11)."""

_PROBE: Final = Timeouts(3.0, 10.0)
_SDK_SECONDS: Final = 20
"""Seconds that the SDK may spend on one of its own questions to the workspace; its default is 300. A choice."""

_LOGIN_SECONDS: Final = 120.0
"""Seconds that a login or a renewal may take, with a browser or another program; the SDK has no limit. A choice."""

_EXCHANGED_EACH_TIME: Final = frozenset({"github-oidc", "azure-devops-oidc", "github-oidc-azure"})
_KEPT_SECONDS: Final = 60.0
"""The SDK exchanges these identities again for every request; each token lasts longer than this. A choice."""

_PROGRAMS: Final = {"databricks": "databricks-cli", "az": "azure-cli"}
"""Program on PATH -> the login that the SDK takes from it."""


class SdkLogin:
    """Signs requests with the token to send now; the SDK is imported and asked on first use. Thread-safe.

    Errors: NotConfigured if no login works, Unauthorized if renewing one fails, Unreachable.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        proxy_of: Callable[[Address], str | None],
        clock: Clock,
        config: Any = None,
        limit_seconds: float = _LOGIN_SECONDS,
    ) -> None:
        """Set the environment to sign in from; `config` is an SDK configuration that is already signed in.

        A login or a renewal that takes longer than `limit_seconds` is a failure.
        """
        self._environ = dict(environ)
        self._proxy_of = proxy_of
        self._clock = clock
        self._limit_seconds = limit_seconds
        self._lock = threading.Lock()
        self._config = config
        self._has_endpoint = False
        self._kept: tuple[float, dict[str, str]] | None = None

    def __repr__(self) -> str:
        return "SdkLogin()"

    def headers(self) -> dict[str, str]:
        """Return the headers that sign a request; Azure's include more than `Authorization`."""
        config = self.config()
        with self._lock:
            now = self._clock.monotonic()
            if self._kept is None or now - self._kept[0] >= _KEPT_SECONDS:
                headers = self._signed(config)
                if config.auth_type not in _EXCHANGED_EACH_TIME:
                    return headers
                self._kept = now, headers
            return self._kept[1]

    @property
    def auth_type(self) -> str:
        """The SDK's name for the login in use."""
        return str(self.config().auth_type)

    @property
    def host(self) -> str:
        return str(self.config().host)

    def config(self) -> Any:
        """Return the SDK's configuration, signed in."""
        with self._lock:
            if self._config is None:
                self._config = self._signed_in()
            return self._config

    def _signed(self, config: Any) -> dict[str, str]:
        try:
            headers = dict(_within(self._limit_seconds, config.authenticate))
        except Exception as error:
            raise Unauthorized(self._failure(f"{config.auth_type}: {self._reason(error)}")) from None
        if not headers.get("Authorization", "").startswith("Bearer "):
            raise NotConfigured(f"{config.auth_type} is not a login that workspaces accept; {_LOGIN}")
        return headers

    def _signed_in(self) -> Any:
        settings: dict[str, Any] = {"http_timeout_seconds": _SDK_SECONDS, "retry_timeout_seconds": _SDK_SECONDS}
        if host := value(self._environ, HOST):
            address = parse_address(host)
            settings["host"] = address.url
            if self._has_discovery(address) and not value(self._environ, "DATABRICKS_DISCOVERY_URL"):
                settings["discovery_url"] = address.url + _DISCOVERY
        # The SDK warns through logging, which would print between our lines.
        logger = logging.getLogger("databricks.sdk")
        logger.addHandler(logging.NullHandler())
        logger.propagate = False
        from bandplan.serving.workspace.sdk_config import configured

        passed_over: list[str] = []

        def sign_in() -> Any:
            with attempts() as tried:
                try:
                    return configured(self._environ, settings)
                finally:
                    passed_over.extend(tried.reasons(value(self._environ, AUTH_TYPE)))

        try:
            return _within(self._limit_seconds, sign_in)
        except WorkspaceError:
            raise
        except Exception as error:
            raise NotConfigured(self._failure(self._reason(error, passed_over))) from None

    def _has_discovery(self, address: Address) -> bool:
        """Ask the workspace for its token endpoint, mainly to find out quickly if nobody answers, or somebody else.

        Errors: Unreachable, Blocked, NotAWorkspace.
        """
        try:
            answer = Connections(address, self._proxy_of(address)).send(
                "GET", _DISCOVERY, {"Accept": "application/json"}, None, _PROBE
            )
        except AttemptFailed as failed:
            raise Unreachable(
                address.host,
                address.port,
                f"cannot reach the workspace at {address.host} port {address.port} to log in: {failed}; check "
                f"{HOST} or the host of the profile, and the network",
            ) from failed
        found = WorkspaceAnswer(f"GET {_DISCOVERY}", answer)
        if found.is_success:
            self._has_endpoint = bool(found.json())
        elif isinstance(error := found.error(address.url, ""), Blocked | NotAWorkspace):
            raise error
        return self._has_endpoint

    def _failure(self, reason: str) -> str:
        """Return the message of a failed login: the reason, then every credential source that was looked for."""
        environ = self._environ
        wanted, profile, host = value(environ, AUTH_TYPE), value(environ, PROFILE), value(environ, HOST)
        file = read_config_file(environ)
        found = found_in(environ)
        found += [f"{name}={text}" for name, text in ((AUTH_TYPE, wanted), (PROFILE, profile)) if text]
        found += [file.listed]
        found += [] if self._has_endpoint else [f"no token endpoint of the workspace (GET {_DISCOVERY})"]
        for program, login in _PROGRAMS.items():
            there = shutil.which(program, path=environ.get("PATH"))
            found.append(f"`{program}` on PATH ({login})" if there else f"no `{program}` on PATH ({login})")
        return f"cannot log in to {host or 'the workspace'}: {reason}; found {'; '.join(found)}; {_LOGIN}"

    def _reason(self, error: Exception, passed_over: Sequence[str] = ()) -> str:
        """Return the reason of the SDK for a message: it appends its configuration, which the cause lacks.

        `passed_over` is why it took none of the logins.
        """
        cause = error.__cause__ if isinstance(error.__cause__, ValueError) else error
        text = str(cause) or type(error).__name__
        if "cannot configure default credentials" in text:
            wanted = value(self._environ, AUTH_TYPE)
            text = (
                f"tried {wanted}, and nothing is set up for it" if wanted else "tried every login, and none is set up"
            )
            text += f" ({'; '.join(passed_over)})" if passed_over else ""
        secrets = [secret for name, secret in self._environ.items() if _is_secret(name) and len(secret) > 3]
        return presentable(text.removeprefix("default auth: "), *secrets)


def _within(seconds: float, call: Callable[[], Any]) -> Any:
    """Return what `call` returns or raise what it raises. Errors: TimeoutError if it takes longer."""
    done: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            done.put((call(), None))
        except BaseException as error:
            done.put((None, error))

    threading.Thread(target=work, daemon=True).start()
    try:
        result, error = done.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds:g} s") from None
    if error is not None:
        raise error
    return result


_LOGIN: Final = "log in with `databricks auth login`, or see `bandplan docs login`"


def _is_secret(name: str) -> bool:
    return any(word in name for word in ("TOKEN", "SECRET", "PASSWORD", "CREDENTIALS"))
