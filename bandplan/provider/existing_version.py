"""An existing version: how it differs from the declaration, how to correct that, and who uses it."""

from collections.abc import Mapping
from typing import Any

from bandplan.provider.model_version_inputs import WantedVersion
from bandplan.serving.endpoint.difference import Difference
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.registry import SOURCE_DIGEST, Registry
from bandplan.serving.workspace.registry_entries import RegisteredVersion
from bandplan.serving.workspace.registry_use import endpoints_serving


def live_differences(state: Mapping[str, Any], live: RegisteredVersion) -> tuple[Difference, ...]:
    """Return what others have changed since `state`: description, declared tags, the tag that holds the digest.

    An undeclared description and undeclared tags are ignored. Pure.
    """
    found = []
    description = state.get("description")
    if description and description != live.description:
        found.append(Difference(("description",), description, live.description or None))
    for key, value in (state.get("tags") or {}).items():
        if live.tags.get(key) != value:
            found.append(Difference(("tags", key), value, live.tags.get(key)))
    if live.tags.get(SOURCE_DIGEST) != state.get("digest"):
        found.append(Difference(("digest",), state.get("digest"), live.tags.get(SOURCE_DIGEST)))
    return tuple(found)


def tend(
    registry: Registry, wanted: WantedVersion, live: RegisteredVersion, declared_before: Mapping[str, str]
) -> RegisteredVersion:
    """Send what differs and remove tags that are no longer declared; return the resulting version."""
    tags = {**wanted.tags, SOURCE_DIGEST: wanted.digest}
    missing = {key: value for key, value in tags.items() if live.tags.get(key) != value}
    dropped = [key for key in declared_before if key not in tags and key in live.tags]
    description = wanted.description
    if description and description != live.description:
        registry.set_description(wanted.name, live.version, description)
    registry.set_tags(wanted.name, live.version, missing)
    registry.delete_tags(wanted.name, live.version, dropped)
    if not missing and not dropped and (not description or description == live.description):
        return live
    return registry.version(wanted.name, live.version) or live


def keep_reason(client: WorkspaceClient, name: str, version: str) -> str:
    """Say why a version must not be deleted: who serves it, or which alias points to it; "" if it is unused."""
    serving = endpoints_serving(client, name, version)
    if serving:
        return f"it is served by {', '.join(serving)}"
    live = Registry(client).version(name, version)
    if live is not None and live.aliases:
        return f"it has the alias {', '.join(live.aliases)}"
    return ""
