"""`bandplan log-model`: log a checkpoint as a deployment does; with --register, register it or a logged model."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.project import LOCAL, find_project
from bandplan.cli.stack_argument import add_stack_argument
from bandplan.cli.stack_choice import choose_stack
from bandplan.serving.spec.tasks import ONE_OF

if TYPE_CHECKING:
    from bandplan.serving.registration.sources.source import Source
    from bandplan.serving.workspace.client import WorkspaceClient


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="Hugging Face checkpoint folder; with --register also an MLflow model: a folder, runs:/ or models:/ URI",
    )
    parser.add_argument("--task", metavar="T", help=ONE_OF)
    parser.add_argument("--model-type", metavar="TYPE", help="the model_type metadata, required for an embedding model")
    parser.add_argument(
        "--metadata", metavar="KEY=VALUE", action="append", default=[], help="additional metadata for the logged model"
    )
    parser.add_argument("--mlflow-version", metavar="V", help="fail unless this MLflow version is installed")
    parser.add_argument("--experiment", metavar="NAME", help="experiment for the run, overriding MLflow's variables")
    parser.add_argument(
        "--check", action="store_true", help="report what the source is and any problems with it; log nothing"
    )
    registering = parser.add_argument_group("registering")
    registering.add_argument(
        "--register", action="store_true", help="create a version of --name unless one exists for this source"
    )
    registering.add_argument("--name", metavar="CATALOG.SCHEMA.MODEL", help="the registered model")
    registering.add_argument("--description", metavar="TEXT", help="description of the version")
    registering.add_argument(
        "--tag", metavar="KEY=VALUE", action="append", default=[], help="tag for the version; repeatable"
    )
    registering.add_argument(
        "--reference-weights", action="store_true", help="store the weights in the version only, not in the run as well"
    )
    add_stack_argument(parser, f"stack whose workspace to use (default: {LOCAL}, on this machine)")


def run(arguments: argparse.Namespace) -> int:
    from bandplan.serving.registration.errors import RegistrationError
    from bandplan.serving.registration.sources.source import parse
    from bandplan.serving.workspace.errors import WorkspaceError

    require_sense(arguments)
    project = find_project(Path.cwd())
    choice = choose_stack(project, arguments.stack, os.environ)
    try:
        source = parse(arguments.source, Path.cwd())
        if arguments.check:
            return check(arguments, source)
        if source.kind != "checkpoint" and not arguments.register:
            raise UsageProblem(f"{arguments.source} is already logged; add --register to create a version from it")
        client = choice.client()
        client.require_answer()
        if arguments.register:
            register(arguments, source, project.digests_folder, client)
        else:
            log(arguments, source, client)
    except (RegistrationError, WorkspaceError) as error:
        raise CommandError(str(error)) from error
    return 0


def require_sense(arguments: argparse.Namespace) -> None:
    """Raise UsageProblem for arguments that contradict each other or lack something."""
    if arguments.register and not arguments.name:
        raise UsageProblem("--register needs the model's name; add --name catalog.schema.model")
    alone = [("--name", arguments.name), ("--description", arguments.description), ("--tag", arguments.tag)]
    alone.append(("--reference-weights", arguments.reference_weights))
    given = [option for option, value in alone if value]
    if given and not arguments.register:
        raise UsageProblem(f"{', '.join(given)} {'works' if len(given) == 1 else 'work'} only with --register; add it")


def check(arguments: argparse.Namespace, source: "Source") -> int:
    """Print what the source is and every finding; return 2 if one is an error."""
    from bandplan.serving.registration.checks.suitability import described, findings
    from bandplan.serving.registration.sources.finding import errors_of

    description = described(source, arguments.task)
    if description:
        print(f"{source.text}: {description}")
    found = findings(source, arguments.task, metadata_of(arguments), arguments.mlflow_version)
    for finding in found:
        print(f"{finding.severity}: {finding}")
    return 2 if errors_of(found) else 0


def log(arguments: argparse.Namespace, source: "Source", client: "WorkspaceClient") -> None:
    from bandplan.serving.registration.register import LogRequest
    from bandplan.serving.registration.register import log as log_checkpoint

    request = LogRequest(
        source,
        arguments.task,
        client.host,
        client.bearer(),
        metadata=metadata_of(arguments),
        mlflow_version=arguments.mlflow_version,
        experiment=arguments.experiment,
        renew=client.renewed_bearer,
    )
    logged = log_checkpoint(request, progress=show)
    print(f"run      {logged.run_id}\nmodel    {logged.model_uri}")


def register(arguments: argparse.Namespace, source: "Source", digests: Path, client: "WorkspaceClient") -> None:
    from bandplan.serving.registration.register import RegistrationRequest
    from bandplan.serving.registration.register import register as register_version
    from bandplan.serving.registration.sources.digest import digest

    metadata = metadata_of(arguments)
    content = digest(source, client, digests, task=arguments.task, metadata=metadata, progress=show)
    request = RegistrationRequest(
        arguments.name,
        source,
        content,
        arguments.task,
        client.host,
        client.bearer(),
        metadata=metadata,
        description=arguments.description,
        tags=dict(pair(text, "--tag") for text in arguments.tag),
        mlflow_version=arguments.mlflow_version,
        experiment=arguments.experiment,
        reference_weights=arguments.reference_weights,
        renew=client.renewed_bearer,
    )
    registered = register_version(request, progress=show, client=client)
    if registered.run_id is not None:
        print(f"run      {registered.run_id}")
    if registered.model_uri is not None:
        print(f"model    {registered.model_uri}")
    print(f"version  {arguments.name} {registered.version}")


def metadata_of(arguments: argparse.Namespace) -> dict[str, str]:
    given = dict(pair(text, "--metadata") for text in arguments.metadata)
    return given if arguments.model_type is None else {**given, "model_type": arguments.model_type}


def pair(text: str, option: str) -> tuple[str, str]:
    """Split KEY=VALUE into key and value. Errors: UsageProblem."""
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise UsageProblem(f"{option} {text}: must have the form KEY=VALUE")
    return key, value


def show(text: str) -> None:
    print(text, flush=True)
