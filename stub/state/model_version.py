"""Registered models and their versions, as Unity Catalog holds them."""

from dataclasses import asdict, dataclass, field
from typing import Any

from stub.state.configuration import Json

READY = "READY"
PENDING_REGISTRATION = "PENDING_REGISTRATION"


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version; `settings` holds what the caller sent with it (source, run_id, comment, tags), by wire name."""

    version: int
    status: str
    id: str
    created_ms: int
    updated_ms: int
    created_by: str
    settings: Json = field(default_factory=dict)

    @property
    def model_type(self) -> str | None:
        for tag in self.settings.get("tags") or ():
            if isinstance(tag, dict) and tag.get("key") == "model_type":
                return str(tag.get("value"))
        return None


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """One model: versions by rising number, aliases by name; `next_version` never goes back after a delete."""

    full_name: str
    id: str
    created_ms: int
    updated_ms: int
    created_by: str
    owner: str
    comment: str | None = None
    storage_location: str | None = None
    versions: tuple[ModelVersion, ...] = ()
    aliases: tuple[tuple[str, int], ...] = ()
    next_version: int = 1

    def version(self, number: int) -> ModelVersion | None:
        return next((version for version in self.versions if version.version == number), None)


def to_document(model: RegisteredModel) -> Json:
    return asdict(model)


def from_document(document: Json) -> RegisteredModel:
    fields: dict[str, Any] = dict(document)
    fields["versions"] = tuple(ModelVersion(**version) for version in document["versions"])
    fields["aliases"] = tuple((alias, number) for alias, number in document["aliases"])
    return RegisteredModel(**fields)
