"""Who may use an endpoint."""

from typing import ClassVar, Literal

from pydantic import Field

from bandplan.serving.spec.shape import Email, IfGiven, Shape, Text, Uuid

ADMINS = "admins"
"""The workspace's group of administrators: it manages everything, and nobody can restrict it."""

PRINCIPAL_KEYS = ("user_name", "group_name", "service_principal_name")


def is_admins(group: str) -> bool:
    """Whether a group is that of the workspace's administrators."""
    return group.casefold() == ADMINS


def principal_key(kind: str, name: str) -> tuple[str, str]:
    """What identifies a principal: mail addresses and application ids whatever their letter case, groups as written."""
    return kind, name if kind == "group_name" else name.lower()


class Permission(Shape):
    """A permission level for one principal."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("user_name", "group_name", "service_principal_name"),)

    user_name: IfGiven[Email] = Field(
        default=None, description="A user, by mail address.", examples=["ana@example.com"]
    )
    group_name: IfGiven[Text] = Field(
        default=None, description="A group; not `admins`, which always manages.", examples=["analysts"]
    )
    service_principal_name: IfGiven[Uuid] = Field(
        default=None,
        description="A service principal's application id.",
        examples=["6f1b7c9e-0000-0000-0000-000000000000"],
    )
    permission_level: Literal["CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"] = Field(
        description="What the principal may do.", examples=["CAN_QUERY"]
    )
