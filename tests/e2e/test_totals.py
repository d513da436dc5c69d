"""Totals of a report, on random fleets and random edits of them, against sums worked out here.

The fleets go the way of a user's: models.yaml, the program, an engine, a preview, the report. What the totals should
be is worked out from the two fleets and the chunk of each model alone.
"""

import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest
from pulumi.provider.experimental import provider as sdk

from bandplan.cli.engines.embedded import environment
from bandplan.cli.engines.engine import Options
from bandplan.cli.engines.offline import OfflineBandplan, OfflineDatabricks, preview_against
from bandplan.cli.project import Project
from bandplan.embedded.run import Engine
from bandplan.plugin.urn import resource_type
from bandplan.plugin.values import property_values
from bandplan.report.document import document_text
from bandplan.report.html.page import html
from bandplan.report.load import Given, load_reports
from bandplan.report.markdown.page import markdown
from bandplan.report.stack import StackReport
from bandplan.report.threshold import Thresholds
from tests.workspace.fake_workspace import TOKEN, FakeWorkspace, Reply, Seen

ROOT = Path(__file__).parent.parent.parent

CHUNKS = {"system.ai.llama_v3_3_70b_instruct": 980, "system.ai.meta_llama_v3_1_8b_instruct": 970, "ml.own.tuned": 490}
UNITS_MODEL = "system.ai.llama-4-maverick"
FOLLOWED = "ml.own.followed"
FOLLOWED_CHUNK = 2400
REGISTERED_CHUNK = 850


class Sum(NamedTuple):
    floor: int
    ceiling: int
    units: int


class Deploying(sdk.Provider):
    """Makes whatever is asked for at once; a model version's chunk is known once it is made, as on a workspace."""

    OUTPUTS: ClassVar = {
        "version": "1",
        "status": "READY",
        "optimizable": True,
        "modelType": "llama",
        "throughputChunkSize": REGISTERED_CHUNK,
        "runId": "0123",
    }

    def __init__(self, planning: sdk.Provider, refused: frozenset[str] = frozenset()) -> None:
        self._planning, self._refused = planning, refused
        self.changed: set[str] = set()

    async def configure(self, request: sdk.ConfigureRequest) -> sdk.ConfigureResponse:
        return sdk.ConfigureResponse(accept_secrets=True, supports_preview=True, accept_resources=True)

    async def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        return await self._planning.check(request)

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        return await self._planning.diff(request)

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        if request.preview:
            return await self._planning.create(request)
        kind = self._accepted(request.urn)
        made = self.OUTPUTS if kind == "ModelVersion" else {"servingEndpointId": "0123"} if "Serving" in kind else {}
        return sdk.CreateResponse(request.urn.rsplit("::", 1)[-1], {**request.properties, **property_values(made)})

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        self._accepted(request.urn)
        return sdk.UpdateResponse({**request.olds, **request.news})

    def _accepted(self, urn: str) -> str:
        """The kind of the resource, unless it is an endpoint that the workspace refuses."""
        kind, name = resource_type(urn).rsplit(":", 1)[-1], urn.rsplit("::", 1)[-1]
        if kind in ("ModelServing", "ModelServingProvisionedThroughput"):
            if name in self._refused:
                raise ValueError("no capacity")
            self.changed.add(name)
        return kind

    async def delete(self, request: sdk.DeleteRequest) -> None:
        return


