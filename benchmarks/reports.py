"""`bandplan report` on a preview in which every endpoint changes, with all its forms."""

import json
from collections.abc import Iterator

from benchmarks.bench_project import BenchProject
from benchmarks.cases import Figure, Say
from benchmarks.fleets import models_yaml
from benchmarks.measuring import Sample, median

_MORE = {"max: 4}": "max: 5}", "max: 3}": "max: 4}", "max: 2}": "max: 3}", "model_units: 50": "model_units: 100"}


def report_on_change(project: BenchProject, count: int, repeats: int, say: Say) -> Iterator[Figure]:
    """Deploy the stack, give every endpoint of models.yaml more capacity, and time the report on that preview."""
    models = project.root / "models.yaml"
    project.forget_state()
    project.bandplan("up", "--no-query")
    models.write_text(raised(models_yaml(count)))
    preview = project.root / "preview.json"
    preview.write_text(json.dumps(project.digest()))
    samples: list[Sample] = []
    for number in range(repeats):
        samples.append(project.command("report", preview.name, "--json", "report.json", "--html", "report.html"))
        say(f"{count} changed endpoints, report, run {number + 1}: {samples[-1].wall_seconds:.2f} s")
    changed = json.loads((project.root / "report.json").read_text())["summary"]["changedEndpoints"]
    assert changed == count, changed
    models.write_text(models_yaml(count))
    project.bandplan("destroy")
    yield Figure(count, "report on a change of every endpoint", repeats, median(samples))


def raised(models: str) -> str:
    """Return models.yaml with more capacity for every entry."""
    return "\n".join(_raised_line(line) for line in models.split("\n"))


def _raised_line(line: str) -> str:
    old = next((old for old in _MORE if old in line), "")
    return line.replace(old, _MORE[old]) if old else line
