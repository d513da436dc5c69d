"""Builders for tests of a project's own rules: an endpoint or a fleet as a rule sees it, and what the rule finds.

```python
from bandplan.policies.testing import endpoint, findings

assert findings(RULE, endpoint(tags={"team": "search"})) == []
```
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from bandplan.policies.configuration import defaults
from bandplan.policies.endpoint import Endpoint, read_endpoint
from bandplan.policies.fleet import Fleet, read_fleet
from bandplan.policies.rule import EndpointRule, StackRule

CHUNK_TOKENS_PER_SECOND = 980


def endpoint(  # noqa: PLR0913 - a builder: all but the name are keywords with a default
    name: str = "support-chat",
    *,
    model: str = "system.ai.llama_v3_3_70b_instruct",
    version: str = "1",
    task: str = "llm/v1/chat",
    bands: tuple[int, int] = (1, 2),
    model_units: int | None = None,
    chunk_tokens_per_second: int = CHUNK_TOKENS_PER_SECOND,
    demand_tokens_per_second: float | None = None,
    tags: Mapping[str, str] | None = None,
    **inputs: Any,
) -> Endpoint:
    """Return a valid endpoint with one served entity, sold in `bands` (min, max), or in `model_units` if given.

    `inputs` are further inputs of the component `bandplan:index:Endpoint`, under their own names, such as `region` or
    `access`.
    """
    least, most = bands
    if model_units is None:
        amounts: dict[str, Any] = {
            "floorTokensPerSecond": least * chunk_tokens_per_second,
            "ceilingTokensPerSecond": most * chunk_tokens_per_second,
        }
        sizes = {"chunkTokensPerSecond": chunk_tokens_per_second, "minBands": least, "maxBands": most, **amounts}
    else:
        amounts = sizes = {"modelUnits": model_units}
    entity = {"servedName": name, "model": model, "version": version, "trafficPercent": 100, **sizes}
    given = {
        "name": name,
        "task": task,
        "family": "bands" if model_units is None else "model_units",
        "entities": [entity],
        "tags": dict({"team": "ml"} if tags is None else tags),
        **amounts,
        **({} if demand_tokens_per_second is None else {"demandTokensPerSecond": demand_tokens_per_second}),
        **inputs,
    }
    return read_endpoint(name, given)


def fleet(*endpoints: Endpoint) -> Fleet:
    """Return the fleet of these endpoints, for a `StackRule`."""
    shares = [
        {
            "team": one.tags.get("team", ""),
            "model": entity.model,
            "family": one.family,
            "minBands": entity.min_bands,
            "maxBands": entity.max_bands,
            "floorTokensPerSecond": entity.floor_tokens_per_second,
            "ceilingTokensPerSecond": entity.ceiling_tokens_per_second,
            "modelUnits": entity.model_units,
        }
        for one in endpoints
        for entity in one.entities
    ]
    rows = [{"name": one.name, "task": one.task} for one in endpoints]
    return read_fleet({"capacity": shares}, {"endpoints": rows})


def findings(
    rule: EndpointRule | StackRule, subject: Endpoint | Fleet, today: date | None = None, **properties: Any
) -> Sequence[str]:
    """Return the texts of what the rule finds, with its properties' defaults unless given."""
    settings = {**defaults(rule), **properties, "today": today or date.today(), "bounds": lambda *_: [], "asked": ()}
    check: Any = rule.check
    return [finding.text for finding in check(subject, settings)]