def answer(request: Seen) -> Reply:
    path = request.path.split("?")[0]
    if path.endswith("/aliases/champion"):
        return Reply(body={"version_num": 7, "version": 7})
    if "get-model-optimization-info" in path:
        known = {**CHUNKS, FOLLOWED: FOLLOWED_CHUNK, UNITS_MODEL: None}
        (model,) = [name for name in known if name in path]
        body = {"optimizable": True, "model_type": "llama", "throughput_chunk_size": known[model]}
        return Reply(body={name: value for name, value in body.items() if value is not None})
    if "/unity-catalog/models/" in path:
        return Reply(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such thing"})
    return Reply(body={"userName": "ana@example.com"})


class Fleet:
    """A project whose stack is deployed by `up` and looked at by `report`."""

    def __init__(self, root: Path, host: str) -> None:
        self.root = root
        root.joinpath("stacks").mkdir()
        root.joinpath("Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
        root.joinpath("stacks", "__main__.py").write_text((ROOT / "stacks" / "__main__.py").read_text())
        for folder in ("examples", "provider"):
            root.joinpath(folder).symlink_to(ROOT / folder)
        self.environ = {"DATABRICKS_HOST": host, "DATABRICKS_TOKEN": TOKEN}

    def write(self, entries: list[dict[str, Any]], name: str = "models.yaml") -> None:
        fleet = {"version": 1, "allow_legacy": True, "models": entries}
        self.root.joinpath(name).write_text(json.dumps(fleet))

    def preview(self) -> dict[str, Any]:
        return self._run("preview")

    def up(self) -> dict[str, Any]:
        """The record of the deployment."""
        return self._run("up")

    def fail(self, refused: frozenset[str]) -> set[str]:
        """Deploy while the workspace refuses these endpoints; return those that were changed before that."""
        databricks = Deploying(OfflineDatabricks({}), refused)
        with environment(self.environ):
            assert not self._engine(databricks).up().ok
        return databricks.changed

    def fail_as_pulumi(self, refused: frozenset[str]) -> set[str]:
        """The same, with the state that Pulumi leaves: the components as declared, the outputs as before."""
        outputs = self._engine().outputs()
        declared = {
            step["urn"]: step["newState"]["inputs"]
            for step in self.preview()["steps"]
            if step["urn"].split("::")[2].endswith((":Endpoint", ":Fleet")) and step["op"] != "delete"
        }
        changed = self.fail(refused)

        def change(deployment: dict[str, Any]) -> dict[str, Any]:
            for resource in deployment["resources"]:
                if resource["urn"] in declared:
                    resource["inputs"] = declared[resource["urn"]]
                elif resource["type"] == "pulumi:pulumi:Stack":
                    resource["outputs"] = outputs
            return deployment

        self._engine().change_state(change)
        return changed

    def _run(self, kind: str) -> dict[str, Any]:
        with environment(self.environ):
            outcome = getattr(self._engine(), kind)()
        assert outcome.ok, outcome.digest.get("diagnostics")
        document: dict[str, Any] = outcome.digest
        return document

    def _engine(self, databricks: sdk.Provider | None = None) -> Engine:
        made = {
            "bandplan": Deploying(OfflineBandplan()),
            "databricks": databricks or Deploying(OfflineDatabricks({})),
        }
        return Engine(self.root, "prod", self.root / "state", made, lambda event: None)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    workspace = FakeWorkspace()
    workspace.answer = answer
    yield Fleet(tmp_path, workspace.host)
    workspace.close()


def random_fleet(dice: random.Random) -> list[dict[str, Any]]:
    return [random_entry(f"model-{number}", dice) for number in range(dice.randint(1, 6))]


def random_entry(name: str, dice: random.Random) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": name, "task": "llm/v1/chat"}
    kind = dice.choice(("bands", "tokens", "units", "auto", "split", "registered", "followed", "legacy"))
    model = dice.choice(sorted(CHUNKS))
    match kind:
        case "bands":
            return {**entry, "model": model, "version": "1", "throughput": random_bands(dice)}
        case "tokens":
            bands = random_bands(dice)["bands"]
            tokens = {bound: count * CHUNKS[model] for bound, count in bands.items()}
            return {**entry, "model": model, "version": "1", "throughput": {"tokens_per_second": tokens}}
        case "units":
            return random_units(name, dice)
        case "auto":
            demand = {"requests_per_second": dice.randint(1, 40) / 10, "input_tokens": 700, "output_tokens": 100}
            return {**entry, "model": model, "version": "1", "throughput": "auto", "demand": demand}
        case "split":
            share = dice.randint(1, 99)
            served = [("current", share), ("candidate", 100 - share)]
            entities = [
                {
                    "name": named,
                    "model": model,
                    "version": str(version),
                    "traffic_percent": percent,
                    "throughput": random_bands(dice),
                }
                for version, (named, percent) in enumerate(served, start=1)
            ]
            return {**entry, "entities": entities}
        case "registered":
            register = {"name": f"ml.own.made_{name}", "source": "examples/checkpoints/tiny-llama"}
            return {**entry, "register": register, "throughput": random_bands(dice)}
        case "followed":
            return {**entry, "model": FOLLOWED, "version": {"alias": "champion"}, "throughput": random_bands(dice)}
        case _:
            workload = {"parameters_billion": 7, "type": "GPU_LARGE", "size": dice.choice(("Small", "Medium"))}
            legacy = {"model": "ml.legacy.mpt_7b_instruct", "version": "3", "workload": workload, "allow_legacy": True}
            return {**entry, "task": "llm/v1/completions", **legacy}


def random_units(name: str, dice: random.Random) -> dict[str, Any]:
    units = {"model_units": 50 * dice.randint(1, 6)}
    return {"name": name, "task": "llm/v1/chat", "model": UNITS_MODEL, "version": "1", "throughput": units}


def random_bands(dice: random.Random) -> dict[str, Any]:
    low = dice.randint(0, 4)
    return {"bands": {"min": low, "max": low + dice.randint(1, 5)}}


def edited(entries: list[dict[str, Any]], dice: random.Random) -> list[dict[str, Any]]:
    """Some entries stay, some change their size or something else, some go, some come."""
    after = []
    for entry in entries:
        match dice.choice(("stays", "stays", "size", "size", "goes", "another", "text")):
            case "stays":
                after.append(entry)
            case "size" if "bands" in str(entry.get("throughput")):
                after.append({**entry, "throughput": random_bands(dice)})
            case "size" | "another":
                after.append(random_entry(entry["name"], dice))
            case "text":
                after.append({**entry, "tags": {"edited": "yes"}})
    after += [random_entry(f"new-{number}", dice) for number in range(dice.randint(0, 2))]
    return after or [random_entry("last", dice)]


def size_of(entry: dict[str, Any], versions_made: set[str]) -> Sum | None:
    """What the entry has, by the platform's arithmetic; None while the chunk of its version is not known."""
    served = entry.get("entities") or [entry]
    parts = [_served_size(entry, one, versions_made) for one in served]
    known = [part for part in parts if part is not None]
    return Sum(*map(sum, zip(*known, strict=True))) if len(known) == len(parts) else None


def _served_size(entry: dict[str, Any], served: dict[str, Any], versions_made: set[str]) -> Sum | None:
    if "workload" in served:
        return Sum(0, 0, 0)
    if "register" in served:
        chunk = REGISTERED_CHUNK if served["register"]["name"] in versions_made else None
    else:
        chunk = FOLLOWED_CHUNK if served["model"] == FOLLOWED else CHUNKS.get(served["model"])
    throughput = served["throughput"]
    if throughput == "auto":
        demand = entry["demand"]
        tokens = Fraction(str(demand["requests_per_second"])) * (demand["input_tokens"] + demand["output_tokens"])
        most = max(1, -(-(tokens * Fraction(12, 10)) // chunk))
        return Sum(chunk, most * chunk, 0)
    if "model_units" in throughput:
        return Sum(0, 0, throughput["model_units"])
    if "tokens_per_second" in throughput:
        return Sum(throughput["tokens_per_second"]["min"], throughput["tokens_per_second"]["max"], 0)
    if chunk is None:
        return None
    return Sum(throughput["bands"]["min"] * chunk, throughput["bands"]["max"] * chunk, 0)


class Expected(NamedTuple):
    """Totals; `unsized` endpoints are in neither, `unmoved` ones in both with the one size that is known."""

    before: Sum
    after: Sum
    unsized: int
    unmoved: int

    def twice(self) -> "Expected":
        """Of two such stacks."""
        before, after = (Sum(*(2 * part for part in side)) for side in (self.before, self.after))
        return Expected(before, after, 2 * self.unsized, 2 * self.unmoved)


def expected(
    before: list[dict[str, Any]], after: list[dict[str, Any]], made_before: set[str], made_after: set[str]
) -> Expected:
    old = {entry["name"]: size_of(entry, made_before) for entry in before}
    new = {entry["name"]: size_of(entry, made_after) for entry in after}
    sums = [Sum(0, 0, 0), Sum(0, 0, 0)]
    unsized = unmoved = 0
    for name in {*old, *new}:
        sides = [sizes[name] for sizes in (old, new) if name in sizes]
        if None in sides and any(sides):
            unmoved += 1
            (one,) = filter(None, sides)
            pair = (one, one)
        elif None in sides:
            unsized += 1
            continue
        else:
            pair = (old.get(name) or Sum(0, 0, 0), new.get(name) or Sum(0, 0, 0))
        sums = [Sum(*map(sum, zip(total, part, strict=True))) for total, part in zip(sums, pair, strict=True)]
    return Expected(sums[0], sums[1], unsized, unmoved)


def require_rows(report: StackReport, wanted: Expected) -> None:
    """The rows add up to the difference of the totals."""
    rows = json.loads(document_text([report]))["stacks"][0]["endpoints"]
    moved = [
        sum(
            ((row["after"] or {}).get(key) or 0) - ((row["before"] or {}).get(key) or 0)
            for row in rows
            if is_sized(row)
        )
        for key in KEYS
    ]
    assert moved == [now - was for was, now in zip(wanted.before, wanted.after, strict=True)]


def is_sized(row: dict[str, Any]) -> bool:
    """Whether no side of a row has a size that is not known yet."""
    sides = [side for side in (row["before"], row["after"]) if side is not None]
    return not any(side["family"] == "bands" and side["floorTokensPerSecond"] is None for side in sides)


KEYS = ("floorTokensPerSecond", "ceilingTokensPerSecond", "modelUnits")


def registered(entries: list[dict[str, Any]]) -> set[str]:
    return {entry["register"]["name"] for entry in entries if "register" in entry}


def told(*documents: dict[str, Any]) -> tuple[StackReport, ...]:
    given = [Given(f"{number}.json", json.dumps(one), f"stack-{number}") for number, one in enumerate(documents)]
    return load_reports(given, [], environ={}, prices=None, thresholds=Thresholds())


def totals(summary: dict[str, Any]) -> Expected:
    """Of the JSON form."""
    assert summary["before"] is not None and summary["after"] is not None
    before, after, change = (Sum(*(summary[side][key] for key in KEYS)) for side in ("before", "after", "change"))
    assert change == Sum(*(now - was for was, now in zip(before, after, strict=True)))
    return Expected(before, after, summary["unsizedEndpoints"], summary["unmovedEndpoints"])


def require_told(reports: Sequence[StackReport], wanted: Expected) -> None:
    """Every form of the report has these totals."""
    assert totals(json.loads(document_text(reports))["summary"]) == wanted
    texts = [markdown(reports).splitlines()[0:12], re.sub(r"<[^>]+>", "", html(reports)).splitlines()]
    for lines in texts:
        text = "\n".join(lines).replace("**", "")
        for name, was, now in zip(("floor", "ceiling", "model units"), wanted.before, wanted.after, strict=True):
            if was != now:
                unit = "" if name == "model units" else " tokens/s"
                assert f"{name} {was:,} → {now:,}{unit} (" in text, text
        for count, words in ((wanted.unsized, "not counted"), (wanted.unmoved, "counted as unchanged")):
            endpoints = "1 endpoint" if count == 1 else f"{count} endpoints"
            assert (f"{endpoints} {words} because a size is not known yet" in text) == (count > 0), text


@pytest.mark.parametrize("seed", range(12))
def test_the_totals_are_the_sums_of_both_models_files(fleet: Fleet, seed: int) -> None:
    dice = random.Random(seed)
    before = random_fleet(dice)
    after = edited(before, dice)
    made = registered(before)
    fleet.write(before)
    require_told(told(fleet.preview()), expected([], before, set(), set()))
    require_told(told(fleet.up()), expected([], before, set(), made))
    fleet.write(after)
    wanted = expected(before, after, made, made)
    reports = told(fleet.preview())
    require_told(reports, wanted)
    require_rows(reports[0], wanted)
    require_told([*reports, *told(fleet.preview())], wanted.twice())
    require_told(told(fleet.up()), expected(before, after, made, made | registered(after)))


def without_sames(document: dict[str, Any]) -> dict[str, Any]:
    """As `pulumi preview --json` prints it: of what stays, only the stack."""
    shown = [one for one in document["steps"] if one["op"] != "same" or "pulumi:pulumi:Stack" in one["urn"]]
    return {**document, "steps": shown}


@pytest.mark.parametrize("fails", [Fleet.fail, Fleet.fail_as_pulumi])
@pytest.mark.parametrize("seed", range(8))
def test_after_a_failed_deployment_the_totals_are_what_runs_and_what_is_declared(
    fleet: Fleet, seed: int, fails: Callable[[Fleet, frozenset[str]], set[str]]
) -> None:
    dice = random.Random(200 + seed)
    before = random_fleet(dice) + [random_bands_entry(f"more-{number}", dice) for number in range(3)]
    fleet.write(before)
    fleet.up()
    # Only bands change, so that the refused endpoints are those with a step of their own.
    after = [
        {**one, "throughput": random_bands(dice)} if "bands" in str(one.get("throughput")) else one for one in before
    ]
    edits = [new["name"] for old, new in zip(before, after, strict=True) if old != new]
    refused = frozenset(dice.sample(edits, dice.randint(1, len(edits))))
    fleet.write(after)
    changed = fails(fleet, refused)

    runs = [new if new["name"] in changed else old for old, new in zip(before, after, strict=True)]
    wanted = expected(runs, after, registered(before), registered(before))
    document = fleet.preview()
    reports = told(document)
    require_told(reports, wanted)
    require_rows(reports[0], wanted)
    require_right_or_unknown(without_sames(document), wanted)
    again = [{**one, "tags": {"edited": "yes"}} if dice.random() < 0.3 else one for one in after]
    fleet.write(again)
    require_told(told(fleet.preview()), expected(runs, again, registered(before), registered(before)))


def require_right_or_unknown(document: dict[str, Any], wanted: Expected) -> None:
    """Without the endpoints that stay, the difference is known; the totals may not be."""
    (report,) = told(document)
    require_rows(report, wanted)
    if report.summary.before is not None and not report.summary.unsized:
        require_told([report], wanted)


def random_bands_entry(name: str, dice: random.Random) -> dict[str, Any]:
    model = dice.choice(sorted(CHUNKS))
    return {"name": name, "task": "llm/v1/chat", "model": model, "version": "1", "throughput": random_bands(dice)}


@pytest.mark.parametrize("seed", range(6))
def test_offline_an_endpoint_of_unknown_size_is_told(fleet: Fleet, seed: int, capsys: Any) -> None:
    dice = random.Random(100 + seed)
    before = [entry for entry in random_fleet(dice) if "alias" not in str(entry)] or [random_units("units", dice)]
    after = [entry for entry in edited(before, dice) if "alias" not in str(entry)] or [random_units("more", dice)]
    for entries in (before, after):
        fleet.write(entries)
        fleet.preview()  # asks for the optimization info, which is kept
    fleet.write(before, "base.yaml")
    result = preview_against(Project(fleet.root), "prod", fleet.root / "base.yaml", Options(json=True))
    assert result.ok and result.document is not None, capsys.readouterr()
    require_told(told(dict(result.document)), expected(before, after, set(), set()))
