"""Every file that a command reads, damaged in every way: it is used, or refused in words that name it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli.commands.report import text_of
from bandplan.cli.errors import CommandError
from bandplan.cli.policies import configured_rules, keep_baseline
from bandplan.cli.project import Project
from bandplan.cli.saved_plan.file import read_plan
from bandplan.cli.stack_configuration import configured_models
from bandplan.embedded.errors import EngineError
from bandplan.embedded.project import load
from bandplan.policies.document import read_document
from bandplan.policies.measurement import read_measurements
from bandplan.policies.prices import read_prices as prices_of_a_budget
from bandplan.report.errors import BadInput
from bandplan.report.load import Given, load_prices, load_reports
from bandplan.report.threshold import Thresholds
from bandplan.serving.planning.rollouts import measured_use_of
from bandplan.serving.registration.sources.digest_record import DigestRecord
from bandplan.serving.registration.sources.folder import File
from bandplan.serving.throughput.measured_use import MeasuredUseError
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.serving.throughput.registry_answers import ModelAlias
from bandplan.serving.workspace.cache import Cache
from tests.damage import SPOILERS, as_text, damaged_bytes, damaged_documents

MEASURED = {
    "version": 1,
    "endpoints": {
        "support-chat": {
            "llama-2": {
                "measured_at": "2026-11-22T12:00:00Z",
                "window_minutes": 30,
                "requests": 1200,
                "errors": 3,
                "ttft_seconds": 1.2,
                "percentile": 95,
            }
        }
    },
}
POLICIES = {
    "all": "advisory",
    "over-provisioned": {"enforcementLevel": "mandatory", "headroom_percent": 30},
    "money-budget": {"enforcementLevel": "advisory", "prices": "prices.yaml"},
    "tags-missing": {"tags": ["team"]},
}
PRICES = {
    "version": 1,
    "currency": "USD",
    "source": "a list",
    "prices": [
        {"model": "system.ai.*", "per_hour": 6.0, "chunks": 1},
        {"family": "model_units", "per_hour": 1, "model_units": 50},
    ],
}
MEASUREMENTS = {
    "version": 1,
    "measurements": [
        {
            "endpoint": "a",
            "percentile": 95,
            "tokens_per_second": 100.5,
            "samples": 40,
            "from": "2026-10-01",
            "to": "2026-10-31",
            "source": "s",
        }
    ],
}
PLAN = {
    "format": "bandplan plan",
    "version": 1,
    "project": "bandplan",
    "stack": "local",
    "engine": "embedded",
    "madeAt": "2026-11-22T03:15:47.000Z",
    "commit": "0123456",
    "models": {"models.yaml": "a" * 64},
    "config": {},
    "state": {"urn:pulumi:local::p::t:a:B::x": "absent"},
    "live": {"e": {"config": "absent"}},
    "steps": [
        {"op": "create", "urn": "urn:pulumi:local::p::t:a:B::x", "inputs": {"a": "absent"}, "changes": {"a": "add"}}
    ],
}
PULUMI = {
    "name": "bandplan",
    "runtime": {"name": "python"},
    "main": "stacks/",
    "stackConfigDir": "stacks",
    "config": {"bandplan:models": {"default": "models.yaml"}},
}
CONFIG = {"encryptionsalt": "v1:x", "config": {"bandplan:models": "models.yaml", "databricks:host": "h", "n": {"a": 1}}}
INFO = OptimizationInfo(optimizable=True, model_type="llama", throughput_chunk_size=980)


@dataclass(frozen=True)
class Reader:
    """`read` takes the project's folder, in which `file` is damaged; it raises one of `refusals`."""

    file: str
    document: Any
    read: Callable[[Path], object]
    refusals: tuple[type[Exception], ...]
    is_named: bool = True


def _prices_of_a_report(root: Path) -> object:
    path = str(root / "prices.yaml")
    return load_prices(Given(path, text_of(path)))


def _told(problem: str) -> None:
    if problem:
        raise CommandError(problem)


def _prices_of_a_budget(root: Path) -> None:
    _told(prices_of_a_budget(read_document(root, "prices.yaml")).problem)


def _measurements(root: Path) -> None:
    _told(read_measurements(read_document(root, "measurements.json"))[1])


def _policies(root: Path) -> object:
    keep_baseline(Project(root), "local", dict)
    return configured_rules(Project(root), "local")


def _recorded(root: Path) -> object:
    cache = Cache(root / "info", committed=root / "committed.json")
    cache.recorded("https://w")
    assert all(version.isdigit() for version in cache.recorded_aliases().values())
    for info in cache.recorded_anywhere().values():
        chunk = info.throughput_chunk_size
        assert chunk is None or (type(chunk) is int and 0 < chunk < 10**12)
    return cache


def _report(root: Path) -> object:
    path = str(root / "preview.json")
    return load_reports([Given(path, text_of(path))], environ={}, thresholds=Thresholds())


URN = "urn:pulumi:local::bandplan::bandplan:index:Endpoint$databricks:index/modelServing:ModelServing::support-chat"
PREVIEW = {
    "config": {"bandplan:models": "models.yaml"},
    "steps": [
        {
            "op": "update",
            "urn": URN,
            "oldState": {"urn": URN, "type": "databricks:index/modelServing:ModelServing", "inputs": {"name": "a"}},
            "newState": {
                "urn": URN,
                "type": "databricks:index/modelServing:ModelServing",
                "inputs": {"name": "a", "config": {"servedEntities": [{"name": "x", "maxProvisionedThroughput": 980}]}},
            },
            "detailedDiff": {"config": {"kind": "update", "inputDiff": True}},
        }
    ],
    "diagnostics": [{"urn": URN, "message": "error: m", "severity": "error"}],
    "policyEvents": [{"policyName": "p", "resourceUrn": URN, "message": "m", "enforcementLevel": "advisory"}],
    "duration": 5,
    "changeSummary": {"update": 1},
}

