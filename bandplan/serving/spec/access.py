"""The principals that may use an endpoint."""

from typing import ClassVar, Literal

from pydantic import Field

from bandplan.serving.spec.shape import Email, IfGiven, Shape, Text, Uuid

ADMINS = "admins"
"""The workspace's group of administrators: it manages everything, and nobody can restrict it."""

PRINCIPAL_KEYS = ("user_name", "group_name", "service_principal_name")


def is_admins(group: str) -> bool:
    """Whether a group is the workspace's group of administrators."""
    return group.casefold() == ADMINS


def principal_key(kind: str, name: str) -> tuple[str, str]:
    """Return a principal's identity: email addresses and application ids ignore letter case, groups do not."""
    return kind, name if kind == "group_name" else name.lower()


class Permission(Shape):
    """A permission level for one principal."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("user_name", "group_name", "service_principal_name"),)

    user_name: IfGiven[Email] = Field(
        default=None, description="A user, by email address.", examples=["ana@example.com"]
    )
    group_name: IfGiven[Text] = Field(
        default=None, description="A group; not `admins`, which always has CAN_MANAGE.", examples=["analysts"]
    )
    service_principal_name: IfGiven[Uuid] = Field(
        default=None,
        description="A service principal's application id.",
        examples=["6f1b7c9e-0000-0000-0000-000000000000"],
    )
    permission_level: Literal["CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"] = Field(
        description="What the principal may do.", examples=["CAN_QUERY"]
    )
