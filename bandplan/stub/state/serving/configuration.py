"""The configuration of an endpoint: served entities and traffic routes."""

from dataclasses import dataclass, field
from typing import Any

from bandplan.stub.json_object import Json

THROUGHPUT_FIELDS = ("min_provisioned_throughput", "max_provisioned_throughput", "provisioned_model_units")
"""An entity without these fields runs on compute of a workload type, CPU by default (API reference of served entities).
"""


@dataclass(frozen=True, slots=True)
class ServedEntity:
    """One served model version; `settings` holds the compute fields that the caller sent, by their wire names."""

    name: str
    model: str
    version: str
    settings: Json = field(default_factory=dict)
    creator: str = ""
    created_ms: int = 0

    @property
    def external_model(self) -> Json | None:
        external = self.settings.get("external_model")
        return external if isinstance(external, dict) else None

    @property
    def is_provisioned(self) -> bool:
        """Whether the entity runs on provisioned throughput, in bands or in model units."""
        return any(key in self.settings for key in THROUGHPUT_FIELDS)

    def to_document(self) -> Json:
        return {
            "name": self.name,
            "model": self.model,
            "version": self.version,
            "settings": self.settings,
            "creator": self.creator,
            "created_ms": self.created_ms,
        }


@dataclass(frozen=True, slots=True)
class Route:
    """A share of the traffic; the two names are those that the caller sent, so that a read echoes them."""

    served_entity_name: str | None
    served_model_name: str | None
    traffic_percentage: int

    @property
    def target(self) -> str:
        return self.served_entity_name or self.served_model_name or ""

    def to_document(self) -> list[Any]:
        return [self.served_entity_name, self.served_model_name, self.traffic_percentage]


@dataclass(frozen=True, slots=True)
class Configuration:
    """Served entities and routes, both in the order sent; `version` counts from 1 within an endpoint."""

    version: int
    entities: tuple[ServedEntity, ...]
    routes: tuple[Route, ...]
    auto_capture: Json | None = None

    def entity(self, name: str) -> ServedEntity | None:
        return next((entity for entity in self.entities if entity.name == name), None)

    def to_document(self) -> Json:
        return {
            "version": self.version,
            "entities": [entity.to_document() for entity in self.entities],
            "routes": [route.to_document() for route in self.routes],
            "auto_capture": self.auto_capture,
        }


def from_document(document: Json) -> Configuration:
    """Read a configuration written by `to_document`."""
    return Configuration(
        version=document["version"],
        entities=tuple(ServedEntity(**entity) for entity in document["entities"]),
        routes=tuple(Route(*route) for route in document["routes"]),
        auto_capture=document["auto_capture"],
    )
