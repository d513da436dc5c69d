"""A model version behind an endpoint."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from bandplan.serving.spec.registration import ModelVersionReference, Registration
from bandplan.serving.spec.shape import EndpointName, IfGiven, ModelName, Shape, Whole
from bandplan.serving.spec.throughput import (
    AutoThroughput,
    StatedThroughput,
    Throughput,
)
from bandplan.serving.spec.workload import Workload

EntityThroughput = StatedThroughput | AutoThroughput | Workload


# The model and capacity of an entity: written in an entity, or in an entry that has only one.
ModelField = Annotated[
    IfGiven[ModelName],
    Field(description="Three-level Unity Catalog name.", examples=["system.ai.llama_v3_3_70b_instruct"]),
]
VersionField = Annotated[
    IfGiven[ModelVersionReference],
    Field(description="Version of the model, in quotes, or the alias that identifies it.", examples=["1"]),
]
RegistrationField = Annotated[
    IfGiven[Registration],
    Field(
        alias="register",
        description="A version that this deployment registers, instead of model and version.",
        examples=[{"name": "ml.search.gte_finetuned", "source": "runs:/0123/model"}],
    ),
]
ThroughputField = Annotated[
    IfGiven[Throughput], Field(description="Provisioned throughput.", examples=[{"bands": {"min": 1, "max": 2}}])
]
WorkloadField = Annotated[
    IfGiven[Workload],
    Field(
        description="Legacy compute, deprecated; needs allow_legacy.",
        examples=[{"size": "Small", "parameters_billion": 7}],
    ),
]


class EntityDeclaration(Shape):
    """A served entity as written in an entry's `entities`."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("model", "register"), ("throughput", "workload"))
    together: ClassVar[tuple[tuple[str, str], ...]] = (("model", "version"), ("version", "model"))

    name: IfGiven[EndpointName] = Field(
        default=None,
        description="Served name; by default the last part of the model's name and the version.",
        examples=["champion"],
    )
    model: ModelField = None
    version: VersionField = None
    registration: RegistrationField = None
    throughput: ThroughputField = None
    workload: WorkloadField = None
    traffic_percent: IfGiven[Annotated[Whole, Field(ge=0, le=100)]] = Field(
        default=None, description="Percentage of the requests; the shares of an endpoint add up to 100.", examples=[90]
    )


@dataclass(frozen=True, slots=True)
class Entity:
    """A served entity, in whichever way it was written.

    `model` is the name to register if `register` is given; then `version` is None. `alias` is the one that the entity
    follows: `version` is then what it points to, None until that is resolved, and `register` is the registration of
    this fleet that sets it, if any. `path` is where the entity is within its entry: empty, or `entities/0/`.
    """

    name: str | None
    model: str
    version: str | None
    register: Registration | None
    throughput: EntityThroughput
    traffic_percent: int
    path: str = ""
    alias: str | None = None

    @property
    def served_name(self) -> str:
        """The given name, otherwise the model's last part and the version (`llama_v3_3_70b_instruct-1`).

        A version that changes without an edit is not in the name, so that the entity keeps it: the last part and the
        alias for one that is followed (`gte_finetuned-champion`), the last part alone for one that is registered.
        """
        if self.name is not None:
            return self.name
        last = self.model.rsplit(".", 1)[-1]
        label = self.alias or self.version
        return last if label is None else f"{last}-{label}"

    @property
    def keys(self) -> tuple[str | int, ...]:
        """The keys and indexes from the entry to the entity: none, or `("entities", 0)`."""
        return tuple(int(part) if part.isdigit() else part for part in self.path.split("/") if part)

    @property
    def model_path(self) -> str:
        """The path of the model within the entry."""
        return f"{self.path}register/name" if self.register is not None and self.alias is None else f"{self.path}model"
