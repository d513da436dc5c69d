"""Decide which requests bring an endpoint to its declaration. Pure: sends nothing.

The published provider plans changes of notifications and rate limits and never sends them, sends nothing at all after a
failed config update, and crashes on a removed AI gateway. Those are the cases that matter here.
"""

from dataclasses import dataclass
from typing import Any, Literal

from bandplan.serving.endpoint.api_fields import GATEWAY, with_unknown
from bandplan.serving.endpoint.comparison import is_burst_unstated
from bandplan.serving.endpoint.config_body import config_body
from bandplan.serving.endpoint.declared import Declared
from bandplan.serving.endpoint.difference import Difference
from bandplan.serving.endpoint.live_endpoint import LiveEndpoint
from bandplan.wire.guard import CONFIG_PARTS
from bandplan.wire.names import to_api, to_api_name

Part = Literal["notifications", "tags", "ai_gateway", "rate_limits", "config"]


_BURST = "burstScalingEnabled"


@dataclass(frozen=True)
class Request:
    """A change to send; `body` is what the call for that part takes."""

    part: Part
    body: Any


def requests(
    declared: Declared,
    previous: Declared | None,
    live: LiveEndpoint,
    differences: tuple[Difference, ...],
    recorded_version: int | None = None,
) -> tuple[Request, ...]:
    """Return the requests that fix `differences` and undo what only `previous` declared; the config, which takes long,
    comes last.

    `previous` is the declaration in the state, None at creation; `recorded_version` is the version of the config that
    served then. Parts that were never declared stay untouched.
    """
    different = {difference.part for difference in differences}
    found = (
        _notifications(declared, previous, live, "emailNotifications" in different),
        _tags(declared, previous, live, "tags" in different),
        _ai_gateway(declared, previous, live, "aiGateway" in different),
        _rate_limits(declared, previous, "rateLimits" in different, live.rate_limits is None),
        _config(
            declared,
            live,
            not different.isdisjoint(CONFIG_PARTS)
            or _changes_hidden(declared, previous, live)
            or is_burst_unstated(declared, previous, live, recorded_version),
        ),
    )
    return tuple(request for request in found if request is not None)


def _notifications(declared: Declared, previous: Declared | None, live: LiveEndpoint, differs: bool) -> Request | None:
    if declared.email_notifications is not None:
        return Request("notifications", dict(declared.email_notifications)) if differs else None
    was_declared = previous is not None and previous.email_notifications is not None
    if was_declared and any(live.email_notifications.values()):
        return Request("notifications", {"on_update_failure": [], "on_update_success": []})
    return None


def _tags(declared: Declared, previous: Declared | None, live: LiveEndpoint, differs: bool) -> Request | None:
    wanted = declared.tags or {}
    before = (previous.tags if previous else None) or {}
    delete = [key for key in before if key not in wanted and key in live.tags]
    add = [{"key": key, "value": value} for key, value in wanted.items() if differs and live.tags.get(key) != value]
    return Request("tags", {"add": add, "delete": delete}) if add or delete else None


def _ai_gateway(declared: Declared, previous: Declared | None, live: LiveEndpoint, differs: bool) -> Request | None:
    if declared.ai_gateway is not None:
        wanted = with_unknown(to_api(declared.ai_gateway), live.ai_gateway, GATEWAY)
        return Request("ai_gateway", wanted) if differs else None
    was_declared = previous is not None and previous.ai_gateway is not None
    return Request("ai_gateway", {}) if was_declared and live.ai_gateway else None


def _rate_limits(declared: Declared, previous: Declared | None, differs: bool, is_hidden: bool) -> Request | None:
    """Return the request for rate limits, if any. With `is_hidden`, GET does not show them, so a change since the last
    deployment decides.
    """
    before = previous.rate_limits if previous else None
    if declared.rate_limits is None:
        return Request("rate_limits", []) if before else None
    if differs or (is_hidden and declared.rate_limits and declared.rate_limits != before):
        return Request("rate_limits", list(declared.rate_limits))
    return Request("rate_limits", []) if is_hidden and before and not declared.rate_limits else None


def _changes_hidden(declared: Declared, previous: Declared | None, live: LiveEndpoint) -> bool:
    """Whether the declaration of `burst` changed for an entity that stays, and the platform does not return it."""
    before = {str(entity.get("name")): entity for entity in (previous.entities if previous is not None else ())}
    there = {entity.name: entity.settings for entity in (live.config.entities if live.config is not None else ())}
    return any(
        (name := str(entity.get("name"))) in before
        and bool(before[name].get(_BURST)) != bool(entity.get(_BURST))
        and bool(there.get(name, {}).get(to_api_name(_BURST))) != bool(entity.get(_BURST))
        for entity in declared.entities
    )


def _config(declared: Declared, live: LiveEndpoint, differs: bool) -> Request | None:
    if not differs and not live.has_failed_update:
        return None
    return Request("config", config_body(declared, live.config or live.pending_config))
