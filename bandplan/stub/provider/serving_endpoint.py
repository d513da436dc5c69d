"""Serving endpoints of both families over the REST API."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bandplan.plugin.errors import ProviderError
from bandplan.stub.provider.client import segment
from bandplan.stub.provider.diffing import differences
from bandplan.stub.provider.errors import AnswerLost, Cancelled, NotFound, NotSettled, Refused
from bandplan.stub.provider.field import ResourceFields
from bandplan.stub.provider.ignoring import top_level
from bandplan.stub.provider.settling import (
    PATH,
    TimedOut,
    delay_reasons,
    failure_reasons,
    has_failed,
    is_updating,
    settled,
)
from bandplan.stub.provider.state import carried, observed
from bandplan.stub.provider.translation import from_response, to_request, value_to_request
from bandplan.stub.provider.workspace import Workspace, sent

CREATE_ATTEMPTS = 5
"""Maximum number of times to send a create whose answer was lost and that created nothing."""


@dataclass(frozen=True)
class ServingEndpoint:
    """The `ModelServing` resource, or with `family` "pt" `ModelServingProvisionedThroughput`.

    States and inputs are plain dicts by Pulumi name. A write raises NotSettled if the endpoint exists but is not ready,
    so that it is never forgotten, nor deleted as the published provider would.
    """

    resource: ResourceFields
    family: str
    default_timeout_seconds: float

    def create(
        self, workspace: Workspace, inputs: dict[str, Any], timeout_seconds: float
    ) -> tuple[str, dict[str, Any]]:
        name = str(inputs["name"])
        body = to_request(sent(self.resource.fields), inputs)
        try:
            created = self._post(workspace, name, inputs, body)
        except Refused as error:
            if error.error_code == "RESOURCE_ALREADY_EXISTS":
                raise ProviderError(
                    f"serving endpoint {name}: the workspace already has an endpoint of this name that is not this "
                    "resource of the stack; if the stack holds it in another form (bands, model units, or model units "
                    "with a field that only the classic API has), rename this one; if somebody else created it, take "
                    f"it over with `bandplan adopt {name} --write`, or delete it"
                ) from error
            raise
        try:
            self._settle(workspace, name, inputs, timeout_seconds)
            return name, self._finish(workspace, name, {}, inputs, timeout_seconds)
        except ProviderError as error:
            # The endpoint exists, whatever went wrong since: the state must contain it.
            raise NotSettled(
                name, self._state(workspace, inputs, created, prefers_pending=True), [str(error)]
            ) from error

    def read(self, workspace: Workspace, name: str, known: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
        try:
            live = workspace.client.get(f"{PATH}/{segment(name)}")
        except NotFound:
            return None
        return name, self._state(workspace, known, live)

    def update(
        self, workspace: Workspace, name: str, olds: dict[str, Any], news: dict[str, Any], timeout_seconds: float
    ) -> dict[str, Any]:
        """Send the parts that differ: config and wait, tags, gateway; then wait for any update still in progress."""
        wanted = carried(self.resource.fields, olds, news)
        path = f"{PATH}/{segment(name)}"
        changed = {top_level(difference.path) for difference in differences(self.resource.fields, olds, news)}
        if "config" in changed and "config" in wanted:
            self._put_config(workspace, name, wanted)
            self._settle(workspace, name, wanted, timeout_seconds)
            self._refuse_failed(workspace, olds, wanted, workspace.client.get(path))
        if "tags" in changed:
            workspace.client.patch(f"{path}/tags", tag_changes(olds.get("tags") or [], wanted.get("tags") or []))
        if "aiGateway" in changed:
            gateway = wanted.get("aiGateway") or {}
            workspace.client.put(f"{path}/ai-gateway", value_to_request(self.resource.by_name["aiGateway"], gateway))
        return self._finish(workspace, name, olds, wanted, timeout_seconds)

    def delete(self, workspace: Workspace, name: str, state: dict[str, Any]) -> None:
        with suppress(NotFound):
            workspace.client.delete(f"{PATH}/{segment(name)}")

    def _post(
        self,
        workspace: Workspace,
        name: str,
        inputs: dict[str, Any],
        body: dict[str, Any],
        attempts: int = CREATE_ATTEMPTS,
    ) -> dict[str, Any]:
        try:
            created: dict[str, Any] = workspace.client.post(f"{PATH}/{self.family}" if self.family else PATH, body)
            return created
        except AnswerLost:
            found = self._as_created(workspace, name, inputs)
            if found is None and attempts == 1:
                raise
        except Refused as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS" or not error.is_repeat:
                raise
            found = self._as_created(workspace, name, inputs)
        return found or self._post(workspace, name, inputs, body, attempts - 1)

    def _as_created(self, workspace: Workspace, name: str, inputs: dict[str, Any]) -> dict[str, Any] | None:
        """Return the endpoint made by an unanswered create, or None. Raises ProviderError if it is a different one."""
        try:
            live: dict[str, Any] = workspace.client.get(f"{PATH}/{segment(name)}")
        except NotFound:
            return None
        if differences(self.resource.fields, self._state(workspace, inputs, live, prefers_pending=True), inputs):
            raise ProviderError(
                f"serving endpoint {name}: the answer to the create request was lost, and the endpoint of that name "
                "differs from the one requested; delete or rename it, then run `up` again"
            )
        return live

    def _put_config(self, workspace: Workspace, name: str, wanted: dict[str, Any]) -> None:
        config = self.resource.by_name["config"]
        body = value_to_request(config, wanted["config"])
        path, body = (f"{PATH}/{self.family}", {"config": body}) if self.family else (PATH, body)
        try:
            workspace.client.put(f"{path}/{segment(name)}/config", body)
        except Refused as error:
            if error.error_code != "RESOURCE_CONFLICT" or not error.is_repeat:
                raise
            # The running update may be the one that this request started when it was sent before.
            live = workspace.client.get(f"{PATH}/{segment(name)}")
            if differences((config,), self._state(workspace, wanted, live, prefers_pending=True), wanted):
                raise

    def _settle(
        self, workspace: Workspace, name: str, wanted: dict[str, Any], timeout_seconds: float
    ) -> dict[str, Any]:
        try:
            return settled(workspace.client, name, timeout_seconds)
        except TimedOut as late:
            # The state has what was requested, so that the next `up` keeps waiting and sends nothing again.
            state = self._state(workspace, wanted, late.live, prefers_pending=True)
            raise NotSettled(name, state, delay_reasons(workspace.client, late.live, timeout_seconds)) from late
        except Cancelled as interrupted:
            live = workspace.client.get(f"{PATH}/{segment(name)}")
            raise NotSettled(
                name, self._state(workspace, wanted, live, prefers_pending=True), [str(interrupted)]
            ) from interrupted

    def _finish(
        self, workspace: Workspace, name: str, olds: dict[str, Any], wanted: dict[str, Any], timeout_seconds: float
    ) -> dict[str, Any]:
        """Read the final state. Raises NotSettled if the endpoint does not run the wanted config."""
        live = self._settle(workspace, name, wanted, timeout_seconds)
        self._refuse_failed(workspace, olds, wanted, live)
        return self._state(workspace, wanted, live)

    def _refuse_failed(
        self, workspace: Workspace, olds: dict[str, Any], wanted: dict[str, Any], live: dict[str, Any]
    ) -> None:
        config = self.resource.by_name["config"]
        if not has_failed(live) or (olds and not differences((config,), olds, wanted)):
            # A different update of the config failed: its sender has reported why.
            return
        state = self._state(workspace, olds or wanted, live)
        if differences((config,), state, wanted):
            raise NotSettled(str(live["name"]), state, failure_reasons(workspace.client, live))

    def _state(
        self, workspace: Workspace, known: Mapping[str, Any], live: dict[str, Any], prefers_pending: bool = False
    ) -> dict[str, Any]:
        """Return the properties of `live`; with `prefers_pending`, the pending config counts as the config."""
        current, pending = live.get("config"), live.get("pending_config")
        config = (pending or current) if prefers_pending or (is_updating(live) and not current) else current
        found = from_response(self.resource.fields, {**live, "config": config})
        if "config" in found:
            found["config"] = as_written(known.get("config") or {}, found["config"])
        return workspace.located(observed(self.resource.fields, known, found))


def tag_changes(olds: list[dict[str, Any]], news: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the body of the tags request: only what differs."""
    before = {tag["key"]: tag.get("value") or "" for tag in olds}
    after = {tag["key"]: tag.get("value") or "" for tag in news}
    added = [
        {"key": key, "value": value} if value else {"key": key}
        for key, value in after.items()
        if before.get(key) != value
    ]
    removed = [key for key in before if key not in after]
    return {name: tags for name, tags in (("add_tags", added), ("delete_tags", removed)) if tags}


def as_written(known: Mapping[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """Return `config` in the program's view: the API returns entities and models, and both names in a route."""
    other = "servedEntities" if known.get("servedModels") else "servedModels"
    out = {name: value for name, value in config.items() if name != other}
    written = (known.get("trafficConfig") or {}).get("routes") or []
    routes = (config.get("trafficConfig") or {}).get("routes") or []
    if len(written) == len(routes) and written:
        out["trafficConfig"] = {"routes": [_route_as_written(*pair) for pair in zip(written, routes, strict=True)]}
    return out


def _route_as_written(written: Mapping[str, Any], route: dict[str, Any]) -> dict[str, Any]:
    names = ("servedEntityName", "servedModelName")
    stated = [name for name in names if written.get(name)]
    extra = [name for name in names if name not in stated] if len(stated) == 1 and stated[0] in route else []
    return {name: value for name, value in route.items() if name not in extra}
