"""Wait until a serving endpoint has finished updating."""

import time
from typing import Any

from bandplan.plugin.errors import ProviderError
from bandplan.stub.provider.client import Client, segment

PATH = "/api/2.0/serving-endpoints"
# The local workspace settles in milliseconds or in minutes, depending on its settings; so poll fast first.
FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 1.0
# The end of a build log is where a failed build gives its reason.
LOG_LINES = 10
LONGEST_LOG_LINE = 200


class TimedOut(Exception):
    """The wait timed out; `live` is the endpoint as last seen, still updating."""

    def __init__(self, live: dict[str, Any]) -> None:
        super().__init__("still updating")
        self.live = live


def settled(client: Client, name: str, timeout_seconds: float) -> dict[str, Any]:
    """Return the endpoint once `config_update` is not IN_PROGRESS, whether updated or failed (`failure_reasons`).

    Raises TimedOut, and whatever the client raises.
    """
    end = time.monotonic() + timeout_seconds
    pause = FIRST_PAUSE_SECONDS
    while True:
        live: dict[str, Any] = client.get(f"{PATH}/{segment(name)}")
        if not is_updating(live):
            return live
        left = end - time.monotonic()
        if left <= 0:
            raise TimedOut(live)
        client.pause(min(pause, left))
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def is_updating(live: dict[str, Any]) -> bool:
    return _update_state(live) == "IN_PROGRESS"


def has_failed(live: dict[str, Any]) -> bool:
    return _update_state(live) in ("UPDATE_FAILED", "UPDATE_CANCELED")


def failure_reasons(client: Client, live: dict[str, Any]) -> list[str]:
    """Return why the last update failed: the verdict, then each failed entity's message and the end of its log."""
    reasons = _entity_reasons(client, live, ("DEPLOYMENT_FAILED", "DEPLOYMENT_ABORTED"))
    return [f"serving endpoint {live.get('name')}: {_update_state(live)}", *reasons]


def delay_reasons(client: Client, live: dict[str, Any], timeout_seconds: float) -> list[str]:
    """Return what the update waits for after `timeout_seconds`: the finding, then each entity not yet deployed."""
    reasons = _entity_reasons(
        client, live, ("DEPLOYMENT_CREATING", "DEPLOYMENT_RECOVERING", "DEPLOYMENT_FAILED", "DEPLOYMENT_ABORTED")
    )
    finding = f"still updating after {timeout_seconds:g} s; run `up` again to keep waiting"
    return [f"serving endpoint {live.get('name')}: {finding}", *reasons]


def _entity_reasons(client: Client, live: dict[str, Any], deployments: tuple[str, ...]) -> list[str]:
    """Return one text per entity of the last update in one of these states, followed by indented lines of its log."""
    config = live.get("pending_config") or live.get("config") or {}
    reasons = []
    for entity in config.get("served_entities") or config.get("served_models") or []:
        state = entity.get("state") or {}
        if state.get("deployment") not in deployments:
            continue
        name = str(entity.get("name") or "served entity")
        reason = state.get("deployment_state_message") or "the platform gives no reason"
        lines = [f"{name}: {state['deployment']}: {reason}"]
        log = _last_log_lines(client, str(live.get("name")), name)
        if log:
            lines += [f"  last {len(log)} lines of its build log:", *(f"    {line}" for line in log)]
        reasons.append("\n".join(lines))
    return reasons


def _last_log_lines(client: Client, endpoint: str, entity: str) -> list[str]:
    """Return the end of a build log, or nothing if the workspace has no log."""
    try:
        answer = client.get(f"{PATH}/{segment(endpoint)}/served-models/{segment(entity)}/build-logs")
    except ProviderError:
        # The log only illustrates what is being reported already.
        return []
    text = str(answer.get("logs") or "") if isinstance(answer, dict) else ""
    return [client.presentable(line)[:LONGEST_LOG_LINE] for line in text.splitlines() if line.strip()][-LOG_LINES:]


def _update_state(live: dict[str, Any]) -> str:
    return str((live.get("state") or {}).get("config_update", ""))
