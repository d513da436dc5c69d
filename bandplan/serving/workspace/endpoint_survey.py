"""Read many serving endpoints of a workspace concurrently, with their permissions; send only GET requests.

Source of the paths: docs.databricks.com REST reference, "Serving endpoints" and "Permissions" (read 2025-11).
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from bandplan.serving.endpoint.live_endpoint import LiveEndpoint
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.endpoint_access import Grant, direct_grants
from bandplan.serving.workspace.errors import NotFound, Refused
from bandplan.serving.workspace.surveyed import Listed, Surveyed

MOST_AT_ONCE = 16
"""Number of endpoints to read at the same time; a choice: 1,000 take seconds, and a workspace's rate limit is not
provoked.
"""

_ROOT = "/api/2.0/serving-endpoints"


def listed(client: WorkspaceClient) -> tuple[Listed, ...]:
    """List all endpoints of users that the token may see, in the order of the workspace. Errors: those of the client.

    The platform's own pay-per-token endpoints, dozens in every workspace, have no id and are omitted: nobody can
    deploy, change or adopt one (github.com/mondoohq/mql pull 9770, read 2026-11).
    """
    rows = client.get(_ROOT).get("endpoints")
    return tuple(
        Listed(str(row["name"]), str(row["id"]))
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, Mapping) and row.get("name") and row.get("id")
    )


def survey_endpoints(client: WorkspaceClient, names: Iterable[str]) -> dict[str, Surveyed]:
    """Read each endpoint by name: two requests each, at most MOST_AT_ONCE endpoints at a time.

    Errors: any WorkspaceError that concerns the workspace as a whole; a refusal of one endpoint is in its answer.
    """
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return {}
    with ThreadPoolExecutor(min(MOST_AT_ONCE, len(wanted)), thread_name_prefix="endpoints") as pool:
        pending = [pool.submit(_surveyed, client, name) for name in wanted]
        try:
            return {name: one.result() for name, one in zip(wanted, pending, strict=True)}
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _surveyed(client: WorkspaceClient, name: str) -> Surveyed:
    try:
        body = client.get(f"{_ROOT}/{quote(name, safe='')}")
    except NotFound:
        return Surveyed(name)
    except Refused as error:
        return Surveyed(name, refusal=error.reason or str(error))
    live = LiveEndpoint.from_response(body)
    return Surveyed(name, live, body, _grants(client, live.id) if live.id else None)


def _grants(client: WorkspaceClient, endpoint_id: str) -> tuple[Grant, ...] | None:
    try:
        body = client.get(f"/api/2.0/permissions/serving-endpoints/{quote(endpoint_id, safe='')}")
    except Refused:
        # Permissions are shown only to those who may manage the endpoint.
        return None
    return tuple(direct_grants(body))
