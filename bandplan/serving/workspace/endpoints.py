"""Calls on serving endpoints: read one, change its parts, read the logs of what it serves.

Source of paths and bodies: docs.databricks.com REST reference, "Serving endpoints" (read 2025-11).
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from bandplan.serving.endpoint.declared import Api
from bandplan.serving.endpoint.live_endpoint import LiveEndpoint
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.errors import WorkspaceError

LOG_LINES = 20
"""Number of lines of a log to pass on; a failed build gives its reason at the end."""

_ROOT = "/api/2.0/serving-endpoints"


class Endpoints:
    """The serving endpoints of one workspace; names are quoted here. Errors: those of the client."""

    def __init__(self, client: WorkspaceClient) -> None:
        self._client = client

    @property
    def host(self) -> str:
        return self._client.host

    def get(self, name: str) -> LiveEndpoint:
        return LiveEndpoint.from_response(self._client.get(_path(name)))

    def update_config(self, name: str, api: Api, config: Mapping[str, Any]) -> None:
        """Replace the whole config: at the top level of the body in the classic family, wrapped in the other."""
        if api == "pt":
            self._client.put(f"{_ROOT}/pt/{_quoted(name)}/config", {"config": config})
        else:
            self._client.put(f"{_path(name)}/config", config)

    def patch_notifications(self, name: str, email_notifications: Mapping[str, Sequence[str]]) -> None:
        self._client.patch(f"{_path(name)}/notifications", {"email_notifications": email_notifications})

    def patch_tags(self, name: str, add: Sequence[Mapping[str, str]], delete: Sequence[str]) -> None:
        self._client.patch(f"{_path(name)}/tags", {"add_tags": add, "delete_tags": delete})

    def put_rate_limits(self, name: str, rate_limits: Sequence[Mapping[str, Any]]) -> None:
        """Replace the (deprecated) rate limits; an empty list removes them."""
        self._client.put(f"{_path(name)}/rate-limits", {"rate_limits": rate_limits})

    def put_ai_gateway(self, name: str, ai_gateway: Mapping[str, Any]) -> None:
        """Replace the whole AI gateway; an empty mapping removes it."""
        self._client.put(f"{_path(name)}/ai-gateway", ai_gateway)

    def log(self, name: str, served_name: str, kind: str) -> str:
        """Return the service log (`logs`) or the build log (`build-logs`) of a served model; empty if there is none."""
        answer = self._client.get(f"{_path(name)}/served-models/{_quoted(served_name)}/{kind}")
        return str(answer.get("logs") or "")

    def last_log_lines(self, name: str, served_name: str) -> tuple[str, ...]:
        """Return the end of the build log of a served model, or of its service log if there is no build log.

        At most LOG_LINES lines, each capped; none when the workspace gives no log.
        """
        for kind in ("build-logs", "logs"):
            try:
                text = self.log(name, served_name, kind)
            except WorkspaceError:
                # The log only illustrates a failure that is already being reported.
                continue
            lines = [self._client.presentable(line) for line in text.splitlines()]
            if any(lines):
                return tuple(line for line in lines if line)[-LOG_LINES:]
        return ()

    def metrics(self, name: str) -> str:
        """Read the health metrics of the endpoint, in the text form of Prometheus."""
        return self._client.text(f"{_path(name)}/metrics")

    def presentable(self, text: str) -> str:
        return self._client.presentable(text)


def _path(name: str) -> str:
    return f"{_ROOT}/{_quoted(name)}"


def _quoted(name: str) -> str:
    return quote(name, safe="")
