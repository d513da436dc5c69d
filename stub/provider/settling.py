"""Waiting until a serving endpoint has finished updating."""

import time
from typing import Any

from stub.provider.client import Client, segment

PATH = "/api/2.0/serving-endpoints"
# The local workspace settles in milliseconds or in minutes, by how it is set; so poll fast first.
FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 1.0


class TimedOut(Exception):
    """`live` is the endpoint as last seen, still updating."""

    def __init__(self, live: dict[str, Any]) -> None:
        super().__init__("still updating")
        self.live = live


def settled(client: Client, name: str, timeout_seconds: float) -> dict[str, Any]:
    """The endpoint once `config_update` is no longer IN_PROGRESS, which may also be a failure (`failure_reasons`).

    Raises TimedOut, and what the client raises.
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


def failure_reasons(live: dict[str, Any]) -> list[str]:
    """Why the last update failed: the verdict, then the workspace's own message per served entity."""
    config = live.get("pending_config") or live.get("config") or {}
    entities = config.get("served_entities") or config.get("served_models") or []
    told = [
        f"{entity.get('name', 'served entity')}: {state['deployment']}: {state.get('deployment_state_message', '')}"
        for entity in entities
        if (state := entity.get("state") or {}).get("deployment") in ("DEPLOYMENT_FAILED", "DEPLOYMENT_ABORTED")
    ]
    return [f"serving endpoint {live.get('name')}: {_update_state(live)}", *told]


def _update_state(live: dict[str, Any]) -> str:
    return str((live.get("state") or {}).get("config_update", ""))
