"""Measured use compared with declared capacity: the rule shows its evidence, and abstains if there is too little."""

from collections.abc import Iterator
from fractions import Fraction

from bandplan.policies.endpoint import Endpoint, Entity
from bandplan.policies.finding import Finding, note
from bandplan.policies.fitting import Bound, chunks_for, fitting_band
from bandplan.policies.measurement import Measurement, read_measurements
from bandplan.policies.rule import EndpointRule, Settings
from bandplan.policies.wording import grouped, times, tokens

ID = "observed-use"


def check(endpoint: Endpoint, settings: Settings) -> Iterator[Finding]:
    """Compare the ceiling with the measured use plus headroom, in both directions; without a file, check nothing."""
    if not settings["measurements"]:
        return
    if endpoint.family != "bands":
        return
    known, problem = read_measurements(settings["measurements"])
    if problem:
        yield note(f"abstains: {problem}")
        return
    measured = known.get(endpoint.name)
    thin = _too_thin(measured, settings)
    if measured is None or thin:
        yield note(f"abstains: {thin}")
    elif not endpoint.is_sized:
        yield note("waits: the ceiling is unknown until the chunk size of each of its model versions is known")
    else:
        yield from _judged(endpoint, measured, settings)


def _too_thin(measured: Measurement | None, settings: Settings) -> str:
    """Say why a measurement is not evidence; empty if it is."""
    if measured is None:
        return f"{settings['measurements'].path} has no measurement of it"
    short = []
    if measured.samples < settings["minimum_samples"]:
        short.append(f"{measured.samples:,} of the {grouped(settings['minimum_samples'])} samples required")
    if measured.days < settings["minimum_days"]:
        short.append(f"{measured.days} of the {grouped(settings['minimum_days'])} days required")
    if measured.percentile < settings["minimum_percentile"]:
        short.append(f"percentile {grouped(measured.percentile)}, not {grouped(settings['minimum_percentile'])}")
    age = (settings["today"] - measured.last).days
    if age > settings["maximum_age_days"]:
        short.append(f"the last sample is {age} days old, {grouped(settings['maximum_age_days'])} are allowed")
    return "the measurement is too thin: " + ", ".join(short) if short else ""


def _judged(endpoint: Endpoint, measured: Measurement, settings: Settings) -> Iterator[Finding]:
    ceiling, used = endpoint.ceiling_tokens_per_second, Fraction(repr(measured.tokens_per_second))
    chunks = {entity.chunk_tokens_per_second for entity in endpoint.wanted}
    chunk = max((chunk for chunk in chunks if chunk is not None), default=None)
    if ceiling is None or chunk is None:
        return
    percent = Fraction(str(settings["headroom_percent"]))
    factor = 1 + percent / 100
    # Each entity has at least one chunk, whatever its share.
    most = max(chunks_for(used, percent, chunk), len(endpoint.wanted))
    evidence = (
        f"measured {tokens(used)} at percentile {grouped(measured.percentile)} of {measured.samples:,} samples from "
        f"{measured.first.isoformat()} to {measured.last.isoformat()}"
        + (f" ({measured.source})" if measured.source else "")
    )
    wanted = f"{times(factor)} times = {grouped(used * factor)}, in chunks of {grouped(chunk)}: {most} band"
    wanted += f"{'' if most == 1 else 's'} ({grouped(most * chunk)})"
    if ceiling > most * chunk:
        ratio = f" is {times(ceiling / used)} times the measured use" if used else " is not used"
        yield Finding(
            f"ceiling {tokens(ceiling)}{ratio}: {evidence}; allowed is {wanted}; {_step(endpoint, most, settings)}"
        )
    elif used > ceiling:
        yield Finding(
            f"ceiling {tokens(ceiling)} is below the measured use: {evidence}; required is {wanted}; "
            f"{_step(endpoint, most, settings)}"
        )


def _step(endpoint: Endpoint, most: int, settings: Settings) -> str:
    """Return the next step. With several entities, it is unclear which band should change."""
    if len(endpoint.wanted) > 1:
        return f"write bands with max: {most}"
    (entity,) = endpoint.wanted
    band = fitting_band(entity.min_bands or 0, most, settings["bounds"](endpoint, entity))
    return (
        f"{band.conflict}: change what one of them is based on, or waive one"
        if band.conflict
        else (
            f"write bands with max: {band.max}"
            if band.min == entity.min_bands
            else f"write bands: {{min: {band.min}, max: {band.max}}}"
        )
    )


def bounds(endpoint: Endpoint, entity: Entity, settings: Settings) -> Iterator[Bound]:
    """Require a max between the measured use and that plus headroom, if there is evidence for one entity."""
    chunk = entity.chunk_tokens_per_second
    if not settings["measurements"] or endpoint.family != "bands" or len(endpoint.wanted) > 1 or not chunk:
        return
    measured = read_measurements(settings["measurements"])[0].get(endpoint.name)
    if measured is None or _too_thin(measured, settings):
        return
    used = Fraction(repr(measured.tokens_per_second))
    yield Bound("least max", chunks_for(used, Fraction(0), chunk), ID)
    yield Bound("most max", chunks_for(used, Fraction(str(settings["headroom_percent"])), chunk), ID)


RULE = EndpointRule(
    ID,
    "The ceiling follows the measured use.",
    "advisory",
    check,
    bounds=bounds,
    properties={
        "measurements": {
            "type": "string",
            "format": "file",
            "default": "",
            "description": "File of measurements (measurements.schema.json), relative to the project; unset: no check.",
        },
        "headroom_percent": {
            "type": "number",
            "minimum": 0,
            "default": 50,
            "description": "Capacity allowed above the measured use, in percent.",
        },
        "minimum_samples": {
            "type": "integer",
            "minimum": 1,
            "default": 1000,
            "description": "With fewer samples the rule abstains.",
        },
        "minimum_days": {
            "type": "integer",
            "minimum": 1,
            "default": 7,
            "description": "With a shorter window, both days included, the rule abstains.",
        },
        "minimum_percentile": {
            "type": "number",
            "minimum": 0,
            "maximum": 100,
            "default": 95,
            "description": "On a lower percentile, which hides peaks, the rule abstains.",
        },
        "maximum_age_days": {
            "type": "integer",
            "minimum": 0,
            "default": 30,
            "description": "On an older measurement the rule abstains.",
        },
    },
)
