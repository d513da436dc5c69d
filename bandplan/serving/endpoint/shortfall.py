"""How much less than wanted an endpoint runs, if less is accepted while the platform has no GPU capacity. Pure.

"Creating or updating provisioned throughput can time out for lack of GPU capacity" (docs.databricks.com, "Provisioned
throughput Foundation Model APIs", limitations, read 2025-11).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bandplan.serving.endpoint.comparison import config_differences
from bandplan.serving.endpoint.declared import Declared
from bandplan.serving.endpoint.live_endpoint import DEPLOYMENT_FAILED, Config
from bandplan.serving.endpoint.readiness import Failed
from bandplan.wire.capacity import SERVED_AT_MOST
from bandplan.wire.property_path import PathStep, property_path

_NO_CAPACITY = re.compile(
    r"\b(gpu|compute|accelerator|instance)s?\b.{0,40}\bcapacity\b|\bcapacity\b.{0,40}\b(gpu|compute|accelerator|region)s?\b"
    r"|\b(insufficient|not enough|out of|no available|lack of)\b.{0,20}\b(gpu|capacity|accelerator|instance)s?\b"
    r"|\bRESOURCE_EXHAUSTED\b",
    re.IGNORECASE | re.DOTALL,
)
"""A guess: the platform documents neither a code nor a wording for it, so its text is all there is to go by.

It is narrow on purpose. A reason that is not recognised stays an error, with the platform's text, which loses nothing;
a broken model mistaken for a shortage would hide behind an endpoint that seems well.
"""

_MOST_READ = 10_000
"""Number of characters of a reason to examine; a choice."""


@dataclass(frozen=True)
class Shortfall:
    """An entity that runs less than wanted but no less than accepted; `path` is the property in `declared`."""

    path: tuple[PathStep, ...]
    served_name: str
    unit: str
    wanted: int
    accepted: int
    runs: int

    @property
    def property_path(self) -> str:
        return property_path(self.path)

    def __str__(self) -> str:
        return (
            f"{self.served_name} runs {self.runs:,} of {self.wanted:,} {self.unit} wanted ({self.accepted:,} accepted)"
        )

    def as_output(self) -> dict[str, Any]:
        return {
            "servedName": self.served_name,
            "unit": self.unit,
            "wanted": self.wanted,
            "accepted": self.accepted,
            "runs": self.runs,
        }


def shortfalls(wanted: Declared, accepted: Declared | None, config: Config | None) -> tuple[Shortfall, ...] | None:
    """List what `config` runs short of `wanted`: empty if it runs exactly that, None if it is not acceptable.

    It is acceptable if it differs only in capacity, and its capacity is between the accepted and the wanted one.
    """
    found = []
    for difference in config_differences(wanted, config):
        if accepted is None or len(difference.path) != 4 or difference.path[-1] not in SERVED_AT_MOST:
            return None
        _, key, index, name = difference.path
        if key != "servedEntities" or not isinstance(index, int):
            return None
        least, runs = accepted.entities[index].get(str(name)), difference.live
        if not isinstance(least, (int, float)) or not isinstance(runs, (int, float)):
            return None
        if not least <= runs < difference.declared:
            return None
        entity: Mapping[str, Any] = wanted.entities[index]
        named = str(entity.get("name") or entity.get("entityName"))
        amounts = (int(difference.declared), int(least), int(runs))
        found.append(Shortfall(difference.path, named, SERVED_AT_MOST[str(name)], *amounts))
    return tuple(found)


def is_for_lack_of_capacity(failed: Failed) -> bool:
    """Whether the platform's own reasons report missing GPU capacity, and no entity failed for another reason.

    Entities that were merely aborted failed because another did.
    """
    reasons = [entity.reason for entity in failed.entities if entity.deployment == DEPLOYMENT_FAILED]
    return bool(reasons) and all(_NO_CAPACITY.search(reason[:_MOST_READ]) for reason in reasons)
