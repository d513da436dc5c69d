"""Rate limits of an endpoint: those of its AI gateway, and the deprecated ones of the endpoint itself.

Every limit is per minute, the only renewal period there is. A caller is subject to the limits of the endpoint; of the
limits per user, to the caller's own, else the default one; and to those of the caller's groups. A limit of 0 blocks all
requests.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from bandplan.stub.json_object import Json
from bandplan.stub.state.refusals import Forbidden, Invalid, TooManyRequests

KEYS = ("endpoint", "user", "user_group", "service_principal")
MINUTE_MS = 60_000
MOST_LIMITS = 20
MOST_GROUP_LIMITS = 5
"""Maximum number of group limits per endpoint (docs.databricks.com, "Configure rate limits for AI Gateway endpoints",
read 2026-11).
"""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A limit on the calls or tokens per minute; None is no limit. `principal` is the caller it applies to."""

    key: str
    principal: str | None
    calls: int | None
    tokens: int | None


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a query, by the names that a limit may have as principal."""

    user: str
    groups: frozenset[str] = frozenset()


@dataclass(slots=True)
class Window:
    """A minute that began with a call, and what was used in it."""

    began_ms: int
    calls: int = 0
    tokens: int = 0


def read(rows: Iterable[Json], place: str) -> tuple[RateLimit, ...]:
    """Read the limits in their wire form. Raises Invalid if one is not valid."""
    limits: list[RateLimit] = []
    for index, row in enumerate(rows):
        at = f"{place}/{index}"
        if row.get("renewal_period") != "minute":
            raise Invalid(f"{at}/renewal_period: must be minute.")
        key, principal = row.get("key") or "endpoint", row.get("principal")
        if key not in KEYS:
            raise Invalid(f"{at}/key: must be one of {', '.join(KEYS)}.")
        if principal is not None and not isinstance(principal, str):
            raise Invalid(f"{at}/principal: must be a string.")
        if key in ("user_group", "service_principal") and not principal:
            raise Invalid(f"{at}/principal: is required for key {key}.")
        calls, tokens = _count(row, "calls", at), _count(row, "tokens", at)
        # The published Terraform and Pulumi providers drop a zero from their requests: neither means no calls.
        limits.append(RateLimit(key, principal, 0 if calls is None and tokens is None else calls, tokens))
    of_groups = sum(limit.key == "user_group" for limit in limits)
    if len(limits) > MOST_LIMITS or of_groups > MOST_GROUP_LIMITS:
        raise Invalid(
            f"{place}: {len(limits)} rate limits, {of_groups} of groups; an endpoint has at most {MOST_LIMITS}, "
            f"{MOST_GROUP_LIMITS} of groups."
        )
    return tuple(limits)


def of_settings(settings: Json) -> tuple[RateLimit, ...]:
    """Return all limits of an endpoint, from its stored settings."""
    gateway = (settings.get("ai_gateway") or {}).get("rate_limits") or ()
    own = settings.get("rate_limits") or ()
    return (*read(gateway, "ai_gateway/rate_limits"), *read(own, "rate_limits")) if gateway or own else ()


class RateLimiter:
    """Counters of what each endpoint used in the current minute. Not kept: a restart begins a new one."""

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        self._windows: dict[str, Window] = {}

    def admit(self, endpoint_id: str, limits: tuple[RateLimit, ...], caller: Caller) -> None:
        """Count one call. Raises Forbidden for a limit of 0 and TooManyRequests if the minute's limit is used up."""
        if not limits:
            return
        window = self._window(endpoint_id)
        for limit in _holding(limits, caller):
            for used, allowed, unit in (
                (window.calls, limit.calls, "queries"),
                (window.tokens, limit.tokens, "tokens"),
            ):
                if allowed == 0:
                    raise Forbidden(f"The rate limit of this endpoint is 0 {unit} per minute for key {limit.key}.")
                if allowed is not None and used >= allowed:
                    raise TooManyRequests(
                        f"REQUEST_LIMIT_EXCEEDED: Exceeded the limit of {allowed} {unit} per minute for key "
                        f"{limit.key} of this endpoint.",
                        retry_after_seconds=max(1, -(-(window.began_ms + MINUTE_MS - self._clock_ms()) // 1000)),
                    )
        window.calls += 1

    def spend(self, endpoint_id: str, tokens: int) -> None:
        """Count the tokens of an answer from an endpoint with limits."""
        window = self._windows.get(endpoint_id)
        if window is not None:
            window.tokens += tokens

    def _window(self, endpoint_id: str) -> Window:
        now = self._clock_ms()
        window = self._windows.get(endpoint_id)
        if window is None or now >= window.began_ms + MINUTE_MS:
            window = self._windows[endpoint_id] = Window(now)
        return window


def _holding(limits: tuple[RateLimit, ...], caller: Caller) -> Iterator[RateLimit]:
    has_own = any(limit.key == "user" and limit.principal == caller.user for limit in limits)
    for limit in limits:
        match limit.key:
            case "endpoint":
                yield limit
            case "user" if limit.principal == (caller.user if has_own else None):
                yield limit
            case "user_group" if limit.principal in caller.groups:
                yield limit


def _count(row: Json, key: str, place: str) -> int | None:
    value = row.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Invalid(f"{place}/{key}: must be an integer, 0 or more.")
    return value
