"""What a stack reports about its whole fleet: the component `bandplan:index:Fleet`, and the stack output `endpoints`.

The component's inputs are the sums, its outputs the shares of each team and model, and the waivers of the whole file.
The stack output has a row for each endpoint. Tokens per second are input and output tokens together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bandplan.wire.capacity import FIGURES, Totals
from bandplan.wire.endpoint import write
from bandplan.wire.names import to_property_name
from bandplan.wire.reader import LENIENT, Reader
from bandplan.wire.sentinels import is_unknown

SHARE_FIGURES: Final = ("min_bands", "max_bands", *(figure.name for figure in FIGURES))
"""Amounts of a share: its bands, and the figures."""


@dataclass(frozen=True, slots=True)
class Share:
    """What the endpoints of one team have of one model. `team` is empty for endpoints without the tag `team`.

    A number is None if it does not apply, or is not known yet; `is_sized` is False if it is not known yet.
    """

    team: str
    model: str
    family: str
    min_bands: int | None
    max_bands: int | None
    floor_tokens_per_second: int | None
    ceiling_tokens_per_second: int | None
    model_units: int | None
    is_sized: bool


@dataclass(frozen=True, slots=True)
class Sums:
    """Inputs of the fleet. `totals` is None if one of the sums is not stated; `unsized` endpoints are in no sum."""

    totals: Totals | None
    endpoints: int | None
    unsized: frozenset[str]


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model of an endpoint in the stack output."""

    model: str
    version: str | None
    traffic_percent: int | None


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """One endpoint of the stack output `endpoints`."""

    name: str
    family: str
    floor_tokens_per_second: int | None
    ceiling_tokens_per_second: int | None
    model_units: int | None
    models: tuple[ServedModel, ...]
    is_sized: bool


def write_share(team: str, model: str, family: str, amounts: Mapping[str, Any]) -> dict[str, Any]:
    """Return one row of the fleet's output `capacity`; `amounts` are by the names of `SHARE_FIGURES`."""
    return write({"team": team, "model": model, "family": family, **amounts})


def write_sums(endpoints: int, figures: Mapping[str, Any], unsized: Sequence[str] = ()) -> dict[str, Any]:
    """Return the fleet's sums; `figures` are by name. `unsizedEndpoints` is left out if empty."""
    return write({"endpoint_count": endpoints, **figures, "unsized_endpoints": list(unsized) or None})


def write_row(
    *,
    name: str,
    task: str,
    family: str,
    models: Sequence[tuple[str, Any, int]],
    figures: Mapping[str, Any],
    url: Any,
    accepted: Mapping[str, Any],
) -> dict[str, Any]:
    """Return one endpoint of the stack output; figures that do not apply to it are None.

    `models` are (model, version, percent of the traffic). `accepted` are the amounts that are acceptable while there is
    no GPU capacity for more, empty if the entry accepts no less.
    """
    return {
        "name": name,
        "task": task,
        "family": family,
        "models": [
            {"model": model, "version": version, "traffic_percent": percent} for model, version, percent in models
        ],
        **figures,
        "url": url,
        **accepted,
    }


def read_shares(outputs: Mapping[str, Any]) -> tuple[Share, ...]:
    """Return the rows of the fleet's output `capacity`."""
    return tuple(map(_share, filter(_is_record, LENIENT.items(outputs.get("capacity"), ""))))


def read_sums(inputs: Mapping[str, Any], reader: Reader = LENIENT, place: str = "") -> Sums:
    """Return the sums in the fleet's inputs."""
    parts = [reader.whole(inputs.get(one.property_name), f"{place}.{one.property_name}") for one in FIGURES]
    count = reader.whole(inputs.get("endpointCount"), f"{place}.endpointCount")
    names = reader.items(inputs.get("unsizedEndpoints"), f"{place}.unsizedEndpoints")
    texts = (reader.text(name, f"{place}.unsizedEndpoints[{index}]") for index, name in enumerate(names))
    known = [part for part in parts if part is not None]
    return Sums(Totals(*known) if len(known) == len(parts) else None, count, frozenset(filter(None, texts)))


def read_rows(endpoints: Any, reader: Reader = LENIENT, place: str = "") -> tuple[EndpointRow, ...]:
    """Return the rows of the stack output `endpoints`, in its order; empty if there is none."""
    return tuple(
        _row(reader.record(item, f"{place}[{index}]"), reader, f"{place}[{index}]")
        for index, item in enumerate(reader.items(endpoints, place))
        if reader is not LENIENT or _is_record(item)
    )


def _row(item: Mapping[str, Any], reader: Reader, place: str) -> EndpointRow:
    models = reader.items(item.get("models"), f"{place}.models")
    figures: dict[str, Any] = {one.name: reader.whole(item.get(one.name), f"{place}.{one.name}") for one in FIGURES}
    return EndpointRow(
        name=reader.text(item.get("name"), f"{place}.name") or "",
        family=reader.text(item.get("family"), f"{place}.family") or "",
        **figures,
        models=tuple(_model(one, reader, f"{place}.models[{index}]") for index, one in enumerate(models)),
        is_sized=not any(is_unknown(item.get(figure.name)) for figure in FIGURES),
    )


def _model(value: Any, reader: Reader, place: str) -> ServedModel:
    item = reader.record(value, place)
    return ServedModel(
        reader.text(item.get("model"), f"{place}.model") or "",
        reader.text(item.get("version"), f"{place}.version"),
        reader.whole(item.get("traffic_percent"), f"{place}.traffic_percent"),
    )


def _share(item: Mapping[str, Any]) -> Share:
    keys = [to_property_name(name) for name in SHARE_FIGURES]
    amounts: dict[str, Any] = {
        name: LENIENT.whole(item.get(key), "") for name, key in zip(SHARE_FIGURES, keys, strict=True)
    }
    team, model, family = (LENIENT.text(item.get(key), "") or "" for key in ("team", "model", "family"))
    return Share(
        team,
        model,
        family,
        **amounts,
        is_sized=not any(is_unknown(item.get(key)) for key in keys),
    )


def _is_record(value: Any) -> bool:
    return isinstance(value, Mapping)
