"""The workspace of a configured provider: its client, and its identity and caller."""

import threading
from functools import cached_property
from typing import Any

from bandplan.stub.provider.client import Client
from bandplan.stub.provider.errors import NotFound
from bandplan.stub.provider.field import Field

SCIM_ME = "/api/2.0/preview/scim/v2/Me"


class Workspace:
    """A workspace. `workspace_id` and `me` are requested once and kept; the published provider requests Me before each
    use.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self._lock = threading.Lock()
        self._me: dict[str, Any] | None = None

    @cached_property
    def workspace_id(self) -> str:
        """The workspace id from discovery, else from the header of SCIM Me; also checks that a workspace answers."""
        try:
            found = self.client.get("/.well-known/databricks-config").get("workspace_id")
        except NotFound:
            found = None
        if found:
            return str(found)
        _, headers = self.client.exchange("GET", SCIM_ME)
        return headers.get("x-databricks-org-id", "")

    @property
    def me(self) -> str:
        """User name of the caller."""
        with self._lock:
            if self._me is None:
                self._me = self.client.get(SCIM_ME)
            return str(self._me.get("userName", ""))

    def located(self, state: dict[str, Any]) -> dict[str, Any]:
        """Return `state` with the workspace it is in, as the published provider stores it."""
        return {**state, "providerConfig": {"workspaceId": self.workspace_id}}


def sent(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """Return the properties that are part of a request body."""
    return tuple(field for field in fields if field.name != "providerConfig")
