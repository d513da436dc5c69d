"""What the platform has no call for after an endpoint was created: what to say to whoever changes it. Pure."""

from collections.abc import Iterable

from bandplan.serving.endpoint.declared import Api
from bandplan.serving.endpoint.difference import Difference
from bandplan.wire.guard import Setting


def unsendable_task(endpoint: str, difference: Difference) -> str:
    """What is wrong when an endpoint's models have another task than the declared one."""
    return (
        f"{endpoint}: {difference}: the task comes with the model, no request changes it, and queries in the form of "
        f"another task are refused; set `task: {difference.live}` in models.yaml (models/{endpoint}/task), or name a "
        f"model for {difference.declared}"
    )


def unchangeable_description(endpoint: str) -> str:
    """The warning about a declared description that differs from the live one."""
    return (
        f"{endpoint}: the platform has no call that changes an endpoint's description after creation, so it keeps the "
        "old one. Put the old text back, or replace the endpoint (`pulumi up --target-replace <its URN>`: it does not "
        "serve meanwhile), or create it under a new name. See docs/decisions/0002-description-changes.md"
    )


def unremovable_description(endpoint: str) -> str:
    """The warning about a description that is declared no more."""
    return (
        f"{endpoint}: the platform has no call that removes an endpoint's description after creation, so it keeps it; "
        "this is said once. See docs/decisions/0002-description-changes.md"
    )


def unchangeable_setting(endpoint: str, setting: Setting) -> str:
    """The warning about one of `KEPT` that is declared otherwise than before."""
    what, consequence = setting.kept or ("", "")
    return (
        f"{endpoint}: the platform has no call that changes an endpoint's {what} after creation, so {consequence}. Put "
        f"the old `{setting.stated_as}` back, or create the endpoint under a new name and move the callers"
    )


def unkept_fields(endpoint: str, fields: Iterable[str]) -> str:
    """The warning about settings that an update of the published provider leaves out of what it replaces."""
    return (
        f"{endpoint}: this update replaces the whole config or AI gateway, and the databricks provider leaves out what "
        f"models.yaml has no word for: {', '.join(fields)} may be lost. Note the values, and set them again after `up`"
    )


def taken_name(endpoint: str) -> str:
    """The warning about an endpoint that is to be created under a name that the workspace has already."""
    return (
        f"{endpoint}: the workspace has an endpoint of this name that the stack does not hold, and refuses a second "
        f"one. Take it over with `bandplan adopt {endpoint}`, or give the entry another name"
    )


def unchangeable_api(endpoint: str, was: Api, wanted: Api) -> str:
    """Why an endpoint cannot go from one API to the other under its name, and what to do."""
    forms: dict[Api, str] = {
        "pt": "model units",
        "classic": "bands, or of model units with `description`, `route_optimized` or `rate_limits`",
    }
    return (
        f"{endpoint}: it was deployed as an endpoint of {forms[was]}, and is now one of {forms[wanted]}: two resource "
        "types, so Pulumi would create the new one before it deletes the old one, and the platform refuses a name that "
        "is taken. Nothing was changed. Undo that, or give the new one another name and delete the old entry once the "
        "callers have moved; where nobody calls it, remove the entry, run `up`, and put it back"
    )