READERS = {
    "preview of a report": Reader("preview.json", PREVIEW, _report, (BadInput, CommandError)),
    "measured use": Reader("used.json", MEASURED, lambda root: measured_use_of(root, "used.json"), (MeasuredUseError,)),
    "policy configuration": Reader("stacks/policies.local.json", POLICIES, _policies, (CommandError,)),
    "prices of a report": Reader("prices.yaml", PRICES, _prices_of_a_report, (BadInput, CommandError)),
    "prices of a budget": Reader("prices.yaml", PRICES, _prices_of_a_budget, (CommandError,)),
    "measurements": Reader("measurements.json", MEASUREMENTS, _measurements, (CommandError,)),
    "saved plan": Reader("plan.json", PLAN, lambda root: read_plan(root / "plan.json"), (CommandError,)),
    "Pulumi.yaml": Reader("Pulumi.yaml", PULUMI, lambda root: load(root, "local"), (EngineError,)),
    "project name": Reader("Pulumi.yaml", "name: bandplan\n", lambda root: Project(root).name, (CommandError,)),
    "stack configuration": Reader("stacks/Pulumi.local.yaml", CONFIG, lambda root: load(root, "local"), (EngineError,)),
    "models file of a stack": Reader(
        "stacks/Pulumi.local.yaml", CONFIG, lambda root: configured_models(Project(root), "local"), (CommandError,)
    ),
    "optimization info": Reader("committed.json", None, _recorded, (), is_named=False),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "PulumiPolicy.yaml").write_text("runtime: python\n")
    (tmp_path / "Pulumi.yaml").write_text(json.dumps(PULUMI))
    return tmp_path


def document_of(reader: Reader, root: Path) -> Any:
    if reader.document is not None:
        return reader.document
    Cache(root / "info", committed=root / "committed.json").commit(
        {ModelVersion("a.b.c", "1"): INFO}, {ModelAlias("a.b.c", "champion"): "1"}
    )
    return json.loads((root / reader.file).read_bytes())


def text_in(reader: Reader, root: Path) -> bytes:
    """As JSON, which YAML is too."""
    document = document_of(reader, root)
    return document.encode() if isinstance(document, str) else as_text(document)


def is_accepted(reader: Reader, root: Path) -> bool:
    """Whether the file is used; a refusal is in words, on the file, and short."""
    try:
        reader.read(root)
    except reader.refusals as refusal:
        told = str(refusal)
        assert not reader.is_named or Path(reader.file).name in told, told
        assert len(told) < 4000
        return False
    return True


@pytest.mark.parametrize("name", READERS)
def test_file_that_is_whole_is_used(name: str, root: Path) -> None:
    reader = READERS[name]
    (root / reader.file).write_bytes(text_in(reader, root))
    assert is_accepted(reader, root)


@pytest.mark.parametrize("spoiler", SPOILERS)
@pytest.mark.parametrize("name", READERS)
def test_spoiled_file_is_used_or_refused_in_words(name: str, spoiler: str, root: Path) -> None:
    reader = READERS[name]
    (root / reader.file).write_bytes(SPOILERS[spoiler](text_in(reader, root)))
    is_accepted(reader, root)


@pytest.mark.parametrize("what", ["folder", "circle of links"])
@pytest.mark.parametrize("name", READERS)
def test_what_is_no_file_is_refused_in_words(name: str, what: str, root: Path) -> None:
    reader = READERS[name]
    document_of(reader, root)
    path = root / reader.file
    path.unlink(missing_ok=True)
    path.mkdir() if what == "folder" else path.symlink_to(path)
    assert is_accepted(reader, root) == (not reader.is_named)


@pytest.mark.parametrize("name", READERS)
def test_randomly_damaged_file_is_used_or_refused_in_words(name: str, root: Path) -> None:
    reader = READERS[name]
    document = document_of(reader, root)
    odd = damaged_documents(document, 11, 150) if isinstance(document, dict) else ()
    for damage in [*map(as_text, odd), *damaged_bytes(text_in(reader, root), 12, 100)]:
        (root / reader.file).write_bytes(damage)
        is_accepted(reader, root)


def test_damaged_record_of_digests_is_as_empty(root: Path) -> None:
    weights = root / "weights"
    weights.write_text("w")
    file = File("weights", weights, weights.stat())
    DigestRecord(root / "digests", root).replace({"weights": (file, "ab")}, read_at_ns=2 * file.status.st_ctime_ns)
    (path,) = (root / "digests").iterdir()
    text = path.read_bytes()
    assert DigestRecord(root / "digests", root).known(file) == "ab"
    spoiled = [spoil(text) for spoil in SPOILERS.values()]
    for damage in [
        *spoiled,
        *map(as_text, damaged_documents(json.loads(text), 13, 150)),
        *damaged_bytes(text, 14, 100),
    ]:
        path.write_bytes(damage)
        found = DigestRecord(root / "digests", root).known(file)
        assert found is None or isinstance(found, str)


def test_plan_with_a_key_twice_is_refused_wherever_the_key_is(root: Path) -> None:
    text = as_text(PLAN)
    for key in (b'"version": 1', b'"op": "create"', b'"e": {"config": "absent"}'):
        (root / "plan.json").write_bytes(text.replace(key, key + b", " + key))
        with pytest.raises(CommandError, match=r"plan\.json: has an object with a duplicate key"):
            read_plan(root / "plan.json")
