"""The guard `bandplan:index:EndpointReady`: its inputs and outputs, and the parts of an endpoint that it receives.

`components/` declares it, `provider/` and `serving/endpoint/` act on it, and the report, drift and adoption read it in
previews and states. Each setting of an endpoint is a row of `SETTINGS`.
"""

from dataclasses import dataclass
from typing import Final

INPUTS: Final = ("endpoint", "servingEndpointId", "api", "declared", "accepted", "timeoutSeconds")
OUTPUTS: Final = ("configVersion", "ready", "shortfall")

CONFIG_PARTS: Final = ("servedEntities", "servedModels", "trafficConfig")
"""Parts of `declared` that make up the config, which one request changes as a whole."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A part of `declared` besides the config, under the property name that the serving resources use too.

    `stated_as` is its field in models.yaml if the value is passed on unchanged. `is_on_pt`: the `/pt` API has it. If no
    call changes it after creation and nothing returns it, `kept` says what it is and what stays unchanged.
    """

    name: str
    kind: type
    stated_as: str = ""
    is_on_pt: bool = True
    kept: tuple[str, str] | None = None


SETTINGS: Final = (
    Setting("description", str, stated_as="description", is_on_pt=False),
    Setting("emailNotifications", dict),
    Setting("rateLimits", list, is_on_pt=False),
    Setting("tags", list),
    Setting("aiGateway", dict),
    # docs.databricks.com REST reference, "Serving endpoints": only the two create calls have `budget_policy_id`.
    Setting(
        "budgetPolicyId",
        str,
        stated_as="budget_policy_id",
        kept=("budget policy", "it keeps using the one it was created with"),
    ),
)

SETTING_NAMES: Final = tuple(setting.name for setting in SETTINGS)

TASK: Final = "task"
"""A part of `declared` that is not a setting: the models decide it, and no request changes it."""

ONLY_THE_GUARD_KNOWS: Final = ("emailNotifications", TASK)
"""Parts that the endpoint's own resource ignores or lacks, so that only the guard has them as deployed."""

KEPT: Final = tuple(setting for setting in SETTINGS if setting.kept is not None)
"""Settings that an endpoint keeps as it was created."""
