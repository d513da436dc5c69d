"""The whole of models.yaml."""

from typing import Annotated, Any

from pydantic import Field

from bandplan.serving.spec.access import Permission
from bandplan.serving.spec.entry import Entry, HeadroomPercent
from bandplan.serving.spec.gateway import AiGateway
from bandplan.serving.spec.settings import Notifications, RateLimit, Timeouts, Waiver
from bandplan.serving.spec.shape import EndpointName, Flag, IfGiven, Shape, TagText, Text, Uuid, Whole
from bandplan.serving.spec.tasks import CHAT

Overrides = dict[Text, dict[EndpointName, dict[str, Any]]]


class Defaults(Shape):
    """Settings that every entry inherits unless it overrides them. Mappings are merged, lists and values replaced."""

    tags: IfGiven[dict[Text, TagText]] = Field(
        default=None, description="Tags of every endpoint.", examples=[{"team": "ml-platform"}]
    )
    headroom_percent: IfGiven[HeadroomPercent] = Field(
        default=None, description="Headroom above the demand, in percent.", examples=[20]
    )
    ai_gateway: IfGiven[AiGateway] = Field(
        default=None,
        description="AI gateway of every endpoint.",
        examples=[{"usage_tracking_config": {"enabled": True}}],
    )
    rate_limits: IfGiven[tuple[RateLimit, ...]] = Field(
        default=None, description="Rate limits of every endpoint.", examples=[[{"calls": 100}]]
    )
    permissions: IfGiven[tuple[Permission, ...]] = Field(
        default=None,
        description="Who may use every endpoint.",
        examples=[[{"group_name": "ml-platform", "permission_level": "CAN_MANAGE"}]],
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
    timeouts: IfGiven[Timeouts] = Field(
        default=None, description="How long to wait for the platform.", examples=[{"create": "2h"}]
    )


class Fleet(Shape):
    """The endpoints that a team declares. After loading, `models` has defaults and the stack's overrides merged in."""

    version: Annotated[Whole, Field(ge=1, le=1)] = Field(description="Version of this format: 1.", examples=[1])
    region: IfGiven[Text] = Field(
        default=None, description="Cloud region of the workspace, for the availability check.", examples=["us-east-1"]
    )
    allow_legacy: Flag = Field(default=False, description="Whether entries may use legacy `workload` capacity.")
    defaults: Defaults = Field(
        default_factory=Defaults, description="Defaults for every entry.", examples=[{"tags": {"team": "ml-platform"}}]
    )
    waivers: tuple[Waiver, ...] = Field(
        default=(),
        description="Waivers of policies about the whole stack.",
        examples=[
            [{"policy": "stack-budget", "reason": "a trade fair", "owner": "ana@example.com", "expires": "2027-01-31"}]
        ],
    )
    models: tuple[Entry, ...] = Field(
        description="The endpoints.",
        examples=[
            [
                {
                    "name": "support-chat",
                    "task": CHAT,
                    "model": "system.ai.llama_v3_3_70b_instruct",
                    "version": "1",
                    "throughput": {"bands": {"min": 1, "max": 2}},
                }
            ]
        ],
    )
    overrides: Overrides = Field(
        default_factory=dict,
        description="Settings that differ, by stack and endpoint name; null removes a key.",
        examples=[{"dev": {"support-chat": {"throughput": {"bands": {"min": 0, "max": 1}}}}}],
    )
