"""What the engine knows about one resource, in the terms and the JSON layout of Pulumi's version-3 checkpoint.

Source: sdk/go/common/apitype/core.go, `ResourceV3`, in github.com/pulumi/pulumi (read 2026-11).
"""

from dataclasses import dataclass, field, replace
from typing import Any, Final

from bandplan.wire.types import PROVIDER_PREFIX, STACK
from bandplan.wire.urn import name_of


@dataclass(slots=True)
class CustomTimeouts:
    """How long an operation may take, in seconds; 0 leaves it to the provider."""

    create: float = 0
    update: float = 0
    delete: float = 0

    def to_json(self) -> dict[str, float]:
        """Return only the timeouts that are set, as in the checkpoint."""
        times = {"create": self.create, "update": self.update, "delete": self.delete}
        return {
            name: int(seconds) if float(seconds).is_integer() else seconds for name, seconds in times.items() if seconds
        }


@dataclass(slots=True)
class ResourceState:
    """One entry of a checkpoint. Treated as immutable once recorded; `changed` returns a new one."""

    urn: str
    type: str
    custom: bool
    id: str = ""
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    parent: str = ""
    protect: bool = False
    delete: bool = False
    external: bool = False
    dependencies: list[str] = field(default_factory=list)
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    provider: str = ""
    init_errors: list[str] = field(default_factory=list)
    pending_replacement: bool = False
    custom_timeouts: CustomTimeouts = field(default_factory=CustomTimeouts)
    import_id: str = ""
    retain_on_delete: bool = False
    deleted_with: str = ""
    created: str = ""
    modified: str = ""
    source_position: str = ""
    ignore_changes: list[str] = field(default_factory=list)
    replace_on_changes: list[str] = field(default_factory=list)
    other: dict[str, Any] = field(default_factory=dict)
    """Checkpoint keys that this engine does not use; kept so that nothing is lost on rewriting."""

    @property
    def is_provider(self) -> bool:
        """Whether this is a provider instance."""
        return self.type.startswith(PROVIDER_PREFIX)

    @property
    def is_stack(self) -> bool:
        """Whether this is the root stack resource."""
        return self.type == STACK

    @property
    def is_tainted(self) -> bool:
        """Whether `pulumi state taint` requested a replacement."""
        return bool(self.other.get("taint"))

    @property
    def name(self) -> str:
        """The logical name."""
        return name_of(self.urn)

    @property
    def provider_urn(self) -> str:
        """URN of the provider instance that manages this resource; empty for components and providers."""
        return self.provider.rsplit("::", 1)[0] if self.provider else ""

    def changed(self, **changes: Any) -> "ResourceState":
        """Return a copy with these fields changed."""
        return replace(self, **changes)

    def all_dependencies(self) -> set[str]:
        """Return the URNs that this resource needs: parent, provider, (property) dependencies, deleted-with."""
        needed = {self.parent, self.provider_urn, self.deleted_with, *self.dependencies}
        for urns in self.property_dependencies.values():
            needed.update(urns)
        needed.discard("")
        return needed

    def to_json(self) -> dict[str, Any]:
        """Return the entry as the CLI writes it, key by key in its order; empty fields are left out.

        The values stay plain, so an unknown value among them is `UNKNOWN`.
        """
        entry: dict[str, Any] = {"urn": self.urn, "custom": self.custom}
        optional: list[tuple[str, Any]] = [
            ("delete", self.delete),
            ("id", self.id),
            ("type", self.type),
            ("inputs", self.inputs),
            ("outputs", self.outputs),
            ("parent", self.parent),
            ("protect", self.protect),
            ("external", self.external),
            ("dependencies", self.dependencies),
            ("initErrors", self.init_errors),
            ("provider", self.provider),
            ("propertyDependencies", self.property_dependencies),
            ("pendingReplacement", self.pending_replacement),
            ("customTimeouts", self.custom_timeouts.to_json()),
            ("importID", self.import_id),
            ("retainOnDelete", self.retain_on_delete),
            ("deletedWith", self.deleted_with),
            ("created", self.created),
            ("modified", self.modified),
            ("sourcePosition", self.source_position),
            ("ignoreChanges", self.ignore_changes),
            ("replaceOnChanges", self.replace_on_changes),
        ]
        entry.update((key, value) for key, value in optional if value)
        entry.update(self.other)
        return entry

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> "ResourceState":
        """Read one checkpoint entry in which `form.resource_problems` finds nothing."""
        known = dict(entry)
        urn, type_, custom = known.pop("urn"), known.pop("type"), known.pop("custom")
        times = known.pop("customTimeouts", None) or {}
        taken = {name: known.pop(key) for key, name in _JSON_NAMES.items() if known.get(key) is not None}
        if "property_dependencies" in taken:
            taken["property_dependencies"] = {key: urns or [] for key, urns in taken["property_dependencies"].items()}
        return cls(
            urn=urn,
            type=type_,
            custom=custom,
            custom_timeouts=CustomTimeouts(**{name: times.get(name) or 0 for name in ("create", "update", "delete")}),
            **taken,
            other=known,
        )


_JSON_NAMES: Final = {
    "id": "id",
    "inputs": "inputs",
    "outputs": "outputs",
    "parent": "parent",
    "protect": "protect",
    "delete": "delete",
    "external": "external",
    "dependencies": "dependencies",
    "propertyDependencies": "property_dependencies",
    "provider": "provider",
    "initErrors": "init_errors",
    "pendingReplacement": "pending_replacement",
    "importID": "import_id",
    "retainOnDelete": "retain_on_delete",
    "deletedWith": "deleted_with",
    "created": "created",
    "modified": "modified",
    "sourcePosition": "source_position",
    "ignoreChanges": "ignore_changes",
    "replaceOnChanges": "replace_on_changes",
}
