"""Who may use an endpoint."""

from typing import ClassVar, Literal

from pydantic import Field

from serving.spec.shape import IfGiven, Shape, Text


class Permission(Shape):
    """A permission level for one principal."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("user_name", "group_name", "service_principal_name"),)

    user_name: IfGiven[Text] = Field(default=None, description="A user.", examples=["ana@example.com"])
    group_name: IfGiven[Text] = Field(default=None, description="A group.", examples=["analysts"])
    service_principal_name: IfGiven[Text] = Field(
        default=None,
        description="A service principal's application id.",
        examples=["6f1b7c9e-0000-0000-0000-000000000000"],
    )
    permission_level: Literal["CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"] = Field(
        description="What the principal may do.", examples=["CAN_QUERY"]
    )
