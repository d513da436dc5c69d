"""The endpoints of the workspace: create, read, change, delete."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from bandplan.stub.json_object import Json
from bandplan.stub.state.access import Access, Permission
from bandplan.stub.state.behaviour import Behaviour, Behaviours
from bandplan.stub.state.collection import Collection
from bandplan.stub.state.faults.deployment_faults import Faults
from bandplan.stub.state.limits import Quotas
from bandplan.stub.state.refusals import AlreadyExists, Conflict, Forbidden, Invalid, NotFound
from bandplan.stub.state.registry.catalogue import Facts
from bandplan.stub.state.registry.registered_models import RegisteredModels
from bandplan.stub.state.serving import telemetry
from bandplan.stub.state.serving.accelerators import Accelerators, shortage
from bandplan.stub.state.serving.configuration import Configuration, Route, ServedEntity
from bandplan.stub.state.serving.endpoint import Endpoint, Failure, begin_update, end_update, from_document, is_due
from bandplan.stub.state.serving.rules import (
    check_change,
    check_configuration,
    check_endpoint_name,
    check_gateway_change,
    repointed,
)
from bandplan.stub.state.serving.settle_rules import SettleRules
from bandplan.stub.state.stamp import Stamp
from bandplan.stub.state.store import Store

ENDPOINT_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class EndpointRequest:
    """The contents of a create request; `config` None creates an endpoint without a configuration."""

    name: str
    config: Configuration | None
    settings: Json = field(default_factory=dict)
    tags: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class EndpointConduct:
    """How endpoints behave: failures, durations, limits and remaining accelerator capacity."""

    faults: Faults
    settle_rules: SettleRules
    quotas: Quotas
    accelerators: Accelerators
    behaviours: Behaviours


class Endpoints:
    """Endpoints by name, and by id for permissions. Every change is committed before it returns."""

    def __init__(
        self,
        store: Store,
        models: RegisteredModels,
        access: Access,
        conduct: EndpointConduct,
        pay_per_token: Mapping[str, Endpoint],
        stamp: Stamp,
    ) -> None:
        self._models = models
        self._access = access
        self._faults = conduct.faults
        self._settle_rules = conduct.settle_rules
        self._quotas = conduct.quotas
        self._accelerators = conduct.accelerators
        self._behaviours = conduct.behaviours
        self._pay_per_token = pay_per_token
        self._creator = stamp.creator
        self._clock_ms = stamp.clock_ms
        self._new_id = stamp.new_id
        self._collection: Collection[Endpoint] = Collection(store, "endpoint", Endpoint.to_document, from_document)
        self._name_by_id = {endpoint.id: name for name, endpoint in self._collection}
        # Reads of running updates. Not stored: after a restart an update only takes a few more reads.
        self._reads: dict[str, int] = {}
        # The list while no update is running: valid until the next change, including one of behaviour.
        self._listed: tuple[int, Behaviour | None, tuple[Endpoint, ...]] = (-1, None, ())

    def create(self, request: EndpointRequest) -> Endpoint:
        check_endpoint_name(request.name)
        if self._collection.get(request.name) is not None:
            raise AlreadyExists(
                f"Endpoint with name '{request.name}' already exists.",
                is_conflict=self._behaviours.now.answers_409_to_used_names,
            )
        self._quotas.check_rate()
        self._quotas.check_room(len(self._collection))
        now = self._clock_ms()
        endpoint = Endpoint(
            name=request.name,
            id=self._new_id(),
            creator=self._creator,
            created_ms=now,
            updated_ms=now,
            settings=request.settings,
            tags=request.tags,
        )
        if request.config is not None:
            endpoint = self._begin(endpoint, request.config, "create", now)
        # A create ignores telemetry that a later request would be refused for.
        wanted = None if telemetry.unsupported(request.config) else request.settings.get("telemetry_config")
        endpoint = self._with_telemetry(endpoint, None, wanted)
        self._keep(endpoint)
        self._name_by_id[endpoint.id] = endpoint.name
        self._quotas.count_change()
        return endpoint

    def read(self, name: str) -> Endpoint:
        """Return the endpoint as a client's GET sees it; this counts as one read of a running update."""
        endpoint = self.get(name)
        if endpoint.is_updating:
            self._reads[name] = self._reads.get(name, 0) + 1
        return endpoint

    def get(self, name: str) -> Endpoint:
        """Return the endpoint, ending its update if due. Raises NotFound."""
        endpoint = self._collection.get(name) or self._platforms_own().get(name)
        if endpoint is None:
            raise NotFound(f"Endpoint with name '{name}' does not exist.")
        return self._settled(endpoint)

    def _own(self, name: str) -> Endpoint:
        """Return an endpoint that users may change. Raises NotFound and Forbidden."""
        endpoint = self.get(name)
        if endpoint.is_pay_per_token:
            raise Forbidden(f"Endpoint '{name}' is a pay-per-token endpoint of the platform and cannot be changed.")
        return endpoint

    def _platforms_own(self) -> Mapping[str, Endpoint]:
        return self._pay_per_token if self._behaviours.now.lists_pay_per_token else {}

    def permissions_path(self, endpoint_id: str) -> str:
        """Return where the permissions of an endpoint are kept, even a deleted one. Raises Invalid and NotFound."""
        if not ENDPOINT_ID.fullmatch(endpoint_id):
            raise Invalid(f"'{endpoint_id[:80]}' is not a valid Inference Endpoint ID.")
        path = permissions_path(endpoint_id)
        if endpoint_id not in self._name_by_id and not self._access.has_permissions(path):
            raise NotFound(f"Endpoint with id '{endpoint_id}' does not exist.")
        return path

    def all(self) -> tuple[Endpoint, ...]:
        """Return all endpoints, the platform's own first, then by age; the same object until something changes."""
        revision, behaviour, listed = self._listed
        if revision == self._collection.revision and behaviour is self._behaviours.now:
            return listed
        found = tuple(self._settled(endpoint) for _, endpoint in self._collection)
        found = (*self._platforms_own().values(), *found)
        if not any(endpoint.is_updating for endpoint in found):
            self._listed = (self._collection.revision, self._behaviours.now, found)
        return found

    def count(self) -> int:
        """Count the users' endpoints."""
        return len(self._collection)

    def update_config(self, name: str, config: Configuration) -> Endpoint:
        """Start an update to another configuration. Raises Conflict while an update is running."""
        endpoint = self._own(name)
        if endpoint.is_updating:
            raise Conflict(f"Endpoint '{name}' is currently being updated; wait until the update has ended.")
        self._quotas.check_rate()
        endpoint = self._keep(self._begin(endpoint, config, "update", self._clock_ms()))
        self._quotas.count_change()
        return endpoint

    def settle(self, name: str) -> Endpoint:
        """End a running update now, with the result it would have had; does nothing if none is running."""
        endpoint = self.get(name)
        return self._end(endpoint) if endpoint.is_updating else endpoint

    def update_tags(self, name: str, add: tuple[tuple[str, str | None], ...], delete: tuple[str, ...]) -> Endpoint:
        """Delete tags, then add tags; a tag that is set again keeps its place."""
        endpoint = self._own(name)
        tags = {key: value for key, value in endpoint.tags if key not in delete}
        tags.update(add)
        return self._keep(replace(endpoint, tags=tuple(tags.items()), updated_ms=self._clock_ms()))

    def update_setting(self, name: str, key: str, value: Any) -> Endpoint:
        """Replace a whole setting; None removes it."""
        endpoint = self._own(name)
        if key == "ai_gateway":
            check_gateway_change(endpoint.settings.get(key), value)
        settings = {k: v for k, v in endpoint.settings.items() if k != key}
        if value is not None:
            settings[key] = value
        return self._keep(replace(endpoint, settings=settings, updated_ms=self._clock_ms()))

    def update_telemetry(self, name: str, wanted: Json | None) -> Endpoint:
        """Replace the telemetry; None removes it. Raises Invalid, and Conflict while an update is running."""
        endpoint = self._own(name)
        if kind := telemetry.unsupported(endpoint.config or endpoint.pending):
            raise Invalid(
                f"Telemetry configuration is not supported for endpoint type '{kind}'. This API only supports "
                "endpoints with custom served models."
            )
        if endpoint.is_updating:
            raise Conflict(
                f"Endpoint {name} is currently updating. Wait for the update to complete before updating its "
                "telemetry configuration."
            )
        changed = self._with_telemetry(endpoint, endpoint.settings.get("telemetry_config"), wanted)
        return self._keep(replace(changed, updated_ms=self._clock_ms()))

    def delete(self, name: str) -> None:
        """Delete the endpoint; its name is free immediately, and the permissions of its id can still be read."""
        endpoint = self._own(name)
        self._access.leave_permissions(
            permissions_path(endpoint.id), (Permission("user_name", endpoint.creator, "CAN_MANAGE"),)
        )
        self._collection.remove(name)
        self._name_by_id.pop(endpoint.id, None)
        self._reads.pop(name, None)

    def facts(self, entity: ServedEntity) -> Facts | None:
        """Return what the platform knows about a served model, or None.

        None for an external model, and for one whose version was later deleted from the registry: its endpoint keeps
        serving.
        """
        try:
            return self._facts(entity) if entity.model else None
        except NotFound:
            return None

    def _facts(self, entity: ServedEntity) -> Facts | None:
        return None if entity.external_model is not None else self._models.facts(entity.model, entity.version)

    def _begin(self, endpoint: Endpoint, config: Configuration, operation: str, now_ms: int) -> Endpoint:
        if self._behaviours.now.repoints_stale_routes:
            config = repointed(config)
        check_configuration(config, self._known(config), self._quotas.served_entities)
        check_change(endpoint.config or endpoint.pending, config)
        pending = replace(
            config,
            version=endpoint.last_version + 1,
            entities=tuple(replace(entity, creator=self._creator, created_ms=now_ms) for entity in config.entities),
            # The platform fills in the only possible route, with both names.
            routes=config.routes or (Route(config.entities[0].name, config.entities[0].name, 100),),
        )
        self._reads.pop(endpoint.name, None)
        others = (other for name, other in self._collection if name != endpoint.name)
        failure = self._faults.take(endpoint.name, operation) or shortage(
            self._accelerators, pending, others, self.facts
        )
        begun = begin_update(endpoint, pending, self._task(pending), failure, now_ms)
        return self._ended(begun) if self._settle_rules.of(endpoint.name).is_at_once else begun

    def _known(self, config: Configuration) -> dict[str, Facts | None]:
        """Return the facts by entity name, without unknown models if such models are accepted.

        Raises NotFound for an unknown model, and Invalid for a version that is still being registered, or whose
        registration failed.
        """
        facts = {}
        for entity in config.entities:
            try:
                if entity.external_model is None:
                    self._models.check_ready(entity.model, entity.version)
                facts[entity.name] = self._facts(entity)
            except NotFound:
                if not self._behaviours.now.accepts_unknown_models:
                    raise
        return facts

    def _settled(self, endpoint: Endpoint) -> Endpoint:
        if not endpoint.is_updating:
            return endpoint
        settle = self._settle_rules.of(endpoint.name)
        due = is_due(endpoint, self._reads.get(endpoint.name, 0), settle, self._clock_ms())
        return self._end(endpoint) if due else endpoint

    def _end(self, endpoint: Endpoint) -> Endpoint:
        self._reads.pop(endpoint.name, None)
        return self._keep(self._ended(endpoint))

    def _ended(self, endpoint: Endpoint) -> Endpoint:
        if endpoint.failure is None and endpoint.pending is not None:
            endpoint = replace(endpoint, failure=self._missing(endpoint.pending))
        task = self._task(endpoint.pending) if endpoint.pending else endpoint.task
        ended = end_update(endpoint, task)
        is_kept = ended.failure is None or self._behaviours.now.keeps_failed_config
        return ended if is_kept else replace(ended, pending=None)

    def _missing(self, config: Configuration) -> Failure | None:
        """Return the failure of a configuration whose model does not exist when it is deployed."""
        for entity in config.entities:
            try:
                self._facts(entity)
            except NotFound as missing:
                return Failure(missing.message, entity.name)
        return None

    def _task(self, config: Configuration) -> str | None:
        entity = config.entities[0]
        if entity.external_model is not None:
            return str(entity.external_model.get("task"))
        facts = self.facts(entity)
        return facts.task if facts else None

    def _with_telemetry(self, endpoint: Endpoint, previous: Json | None, wanted: Json | None) -> Endpoint:
        applied = telemetry.applied(previous, wanted, str(UUID(self._new_id())))
        settings = {key: value for key, value in endpoint.settings.items() if key != "telemetry_config"}
        return replace(endpoint, settings=settings if applied is None else {**settings, "telemetry_config": applied})

    def _keep(self, endpoint: Endpoint) -> Endpoint:
        self._collection.put(endpoint.name, endpoint)
        return endpoint


def permissions_path(endpoint_id: str) -> str:
    """Return the object path of an endpoint's permissions, keyed by id, so that a new endpoint never inherits them."""
    return f"serving-endpoints/{endpoint_id}"
