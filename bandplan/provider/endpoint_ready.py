"""Brings one endpoint to "ready and running what was declared": sends what is missing, waits, explains a failure.

Nothing is ever deleted here: a slow or failed deployment stays as it is so that people can inspect it.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bandplan.plugin.errors import ProviderError
from bandplan.provider.inputs import Wanted
from bandplan.serving.endpoint.comparison import (
    config_differences,
    description_difference,
    differences,
    effective_config,
    task_difference,
    unverifiable,
)
from bandplan.serving.endpoint.config_body import config_body
from bandplan.serving.endpoint.declared import Declared
from bandplan.serving.endpoint.live_endpoint import LiveEndpoint
from bandplan.serving.endpoint.readiness import Failed, Ready, Waiting, assess
from bandplan.serving.endpoint.sending import Request, requests
from bandplan.serving.endpoint.shortfall import Shortfall, is_for_lack_of_capacity, shortfalls
from bandplan.serving.endpoint.unchangeable import unchangeable_description, unchangeable_setting, unsendable_task
from bandplan.serving.workspace.endpoints import Endpoints
from bandplan.serving.workspace.errors import (
    Conflict,
    LostAnswer,
    NotFound,
    Throttled,
    Unreachable,
)
from bandplan.wire.guard import KEPT

NOTHING_DELETED = "Nothing was deleted"
_GPU_CAPACITY = (
    # docs.databricks.com, "Provisioned throughput Foundation Model APIs", limitations (read 2025-11).
    "Creating or updating provisioned throughput can time out for lack of GPU capacity: "
    "if this persists, contact your Databricks account team"
)


@dataclass(frozen=True)
class Pace:
    """The pace of waiting in seconds: polls from `first` to `longest`, tolerated silence of the workspace, progress."""

    first_poll_seconds: float = 0.05
    longest_poll_seconds: float = 5.0
    lost_contact_seconds: float = 60.0
    repeat_progress_seconds: float = 60.0


@dataclass(frozen=True)
class Surroundings:
    """What acting needs from outside. `sleep` returns True if the deployment was cancelled meanwhile."""

    progress: Callable[[str], None]
    warn: Callable[[str], None]
    sleep: Callable[[float], bool]
    monotonic: Callable[[], float] = time.monotonic
    pace: Pace = field(default_factory=Pace)


def make_ready(
    endpoints: Endpoints,
    wanted: Wanted,
    previous: Declared | None,
    surroundings: Surroundings,
    recorded_version: int | None = None,
) -> LiveEndpoint:
    """Return the endpoint once it is ready and runs what `wanted` declares; `previous` is the declaration in the state.

    `recorded_version` is the version of the config that served when the state was written.

    Errors: ProviderError with the platform's reasons if it fails, is not ready in time, or does not exist.
    """
    return _Run(endpoints, wanted, previous, surroundings, recorded_version).make_ready()


class _Run:
    """One call of make_ready: the deadline and what has been sent."""

    def __init__(
        self,
        endpoints: Endpoints,
        wanted: Wanted,
        previous: Declared | None,
        surroundings: Surroundings,
        recorded_version: int | None,
    ) -> None:
        self._recorded_version = recorded_version
        self._endpoints = endpoints
        self._wanted = wanted
        self._previous = previous
        self._around = surroundings
        self._started = surroundings.monotonic()

    def make_ready(self) -> LiveEndpoint:
        live = self._get()
        self._check_identity(live)
        self._warn(live)
        is_wanted_update = live.is_updating and not config_differences(self._wanted.declared, effective_config(live))
        settings = [request for request in self._requests(live) if request.part != "config"]
        for request in settings:
            self._send(request)
        if settings:
            live = self._get()
        if live.is_updating:
            live = self._wait(live, until_settled=not is_wanted_update)
        config_request = next((r for r in self._requests(live) if r.part == "config"), None)
        try:
            if config_request is not None:
                live = self._send_config(config_request)
            live = self._wait(live, until_settled=False)
        except DeploymentFailed as failure:
            live = self._fall_back(failure)
        self._check_result(live)
        return live

    def _fall_back(self, failure: "DeploymentFailed") -> LiveEndpoint:
        """Fall back to the accepted capacity if only GPU capacity was missing; otherwise raise the failure."""
        wanted, accepted, live = self._wanted.declared, self._wanted.accepted, failure.live
        if accepted is None or not is_for_lack_of_capacity(failure.verdict):
            raise failure
        if shortfalls(wanted, accepted, live.config) is None:
            self._around.progress("no GPU capacity for the declared throughput; sending the accepted fallback")
            live = self._send_config(Request("config", config_body(accepted, live.config or live.pending_config)))
            live = self._wait(live, until_settled=False)
        reasons = dict.fromkeys(
            self._endpoints.presentable(one.reason) for one in failure.verdict.entities if one.reason
        )
        self._around.warn(short_of_capacity(live.name, shortfalls(wanted, accepted, live.config) or (), reasons))
        return live

    def _requests(self, live: LiveEndpoint) -> tuple[Request, ...]:
        declared = self._wanted.declared
        return requests(declared, self._previous, live, differences(declared, live), self._recorded_version)

    def _get(self) -> LiveEndpoint:
        try:
            return self._endpoints.get(self._wanted.endpoint)
        except NotFound:
            raise ProviderError(
                f"{self._wanted.endpoint}: the endpoint does not exist in {self._endpoints.host}; "
                "refresh the stack (`pulumi refresh` or `bandplan refresh`), then run `up` again"
            ) from None

    def _check_identity(self, live: LiveEndpoint) -> None:
        declared_id = self._wanted.serving_endpoint_id
        if declared_id is not None and live.id and declared_id != live.id:
            raise ProviderError(
                f"{live.name}: the endpoint was recreated by someone else (its id is {live.id}, the state has "
                f"{declared_id}); refresh the stack (`pulumi refresh` or `bandplan refresh`), then run `up` again"
            )

    def _warn(self, live: LiveEndpoint) -> None:
        if description_difference(self._wanted.declared, live) is not None:
            self._around.warn(unchangeable_description(live.name))
        if self._previous is not None:
            for setting in KEPT:
                if self._previous.kept.get(setting.name) != self._wanted.declared.kept.get(setting.name):
                    self._around.warn(unchangeable_setting(live.name, setting))
        hidden = unverifiable(self._wanted.declared, live)
        if hidden:
            self._around.progress(f"{', '.join(hidden)} cannot be verified: the platform does not return it")

    def _send(self, request: Request) -> None:
        name = self._wanted.endpoint
        self._around.progress(f"sending {request.part.replace('_', ' ')}")
        match request.part:
            case "notifications":
                self._endpoints.patch_notifications(name, request.body)
            case "tags":
                self._endpoints.patch_tags(name, request.body["add"], request.body["delete"])
            case "ai_gateway":
                self._endpoints.put_ai_gateway(name, request.body)
            case "rate_limits":
                self._endpoints.put_rate_limits(name, request.body)
            case "config":
                self._endpoints.update_config(name, self._wanted.api, request.body)

    def _send_config(self, request: Request) -> LiveEndpoint:
        try:
            self._send(request)
        except Conflict:
            # Someone else started an update between our check and our request: let it end, then retry.
            self._wait(self._get(), until_settled=True)
            self._send(request)
        except LostAnswer:
            # The request may have arrived. Only the endpoint shows that; anything missing then appears as a difference.
            self._around.progress("the response to the config update was lost; checking the endpoint")
        return self._get()

    def _wait(self, live: LiveEndpoint, *, until_settled: bool) -> LiveEndpoint:
        """Wait until ready or, with `until_settled`, until no update is in progress, however it ended."""
        pace = self._around.pace
        pause = pace.first_poll_seconds
        said, said_at = "", self._started
        heard_at = self._around.monotonic()
        while True:
            verdict = assess(live)
            match verdict:
                case Ready():
                    return live
                case Failed():
                    if until_settled:
                        return live
                    raise DeploymentFailed(self._failure(verdict), verdict, live)
                case Waiting(text):
                    if until_settled and not live.is_updating:
                        return live
            now = self._around.monotonic()
            if text != said or now - said_at >= pace.repeat_progress_seconds:
                self._around.progress(f"{text} ({now - self._started:.0f} s)")
                said, said_at = text, now
            left = self._wanted.timeout_seconds - (now - self._started)
            if left <= 0:
                raise ProviderError(self._timeout(text))
            if self._around.sleep(min(pause, left)):
                raise ProviderError(f"{live.name}: waiting was cancelled while {text}. {NOTHING_DELETED}; {_GOES_ON}")
            pause = min(pause * 1.5, pace.longest_poll_seconds)
            try:
                live = self._get()
                heard_at = self._around.monotonic()
            except (Unreachable, Throttled, LostAnswer) as error:
                # A wait lasts minutes to hours; a brief outage of the workspace must not end it.
                if self._around.monotonic() - heard_at > pace.lost_contact_seconds:
                    raise ProviderError(f"{live.name}: {error}. {NOTHING_DELETED}; {_GOES_ON}") from error
                self._around.progress(f"no response from the workspace, retrying: {error}")

    def _check_result(self, live: LiveEndpoint) -> None:
        remaining = differences(self._wanted.declared, live)
        short = shortfalls(self._wanted.declared, self._wanted.accepted, effective_config(live)) or ()
        remaining = tuple(one for one in remaining if one.path not in {part.path for part in short})
        if remaining:
            raise ProviderError(
                f"{live.name}: the endpoint is ready, but does not run the declared config: "
                + "; ".join(str(difference) for difference in remaining)
                + f". Someone else may have changed it. {NOTHING_DELETED}; run `up` again to resend the config"
            )

        other_task = task_difference(self._wanted.declared, live)
        if other_task is not None:
            raise ProviderError(f"{unsendable_task(live.name, other_task)}. {NOTHING_DELETED}")

    def _failure(self, failed: Failed) -> str:
        lines = [f"{self._wanted.endpoint}: the platform could not deploy it ({failed.text})"]
        for entity in failed.entities:
            reason = self._endpoints.presentable(entity.reason) or "the platform gave no reason"
            lines.append(f"  {entity.served_name}: {entity.deployment}: {reason}")
            log = self._endpoints.last_log_lines(self._wanted.endpoint, entity.served_name)
            if log:
                lines.append(f"    last {len(log)} lines of its log:")
                lines += [f"      {line}" for line in log]
        serving = "the previous version is still serving" if failed.still_serves else "it is not serving"
        lines.append(f"  {NOTHING_DELETED}; {serving}. Fix the cause, then run `up` again to resend the config.")
        lines.append(f"  {_GPU_CAPACITY}.")
        return "\n".join(lines)

    def _timeout(self, text: str) -> str:
        return (
            f"{self._wanted.endpoint}: not ready after {self._wanted.timeout_seconds} s: {text}\n"
            f"  {NOTHING_DELETED}, and the platform continues; {_GOES_ON}. To wait longer, raise the entry's "
            f"`timeouts` in models.yaml.\n"
            f"  {_GPU_CAPACITY}."
        )


class DeploymentFailed(ProviderError):
    """The platform gave up on an update: its verdict, and the endpoint at that time."""

    def __init__(self, message: str, verdict: Failed, live: LiveEndpoint) -> None:
        super().__init__(message)
        self.verdict = verdict
        self.live = live


def short_of_capacity(endpoint: str, short: Iterable[Shortfall], reasons: Iterable[str]) -> str:
    """Return the warning about an endpoint that runs less than wanted, with the platform's reasons if it gave any."""
    why = "; ".join(reasons)
    return (
        f"{endpoint}: short of GPU capacity: {'; '.join(map(str, short))}; every `up` retries"
        + (f". The platform: {why}" if why else "")
        + ("" if why.endswith(".") else ".")
    )


_GOES_ON = "the next `up` continues waiting"
