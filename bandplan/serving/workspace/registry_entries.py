"""A registered model and one of its versions, as the workspace reports them, as typed values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

READY = "READY"
PENDING = "PENDING_REGISTRATION"
FAILED = "FAILED_REGISTRATION"

SOURCE_DIGEST = "bandplan.source_digest"
"""The version tag that records the source of a version: `sha256:<hex>`."""


@dataclass(frozen=True)
class RegisteredModel:
    """A model of Unity Catalog. `name` is its three-level name as the platform spells it; "" stands for absent text."""

    name: str
    owner: str = ""
    comment: str = ""

    @classmethod
    def from_response(cls, body: Mapping[str, Any]) -> "RegisteredModel":
        return cls(str(body.get("full_name") or ""), str(body.get("owner") or ""), str(body.get("comment") or ""))


@dataclass(frozen=True)
class RegisteredVersion:
    """One version of a model. `status` is one of the words above, or another; `run_id` is "" without a run.

    `message` is the platform's explanation of the status; times are milliseconds since 1970, 0 if not reported.
    """

    model: str
    version: str
    status: str
    message: str = ""
    description: str = ""
    source: str = ""
    run_id: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    created_ms: int = 0
    updated_ms: int = 0

    @property
    def is_ready(self) -> bool:
        return self.status == READY

    @classmethod
    def from_response(cls, model: str, body: Mapping[str, Any]) -> "RegisteredVersion":
        """Parse the `model_version` of an answer of MLflow's surface; absent parts become empty ones."""
        return cls(
            model=model,
            version=str(body.get("version") or ""),
            status=str(body.get("status") or ""),
            message=str(body.get("status_message") or ""),
            description=str(body.get("description") or ""),
            source=str(body.get("source") or ""),
            run_id=str(body.get("run_id") or ""),
            tags={str(tag["key"]): str(tag.get("value") or "") for tag in body.get("tags") or () if "key" in tag},
            aliases=tuple(_alias(item) for item in body.get("aliases") or ()),
            created_ms=int(body.get("creation_timestamp") or 0),
            updated_ms=int(body.get("last_updated_timestamp") or 0),
        )


def _alias(item: Any) -> str:
    """Return an alias, which comes as an object or as its bare name."""
    return str(item.get("alias") or item.get("alias_name") or "") if isinstance(item, Mapping) else str(item)
