"""One serving endpoint of the fleet."""

from typing import Annotated, ClassVar

from pydantic import Field

from bandplan.serving.spec.access import Permission
from bandplan.serving.spec.demand import Demand
from bandplan.serving.spec.entity import (
    Entity,
    EntityDeclaration,
    ModelField,
    RegistrationField,
    ThroughputField,
    VersionField,
    WorkloadField,
)
from bandplan.serving.spec.gateway import AiGateway
from bandplan.serving.spec.never_below import NeverBelow
from bandplan.serving.spec.registration import FollowedAlias, PinnedAlias, Registration
from bandplan.serving.spec.rollout import Rollout
from bandplan.serving.spec.settings import Notifications, RateLimit, Timeouts, Waiver
from bandplan.serving.spec.shape import EndpointName, Flag, IfGiven, Prose, Shape, TagText, Text, Uuid, Whole
from bandplan.serving.spec.tasks import CHAT, Task
from bandplan.serving.spec.throughput import Throughput
from bandplan.serving.spec.workload import Workload

MOST_ENTITIES = 15
"""Maximum number of an endpoint's entities in production (github.com/databricks/databricks-sdk-py, issue 1496); the API
reference says 10.
"""

HeadroomPercent = Annotated[Whole, Field(ge=0, le=1000)]


class Entry(Shape):
    """An endpoint: its models with their capacity, and its settings.

    One model is written in the entry itself, several in `entities`.
    """

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("model", "register", "entities"),
        ("throughput", "workload", "entities"),
    )
    together: ClassVar[tuple[tuple[str, str], ...]] = (("model", "version"), ("version", "model"))

    name: EndpointName = Field(description="Endpoint name: letters, digits, - and _.", examples=["support-chat"])
    task: Task = Field(description="Task that the endpoint serves.", examples=[CHAT])
    model: ModelField = None
    version: VersionField = None
    registration: RegistrationField = None
    throughput: ThroughputField = None
    workload: WorkloadField = None
    declarations: IfGiven[Annotated[tuple[EntityDeclaration, ...], Field(min_length=1, max_length=MOST_ENTITIES)]] = (
        Field(
            default=None,
            alias="entities",
            description="Several served entities, instead of one model in the entry itself.",
            examples=[
                [
                    {
                        "model": "system.ai.llama_v3_3_70b_instruct",
                        "version": "1",
                        "throughput": {"bands": {"min": 1, "max": 2}},
                    }
                ]
            ],
        )
    )
    demand: IfGiven[Demand] = Field(
        default=None,
        description="The expected load.",
        examples=[{"requests_per_second": 2, "input_tokens": 2048, "output_tokens": 256}],
    )
    headroom_percent: IfGiven[HeadroomPercent] = Field(
        default=None, description="Headroom above the demand, in percent; 20 if omitted.", examples=[20]
    )
    never_below: IfGiven[NeverBelow] = Field(
        default=None,
        description="Least ceiling that `bandplan rightsize` may suggest, in the unit of the throughput.",
        examples=[{"bands": 3}],
    )
    description: IfGiven[Prose] = Field(
        default=None, description="What the endpoint is for.", examples=["Answers support tickets"]
    )
    tags: dict[Text, TagText] = Field(
        default_factory=dict, description="Tags of the endpoint.", examples=[{"team": "search"}]
    )
    ai_gateway: IfGiven[AiGateway] = Field(
        default=None, description="AI gateway.", examples=[{"usage_tracking_config": {"enabled": True}}]
    )
    rate_limits: tuple[RateLimit, ...] = Field(
        default=(), description="Rate limits in the API's older form.", examples=[[{"calls": 100}]]
    )
    permissions: tuple[Permission, ...] = Field(
        default=(),
        description="Who may use the endpoint.",
        examples=[[{"group_name": "analysts", "permission_level": "CAN_QUERY"}]],
    )
    notifications: IfGiven[Notifications] = Field(
        default=None,
        description="Email notifications about updates.",
        examples=[{"on_update_failure": ["team@example.com"]}],
    )
    budget_policy_id: IfGiven[Uuid] = Field(
        default=None,
        description="Budget policy that the usage is charged to.",
        examples=["b1f0c2d4-0000-0000-0000-000000000000"],
    )
    route_optimized: Flag = Field(default=False, description="Whether the endpoint is route-optimized.")
    timeouts: IfGiven[Timeouts] = Field(
        default=None, description="How long to wait for the platform; hours if omitted.", examples=[{"create": "2h"}]
    )
    allow_legacy: Flag = Field(default=False, description="Whether this entry may use legacy `workload` capacity.")
    rollout: IfGiven[Rollout] = Field(
        default=None,
        description="Move the traffic to a new version in steps.",
        examples=[{"steps": [10, 50, 100], "hold_minutes": 30}],
    )
    waivers: tuple[Waiver, ...] = Field(
        default=(),
        description="Warnings and policies waived for this entry.",
        examples=[[{"policy": "floor-zero", "reason": "a demo", "owner": "ana@example.com", "expires": "2027-01-31"}]],
    )

    @property
    def entities(self) -> tuple[Entity, ...]:
        """The served entities in the order written. A single entity gets all the traffic."""
        if self.declarations is None:
            capacity = self.throughput if self.throughput is not None else self.workload
            return (_entity(None, self.model, self.version, self.registration, capacity, 100, ""),)
        alone = len(self.declarations) == 1
        return tuple(
            _entity(
                one.name,
                one.model,
                one.version,
                one.registration,
                one.throughput if one.throughput is not None else one.workload,
                one.traffic_percent if one.traffic_percent is not None else 100 if alone else 0,
                f"entities/{index}/",
            )
            for index, one in enumerate(self.declarations)
        )

    @property
    def is_pinned(self) -> bool:
        """Whether every version is written as a number: none is registered, and no alias is followed."""
        if self.declarations is None:  # read several times for each entry of a fleet of thousands
            return isinstance(self.version, str)
        return all(isinstance(one.version, str) for one in self.declarations)


def _entity(
    name: str | None,
    model: str | None,
    version: str | FollowedAlias | None,
    registration: Registration | None,
    capacity: Throughput | Workload | None,
    traffic_percent: int,
    path: str,
) -> Entity:
    """Build the entity. Loading has checked that it has a model and a capacity; a missing one is a caller's mistake."""
    known = registration.name if registration is not None else model
    if known is None or capacity is None:
        raise ValueError("an entity has a model or a registration, and a throughput or a workload")
    alias = version.alias if registration is None and isinstance(version, FollowedAlias) else None
    number = version if registration is None and isinstance(version, str) else None
    if isinstance(version, PinnedAlias) and registration is None:
        number, registration = version.number, version.registration
    return Entity(name, known, number, registration, capacity, traffic_percent, path, alias)
