"""Registered models and their versions, as Unity Catalog holds them."""

from dataclasses import asdict, dataclass, field
from typing import Any

from bandplan.stub.json_object import Json
from bandplan.stub.state.registry.eligibility import Assessment

READY = "READY"
PENDING_REGISTRATION = "PENDING_REGISTRATION"
FAILED_REGISTRATION = "FAILED_REGISTRATION"

Tags = tuple[tuple[str, str], ...]
"""Pairs of key and value, in the order they were set, with unique keys."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a registration: READY, or FAILED_REGISTRATION with a message."""

    status: str
    message: str | None = None


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version; `settings` holds what the caller sent with it (source, run_id, comment), by wire name.

    `outcome` is set once the version is finalized; it is hidden for `held_reads` more reads (None: until settled by
    request).
    """

    version: int
    status: str
    id: str
    created_ms: int
    updated_ms: int
    created_by: str
    settings: Json = field(default_factory=dict)
    tags: Tags = ()
    status_message: str | None = None
    outcome: Outcome | None = None
    held_reads: int | None = None
    assessment: Assessment | None = None

    @property
    def takes_files(self) -> bool:
        return self.status == PENDING_REGISTRATION and self.outcome is None

    @property
    def is_held(self) -> bool:
        return self.status == PENDING_REGISTRATION and self.outcome is not None


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """One model: versions by ascending number, aliases by name; `next_version` never decreases after a delete."""

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
    tags: Tags = ()
    deployment_job_id: str | None = None

    def version(self, number: int) -> ModelVersion | None:
        return next((version for version in self.versions if version.version == number), None)

    def aliases_of(self, number: int) -> list[str]:
        return [alias for alias, n in self.aliases if n == number]


def with_tags(tags: Tags, add: Tags, remove: tuple[str, ...] = ()) -> Tags:
    """Return the tags after removals, then additions; a tag that is set again keeps its place."""
    kept = {key: value for key, value in tags if key not in remove}
    kept.update(add)
    return tuple(kept.items())


def holder(version: ModelVersion) -> str:
    """Return the directory for the files of a version, which does not depend on its model's name."""
    return f"models/{version.id}"


def to_document(model: RegisteredModel) -> Json:
    return asdict(model)


def from_document(document: Json) -> RegisteredModel:
    fields: dict[str, Any] = dict(document)
    fields["versions"] = tuple(_version(version) for version in document["versions"])
    fields["aliases"] = tuple((alias, number) for alias, number in document["aliases"])
    fields["tags"] = _tags(document.get("tags"))
    return RegisteredModel(**fields)


def _version(document: Json) -> ModelVersion:
    fields: dict[str, Any] = dict(document)
    fields["tags"] = _tags(document.get("tags"))
    if outcome := document.get("outcome"):
        fields["outcome"] = Outcome(**outcome)
    if assessment := document.get("assessment"):
        fields["assessment"] = Assessment(**{**assessment, "reasons": tuple(assessment["reasons"])})
    return ModelVersion(**fields)


def _tags(pairs: Any) -> Tags:
    return tuple((key, value) for key, value in pairs or ())
