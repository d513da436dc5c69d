"""Messages about settings that the platform cannot change after an endpoint was created. Pure."""

from collections.abc import Iterable

from bandplan.serving.endpoint.declared import Api
from bandplan.serving.endpoint.difference import Difference
from bandplan.wire.guard import Setting


def unsendable_task(endpoint: str, difference: Difference) -> str:
    """Explain that the endpoint's models have another task than the declared one."""
    return (
        f"{endpoint}: {difference}: the model determines the task, no request can change it, and queries for another "
        f"task are refused; set `task: {difference.live}` in models.yaml (models/{endpoint}/task), or serve a model "
        f"for {difference.declared}"
    )


def unchangeable_description(endpoint: str) -> str:
    """Warn that the declared description differs from the live one."""
    return (
        f"{endpoint}: the platform has no call that changes an endpoint's description after creation, so it keeps the "
        "old one. Put the old text back, or replace the endpoint (`pulumi up --target-replace <its URN>`: it is "
        "down meanwhile), or create it under a new name. See docs/decisions/0002-description-changes.md"
    )


def unremovable_description(endpoint: str) -> str:
    """Warn that a description is no longer declared."""
    return (
        f"{endpoint}: the platform has no call that removes an endpoint's description after creation, so the "
        "description stays; this is reported once. See docs/decisions/0002-description-changes.md"
    )


def unchangeable_setting(endpoint: str, setting: Setting) -> str:
    """Warn that one of `KEPT` is declared differently than before."""
    what, consequence = setting.kept or ("", "")
    return (
        f"{endpoint}: the platform has no call that changes an endpoint's {what} after creation, so {consequence}. Put "
        f"the old `{setting.stated_as}` back, or create the endpoint under a new name and move the callers"
    )


def unkept_fields(endpoint: str, fields: Iterable[str]) -> str:
    """Warn that an update by the published provider omits settings of the objects that it replaces."""
    return (
        f"{endpoint}: this update replaces the whole config or AI gateway, and the databricks provider omits "
        f"settings that models.yaml cannot express: {', '.join(fields)} may be lost. Note the values, and set "
        "them again after `up`"
    )


def taken_name(endpoint: str) -> str:
    """Warn that the workspace already has an endpoint of the name to create."""
    return (
        f"{endpoint}: the workspace already has an endpoint of this name that the stack does not manage, and refuses "
        f"a second one. Take it over with `bandplan adopt {endpoint}`, or give the entry another name"
    )


def unchangeable_api(endpoint: str, was: Api, wanted: Api) -> str:
    """Explain why an endpoint cannot move from one API to the other under its name, and what to do."""
    forms: dict[Api, str] = {
        "pt": "model units",
        "classic": "bands, or of model units with `description`, `route_optimized` or `rate_limits`",
    }
    return (
        f"{endpoint}: it was deployed as an endpoint of {forms[was]}, and is now declared as one of {forms[wanted]}. "
        "These are two resource types: Pulumi would create the new one before it deletes the old one, and the platform "
        "refuses a name that is taken. Nothing was changed. Undo the change, or give the new endpoint another name and "
        "delete the old entry once its callers have moved; if nobody calls it, remove the entry, run `up`, and put it "
        "back"
    )
