"""`bandplan real-scale`: the tokens/s that an endpoint really scaled to, from its metrics export."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bandplan.cli.project import LOCAL
from bandplan.cli.stack_argument import add_stack_argument

if TYPE_CHECKING:
    from bandplan.serving.workspace.metrics import Sample

CONCURRENCY = "provisioned_concurrent_requests_total"
GPU = "gpu_usage_percentage"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="ENDPOINT", help="the endpoint, as the workspace names it")
    add_stack_argument(parser, f"stack whose workspace to read (default: {LOCAL})")


def run(arguments: argparse.Namespace) -> int:
    from bandplan.cli.errors import CommandError, UsageProblem
    from bandplan.cli.live_endpoint import unknown_endpoint
    from bandplan.cli.local_workspace import require_running
    from bandplan.cli.project import find_project
    from bandplan.cli.stack_choice import choose_stack
    from bandplan.serving.planning.record import record_of
    from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
    from bandplan.serving.workspace.endpoints import Endpoints
    from bandplan.serving.workspace.errors import NotConfigured, NotFound, WorkspaceError
    from bandplan.serving.workspace.metrics import samples
    from bandplan.serving.workspace.optimization_info import fetch

    project = find_project(Path.cwd())
    name = arguments.name
    try:
        choice = choose_stack(project, arguments.stack, os.environ)
        if choice.stack == LOCAL:
            require_running(project)
        client = choice.client()
        endpoints = Endpoints(client)
        live = endpoints.get(name)
        if live.config is None:
            raise UsageProblem(f"{name}: its first deployment is not finished; run again once it is ready")
        exported = list(samples(endpoints.metrics(name)))
        served = [(entity.name, *model_of(entity.settings)) for entity in live.config.entities]
        wanted = [ModelVersion(model, version) for _, model, version in served if model and version]
        infos = fetch(client, wanted, record_of(project.root))
    except NotFound as error:
        raise UsageProblem(unknown_endpoint(choice, name)) from error
    except NotConfigured as error:
        raise UsageProblem(str(error)) from error
    except WorkspaceError as error:
        raise CommandError(str(error)) from error
    for entity, model, version in served:
        info = infos.get(ModelVersion(model, version))
        chunk = info.throughput_chunk_size if isinstance(info, OptimizationInfo) else None
        for line in lines_of(entity, f"{model} version {version}", exported, chunk):
            print(line)
    return 0


def model_of(settings: Any) -> tuple[str, str]:
    """Return (model, version) of a served entity, in either form of the API."""
    model = settings.get("entity_name") or settings.get("model_name") or ""
    return str(model), str(settings.get("entity_version") or settings.get("model_version") or "")


def lines_of(entity: str, model: str, exported: "Sequence[Sample]", chunk: int | None) -> list[str]:
    """Return what is known of one served entity: concurrency x smallest band / 4, and the use of GPUs beside it."""
    from bandplan.planner.arithmetic import real_tokens_per_second

    lines = [f"{entity} ({model})"]
    concurrency = _of(exported, CONCURRENCY, entity)
    if not concurrency:
        lines.append(f"  scale      not known: the metrics export has no {CONCURRENCY}; ask again once it serves")
    elif chunk is None:
        told = f"provisioned concurrency {sum(concurrency):g}"
        lines.append(f"  scale      {told}; the model is not sold in bands, so tokens/s do not follow")
    else:
        total = sum(concurrency)
        real = real_tokens_per_second(total, chunk)
        lines.append(
            f"  scale      {real:,.0f} tokens/s = provisioned concurrency {total:g} x smallest band {chunk:,} / 4"
        )
    for index, use in enumerate(_of(exported, GPU, entity)):
        lines.append(f"  GPU {index}      {use:.0f}% used in the last minute")
    return lines


def _of(exported: "Sequence[Sample]", metric: str, entity: str) -> list[float]:
    """Return the values of a metric that are labelled with the entity."""
    return [one.value for one in exported if one.name == metric and entity in one.labels.values()]
