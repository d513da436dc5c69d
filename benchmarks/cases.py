"""The timed cases: commands on a fleet of a given size, ours and the peers' in turn, so that a slow moment hits all."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.bench_project import OURS, BenchProject
from benchmarks.fleets import models_yaml_with_targets
from benchmarks.measuring import Sample, median


@dataclass(frozen=True)
class Figure:
    """The median of a case. `case` is `engine program command`, such as `pulumi floor preview`."""

    endpoints: int
    case: str
    runs: int
    sample: Sample


Say = Callable[[str], None]


def embedded(project: BenchProject, count: int, repeats: int, say: Say) -> Iterator[Figure]:
    """Time a first preview, a first update, a preview without changes, and a destroy."""
    samples: dict[str, list[Sample]] = {}
    for number in range(repeats):
        project.forget_state()
        for name, arguments in (
            ("preview of a new stack", ("preview",)),
            ("up of a new stack", ("up", "--no-query")),
            ("preview without a change", ("preview",)),
            ("destroy", ("destroy",)),
        ):
            sample = project.bandplan(*arguments)
            samples.setdefault(name, []).append(sample)
            say(f"{count} endpoints, embedded, {name}, run {number + 1}: {sample.wall_seconds:.2f} s")
    for name, found in samples.items():
        yield Figure(count, f"embedded, {name}", repeats, median(found))


def in_warm_process(project: BenchProject, count: int, repeats: int, say: Say) -> Iterator[Figure]:
    """Time a preview with and without a warm process in turn; the process is started before."""
    project.forget_state()
    project.warm("preview")
    takes = {
        "preview": lambda: project.bandplan("preview"),
        "preview in a warm process": lambda: project.warm("preview"),
    }
    samples: dict[str, list[Sample]] = {name: [] for name in takes}
    for number in range(repeats):
        for name, take in takes.items():
            samples[name].append(take())
            say(f"{count} endpoints, {name}, run {number + 1}: {samples[name][-1].wall_seconds:.2f} s")
    for name, found in samples.items():
        yield Figure(count, f"embedded, {name}, in turn", repeats, median(found))


def with_latency_targets(project: BenchProject, count: int, repeats: int, say: Say) -> Iterator[Figure]:
    """Time the first preview of entries that the planner sizes, and the next one, which has its answers."""
    models = project.root / "models.yaml"
    before = models.read_text()
    models.write_text(models_yaml_with_targets(count))
    samples: dict[str, list[Sample]] = {}
    try:
        for number in range(repeats):
            project.forget_state()
            (project.root / ".bandplan" / "sizes.json").unlink(missing_ok=True)
            for name in ("first preview", "next preview"):
                sample = project.bandplan("preview")
                samples.setdefault(name, []).append(sample)
                say(f"{count} endpoints, latency targets, {name}, run {number + 1}: {sample.wall_seconds:.2f} s")
    finally:
        models.write_text(before)
    for name, found in samples.items():
        yield Figure(count, f"embedded, {name} with latency targets", repeats, median(found))


def under_pulumi(project: BenchProject, count: int, repeats: int, with_up: bool, say: Say) -> Iterator[Figure]:
    """Time the preview of a new stack with our program, the floor and the peer; then `up` with ours."""
    samples: dict[str, list[Sample]] = {}
    programs = project.programs()
    project.forget_state()
    project.init()
    for number in range(repeats):
        for name, program in programs.items():
            project.use(program)
            sample = project.pulumi("preview")
            samples.setdefault(f"{name}, preview of a new stack", []).append(sample)
            say(f"{count} endpoints, pulumi, {name}, preview, run {number + 1}: {sample.wall_seconds:.2f} s")
    project.use(OURS)
    if with_up:
        takes: list[tuple[str, Callable[[], Sample]]] = [
            ("ours, up of a new stack", lambda: project.pulumi("up", "--yes", "--skip-preview")),
            ("ours, preview without a change", lambda: project.pulumi("preview")),
            ("ours, `bandplan up` without a change", lambda: project.bandplan("up", engine="pulumi")),
            ("ours, destroy", lambda: project.pulumi("destroy", "--yes", "--skip-preview")),
        ]
        for name, take in takes:
            sample = take()
            samples.setdefault(name, []).append(sample)
            say(f"{count} endpoints, pulumi, {name}: {sample.wall_seconds:.2f} s")
    for name, found in samples.items():
        yield Figure(count, f"pulumi, {name}", len(found), median(found))
