"""Component inputs and fleet outputs as an engine shows them to the pack, and the pack on them."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from bandplan.policies.analyzer import Analyzer
from bandplan.policies.configuration import configured
from bandplan.policies.pack import RULES
from bandplan.wire.sentinels import UNKNOWN
from bandplan.wire.types import ENDPOINT, FLEET, STACK

TODAY = date(2026, 11, 22)
URN = "urn:pulumi:prod::fleet::bandplan:index:Fleet$bandplan:index:Endpoint::support-chat"
FLEET_URN = "urn:pulumi:prod::fleet::bandplan:index:Fleet::fleet"


def band(least: int = 2, most: int = 4, chunk: int = 980, percent: int = 100, **more: Any) -> dict[str, Any]:
    """One served entity in whole chunks."""
    return {
        "servedName": "current",
        "model": "system.ai.llama_v3_3_70b_instruct",
        "version": "1",
        "trafficPercent": percent,
        "chunkTokensPerSecond": chunk,
        "minBands": least,
        "maxBands": most,
        "floorTokensPerSecond": least * chunk,
        "ceilingTokensPerSecond": most * chunk,
        **more,
    }


def unsized_band(**more: Any) -> dict[str, Any]:
    """One whose version is still to be registered."""
    sizes = ("chunkTokensPerSecond", "minBands", "maxBands", "floorTokensPerSecond", "ceilingTokensPerSecond")
    return {**band(), **dict.fromkeys(sizes, UNKNOWN), **more}


def endpoint(*entities: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Inputs of the component, with the sums of their entities."""
    listed = list(entities) or [band()]
    sums = {
        key: sum(entity[key] for entity in listed)
        for key in ("floorTokensPerSecond", "ceilingTokensPerSecond")
        if all(isinstance(entity.get(key), int) for entity in listed)
    }
    return {
        "name": "support-chat",
        "task": "llm/v1/chat",
        "family": "bands",
        **sums,
        "entities": listed,
        "tags": {"team": "ml"},
        **more,
    }


def waiver(policy: str, expires: str) -> dict[str, str]:
    return {"policy": policy, "reason": "a trade fair", "owner": "ana@example.com", "expires": expires}


def analyzer(configuration: Mapping[str, Any], root: Path = Path("."), today: date = TODAY) -> Analyzer:
    """The pack with all rules off but those of `configuration`."""
    return Analyzer(configured(RULES, {"all": "disabled", **configuration}), root, today)


def told(
    rule: str, inputs: Mapping[str, Any], root: Path = Path("."), /, *, today: date = TODAY, **properties: Any
) -> list[tuple[str, str]]:
    """(level, finding) of each violation of one mandatory rule by one endpoint."""
    pack = analyzer({rule: {"enforcementLevel": "mandatory", **properties}}, root, today)
    return [(one.level, one.message.split("\n", 1)[1]) for one in pack.analyze(URN, ENDPOINT, "support-chat", inputs)]


def share(team: str = "ml", model: str = "system.ai.a", least: int = 1, most: int = 2, chunk: int = 1000) -> Any:
    """A row of the fleet's output `capacity`, in bands."""
    return {
        "team": team,
        "model": model,
        "family": "bands",
        "minBands": least,
        "maxBands": most,
        "floorTokensPerSecond": least * chunk,
        "ceilingTokensPerSecond": most * chunk,
    }


def told_of_stack(
    rule: str, outputs: Mapping[str, Any], endpoints: Any = (), root: Path = Path("."), /, **properties: Any
) -> list[tuple[str, str]]:
    """(level, finding) of each violation of one mandatory rule by a stack."""
    pack = analyzer({rule: {"enforcementLevel": "mandatory", **properties}}, root)
    resources = [
        (FLEET_URN, FLEET, outputs),
        ("urn:pulumi:prod::fleet::pulumi:pulumi:Stack::fleet-prod", STACK, {"endpoints": list(endpoints)}),
    ]
    return [(one.level, one.message.split("\n", 1)[1]) for one in pack.analyze_stack(resources)]
