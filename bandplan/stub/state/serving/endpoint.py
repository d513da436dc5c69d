"""A serving endpoint and its transitions; pure: time comes in as an argument.

The fields at each moment (API reference of serving endpoints, docs.databricks.com):

    moment                  ready      config_update  config   pending_config
    created with a config   NOT_READY  IN_PROGRESS    none     version 1
    settled                 READY      NOT_UPDATING   new      none
    update running          READY      IN_PROGRESS    old      version n+1
    failed                  as before  UPDATE_FAILED  old      kept
    created without config  NOT_READY  NOT_UPDATING   none     none
"""

from dataclasses import dataclass, field, replace
from typing import Any

from bandplan.stub.json_object import Json
from bandplan.stub.state.serving import configuration
from bandplan.stub.state.serving.configuration import Configuration
from bandplan.stub.state.serving.settle import Settle

NOT_UPDATING = "NOT_UPDATING"
IN_PROGRESS = "IN_PROGRESS"
UPDATE_FAILED = "UPDATE_FAILED"


@dataclass(frozen=True, slots=True)
class Failure:
    """The cause of a failed update: the reason, and the entity that fails (the first one if None)."""

    reason: str
    entity: str | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint; `settings` holds the fields other than config and tags that the caller sent, by wire name."""

    name: str
    id: str
    creator: str
    created_ms: int
    updated_ms: int
    settings: Json = field(default_factory=dict)
    tags: tuple[tuple[str, str | None], ...] = ()
    task: str | None = None
    config: Configuration | None = None
    pending: Configuration | None = None
    pending_started_ms: int = 0
    config_update: str = NOT_UPDATING
    failure: Failure | None = None

    @property
    def is_pay_per_token(self) -> bool:
        """Whether it is the platform's own endpoint: nobody created it."""
        return not self.creator

    @property
    def is_ready(self) -> bool:
        return self.config is not None

    @property
    def is_updating(self) -> bool:
        return self.config_update == IN_PROGRESS

    @property
    def last_version(self) -> int:
        return max((c.version for c in (self.config, self.pending) if c is not None), default=0)

    @property
    def culprit(self) -> str | None:
        """The entity of the pending configuration whose deployment failed: the first one if the failure names none."""
        if self.config_update != UPDATE_FAILED or self.failure is None or self.pending is None:
            return None
        return self.failure.entity or self.pending.entities[0].name

    def to_document(self) -> Json:
        return {
            "name": self.name,
            "id": self.id,
            "creator": self.creator,
            "created_ms": self.created_ms,
            "updated_ms": self.updated_ms,
            "settings": self.settings,
            "tags": self.tags,
            "task": self.task,
            "config": self.config.to_document() if self.config else None,
            "pending": self.pending.to_document() if self.pending else None,
            "pending_started_ms": self.pending_started_ms,
            "config_update": self.config_update,
            "failure": [self.failure.reason, self.failure.entity] if self.failure else None,
        }


def begin_update(
    endpoint: Endpoint, wanted: Configuration, task: str | None, failure: Failure | None, now_ms: int
) -> Endpoint:
    """Return the endpoint with `wanted` pending; the current configuration keeps serving."""
    return replace(
        endpoint,
        pending=wanted,
        pending_started_ms=now_ms,
        config_update=IN_PROGRESS,
        failure=failure,
        task=task if endpoint.config is None else endpoint.task,
        updated_ms=now_ms,
    )


def is_due(endpoint: Endpoint, reads: int, settle: Settle, now_ms: int) -> bool:
    """Whether a running update has been read often enough, and has run long enough, to end."""
    if settle.is_manual or not endpoint.is_updating:
        return False
    return reads >= settle.reads and now_ms - endpoint.pending_started_ms >= settle.milliseconds


def end_update(endpoint: Endpoint, task: str | None) -> Endpoint:
    """Return the endpoint after its update: it serves the new configuration, or shows the failure and serves the old
    one.
    """
    if endpoint.failure is not None:
        return replace(endpoint, config_update=UPDATE_FAILED)
    return replace(endpoint, config=endpoint.pending, pending=None, config_update=NOT_UPDATING, task=task)


def from_document(document: Json) -> Endpoint:
    """Read an endpoint written by `to_document`."""
    fields: dict[str, Any] = dict(document)
    fields["tags"] = tuple((key, value) for key, value in document["tags"])
    for key in ("config", "pending"):
        fields[key] = configuration.from_document(document[key]) if document[key] else None
    fields["failure"] = Failure(*document["failure"]) if document["failure"] else None
    return Endpoint(**fields)
