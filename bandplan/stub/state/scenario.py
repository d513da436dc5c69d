"""A scenario: how the workspace behaves during one run, read from a YAML file.

It does not describe the contents of the workspace and leaves nothing behind in it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bandplan.stub.json_object import Json
from bandplan.stub.state.faults.deployment_faults import Fault
from bandplan.stub.state.faults.registration_faults import RegistrationFault
from bandplan.stub.state.faults.registration_faults import check as check_registration
from bandplan.stub.state.faults.route_faults import RouteFault
from bandplan.stub.state.faults.route_faults import check as check_request
from bandplan.stub.state.limits import ChangeRate, Limits
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.serving.accelerators import Accelerators
from bandplan.stub.state.serving.capacity_settings import check as check_capacity
from bandplan.stub.state.serving.settle import Settle
from bandplan.stub.state.serving.settle import parse as parse_settle

FOLDER = Path(__file__).parent.parent / "scenarios"
SCHEMA_FILE = Path(__file__).with_name("scenario_schema.yaml")
MAX_FILE_BYTES = 1024 * 1024


class ScenarioError(Exception):
    """A scenario cannot be read; the message has a line for every problem."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario. `settle` None leaves the rule to the start command; `endpoint_settle` and `endpoint_capacity` are by
    endpoint name or pattern.
    """

    name: str | None = None
    description: str = ""
    settle: Settle | None = None
    endpoint_settle: Mapping[str, Settle] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    capacity: Accelerators = field(default_factory=Accelerators)
    endpoint_capacity: Mapping[str, Json] = field(default_factory=dict)
    deployments: tuple[Fault, ...] = ()
    registrations: tuple[RegistrationFault, ...] = ()
    requests: tuple[RouteFault, ...] = ()


NONE = Scenario()
"""The workspace without a scenario."""


def names() -> list[str]:
    """Return the names of the scenarios that come with the stub."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def find(name: str) -> Path:
    """Return the file of a scenario: a name, or a path with a slash or ending in .yaml. Raises ScenarioError."""
    if "/" in name or name.endswith((".yaml", ".yml")):
        path = Path(name).absolute()
        if not path.is_file():
            raise ScenarioError(f"--scenario {name}: no such file")
        return path
    if name not in names():
        raise ScenarioError(f"--scenario {name}: not a scenario; use one of {', '.join(names())}, or a path to a file")
    return FOLDER / f"{name}.yaml"


def load(path: Path) -> Scenario:
    """Load a scenario. Raises ScenarioError with every problem: file, place, finding."""
    import yaml

    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ScenarioError(f"{path}: larger than {MAX_FILE_BYTES} bytes")
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise ScenarioError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from error
    problems = list(_problems(data))
    if not problems:
        scenario = _scenario(path.stem, data)
        problems = list(_fault_problems(scenario))
        if not problems:
            return scenario
    lines = "\n".join(f"{path}: {problem}" for problem in problems)
    raise ScenarioError(
        f"{lines}\nThe keys of a scenario are listed by `bandplan docs stub` and in {SCHEMA_FILE.name}."
    )


def _problems(data: Any) -> Iterator[str]:
    import yaml
    from jsonschema import Draft202012Validator

    schema = yaml.safe_load(SCHEMA_FILE.read_text(encoding="utf-8"))
    errors = Draft202012Validator(schema).iter_errors(data)
    for error in sorted(errors, key=lambda error: [str(part) for part in error.absolute_path]):
        place = "/".join(str(part) for part in error.absolute_path)
        yield f"{place or 'the file'}: {error.message}"


def _fault_problems(scenario: Scenario) -> Iterator[str]:
    checks = [(f"requests/{n}", partial(check_request, fault)) for n, fault in enumerate(scenario.requests)]
    checks += [
        (f"registrations/{n}", partial(check_registration, fault)) for n, fault in enumerate(scenario.registrations)
    ]
    checks += [
        (f"capacity/endpoints/{name}", partial(check_capacity, settings))
        for name, settings in scenario.endpoint_capacity.items()
    ]
    for place, check in checks:
        try:
            check()
        except Invalid as error:
            yield from (f"{place}: {line}" for line in error.message.splitlines())


def _scenario(name: str, data: dict[str, Any]) -> Scenario:
    settle = data.get("settle", {})
    limits, capacity = dict(data.get("limits", {})), data.get("capacity", {})
    if "change_rate" in limits:
        limits["change_rate"] = ChangeRate(**limits["change_rate"])
    return Scenario(
        name=name,
        description=data["description"].strip(),
        settle=parse_settle(settle["rule"]) if "rule" in settle else None,
        endpoint_settle={key: parse_settle(rule) for key, rule in settle.get("endpoints", {}).items()},
        limits=Limits(**limits),
        capacity=Accelerators(**{key: value for key, value in capacity.items() if key != "endpoints"}),
        endpoint_capacity=capacity.get("endpoints", {}),
        deployments=tuple(Fault(**row) for row in data.get("deployments", ())),
        registrations=tuple(RegistrationFault(**row) for row in data.get("registrations", ())),
        requests=tuple(RouteFault(**row) for row in data.get("requests", ())),
    )
