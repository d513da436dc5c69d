"""The platform's refusals of an endpoint and its model, and where bandplan catches each one first.

One row for each refusal that the local workspace gives to a request that a deployment can make; a test compares the
two. `validate` asks the workspace for optimization info, so it also catches what that answer shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Caught = Literal["validate", "preview", "up"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused request, the first command that reports it, and by what (rules in backquotes) or why not earlier."""

    what: str
    caught: Caught
    by: str


REFUSALS = (
    # Names
    Refusal("an endpoint name that has other characters, is too long, or is reserved", "validate", "`endpoint-name`"),
    Refusal(
        "a name that another endpoint of the workspace has",
        "preview",
        "a warning: it may be one that a failed deployment left, which the next `up` takes over",
    ),
    Refusal(
        "a served name with other characters", "validate", "`served-name`; `endpoint-name` for one that is written"
    ),
    Refusal("two served entities of one name", "validate", "`duplicate-served-name`"),
    Refusal("a model name of fewer than three levels", "validate", "`S2-name`"),
    Refusal(
        "a catalog or schema name with a dot, slash, space or control character",
        "validate",
        "`S2-name`; `value` for an inference table's",
    ),
    # Served entities
    Refusal("an endpoint without served entities", "validate", "`value`: `entities` has at least one"),
    Refusal("more than 15 served entities", "validate", "`entities-many`"),
    Refusal("a served entity without a version", "validate", "`S4-version`"),
    Refusal(
        "a model or a version that does not exist",
        "validate",
        "`S5-info`; `S4-alias` for an alias; `S25-legacy-register` for a legacy workload's",
    ),
    Refusal(
        "a version that is not READY",
        "validate",
        "`S6-eligible`, as it is not optimizable; a version that `up` registers is waited for first",
    ),
    Refusal("a base Llama model of system.ai", "validate", "`S3-instruct`"),
    Refusal("external models beside others, or of several tasks", "validate", "models.yaml has no external models"),
    # Capacity
    Refusal("a band and model units in one entity", "validate", "`S1-both`"),
    Refusal("a band for a model sold in model units, and the reverse", "validate", "`S1-family`"),
    Refusal("a model that is not eligible for provisioned throughput", "validate", "`S6-eligible`"),
    Refusal("bounds that are not whole chunks", "validate", "`S8-chunk`"),
    Refusal("a maximum under one chunk, or under the minimum", "validate", "`S8-order`"),
    Refusal("less than one model unit, or units that are not stated", "validate", "`value`, `missing-key`"),
    Refusal("a legacy type or size that is unknown", "validate", "`value`"),
    Refusal("scale to zero of a legacy workload on a GPU", "validate", "`S27-scale-to-zero`"),
    Refusal("legacy compute or concurrency beside provisioned throughput", "validate", "`one-of`: never sent together"),
    Refusal("a field that the API of model units lacks", "preview", "never sent: such an entry uses the other API"),
    # Traffic
    Refusal("shares that are not percentages or do not add up to 100", "validate", "`traffic`, `value`"),
    Refusal("routes that are missing, doubled, or lead nowhere", "validate", "made from the entities: one for each"),
    # AI gateway and rate limits
    Refusal("an enabled inference table without catalog or schema", "validate", "`inference-table`"),
    Refusal(
        "another name of an inference table that is enabled",
        "preview",
        "an error: the live endpoint has to be looked at. Disable it in one deployment, rename it in the next",
    ),
    Refusal("a rate limit without a principal that its key needs", "validate", "`rate-limit`"),
    Refusal("more than 20 rate limits, or 5 of groups", "validate", "`rate-limits-many`"),
    Refusal("a key, period, behaviour or amount that is unknown", "validate", "`value`, `type`"),
    # Access
    Refusal("a permission for no principal, for several, or at an unknown level", "validate", "`one-of`, `value`"),
    Refusal(
        "a privilege that is granted and revoked in one request", "validate", "`duplicate-principal`: one row for each"
    ),
    # Registering
    Refusal("registering in the platform's own catalog", "validate", "`S2-register-system`"),
    Refusal("registering in a catalog or schema that does not exist", "validate", "`S2-schema`"),
    Refusal("creating a model, catalog or schema that exists", "up", "never sent: existing ones are taken over"),
    # Changes
    Refusal("telemetry of an endpoint that cannot have it", "validate", "models.yaml has no telemetry"),
    Refusal(
        "other models on an endpoint of external models",
        "preview",
        "an error, if somebody put such an endpoint in place of the deployed one",
    ),
    Refusal(
        "throughput beside compute that was set by hand",
        "preview",
        "a warning: `up` without `--refresh` replaces it, the provider sends it back after a refresh",
    ),
    Refusal("a change of a pay-per-token endpoint of the platform", "validate", "`endpoint-name`: its prefix"),
    Refusal(
        "a change while another is under way",
        "preview",
        "a warning that the endpoint is not ready: deploy once it is",
    ),
    Refusal("an endpoint that was deleted meanwhile", "preview", "the guard's update; `--refresh` creates it again"),
    # Only at up
    Refusal("more endpoints than the workspace may have", "up", "the number is the workspace's own; 1,000 by default"),
    Refusal("more creates and updates than are allowed in a time", "up", "it depends on who else deploys; tried again"),
    Refusal("capacity that the platform does not have", "up", "no API shows it; see `accept` (bandplan docs rollout)"),
    Refusal("a user, group or service principal that does not exist", "up", "a deploying token may not list them"),
    Refusal("an action that the token may not take", "up", "no API reports it beforehand"),
)


def table() -> str:
    """Render the refusals in Markdown."""
    rows = [f"| {one.what} | {one.caught} | {one.by} |" for one in REFUSALS]
    return "\n".join(["| the platform refuses | caught at | by |", "|---|---|---|", *rows, ""])
