"""`bandplan stub start | stop | status | open | reset`: control the local workspace, a background process."""

import argparse
import json
import os
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bandplan.cli.columns import terminal_width
from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.local_engines import (
    EngineArguments,
    answering,
    configured_engines,
    reasons,
    require_engine,
    require_right,
    tell_engines,
)
from bandplan.cli.local_fleet import fleet_lines
from bandplan.cli.local_page import open_page
from bandplan.cli.local_workspace import PROVISIONED, UNLIMITED, why_absent
from bandplan.cli.progress import doing
from bandplan.cli.project import LOCAL, Project, find_project
from bandplan.stub import process
from bandplan.stub.inference.selection.spec import SIMULATED
from bandplan.stub.port import parse as parse_port

MOST_UNKNOWN_ROUTES = 20


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    start = actions.add_parser(
        "start", help="start the local workspace, or print where it runs; its state is kept between starts"
    )
    start.add_argument(
        "--port", type=port_number, help="port on 127.0.0.1 (default: the previous port, else any free port)"
    )
    start.add_argument(
        "--settle", type=settle_rule, metavar="HOW", help="when an update settles: at-once, reads:N, ms:N or manual"
    )
    start.add_argument(
        "--scenario",
        metavar="NAME",
        help="play a scenario: a name from `bandplan docs stub`, or a path to your own file",
    )
    start.add_argument(
        "--capacity",
        type=capacity_kind,
        metavar="KIND",
        help="provisioned (default): endpoints serve at the rate of their band or model units; unlimited: as "
        "fast as they can",
    )
    start.add_argument(
        "--pace",
        type=token_pace,
        metavar="TTFT:TPOT",
        help="speed of answers: milliseconds to the first token and per token after it, such as 200:25 "
        "(default: as fast as it can)",
    )
    start.add_argument(
        "--engine",
        metavar="KIND",
        help="what answers where bandplan:engines names nothing: simulated (default), openai, vllm, transformers, or "
        "auto for the first that can be used here",
    )
    start.add_argument(
        "--engine-python",
        type=Path,
        metavar="PYTHON",
        help="the Python of the environment that has vLLM or torch (default: `vllm` on PATH, and this Python)",
    )
    start.add_argument(
        "--allow-engine-host",
        action="append",
        default=[],
        metavar="HOST",
        help="a host other than this machine that the engine openai may send prompts to; may be repeated",
    )
    start.add_argument(
        "--keep-token", action="store_true", help="reuse the previous token, for shells that already have it"
    )
    actions.add_parser("stop", help="stop the local workspace; its state is kept")
    status = actions.add_parser("status", help="report whether and where it runs; exit status 1 if it is not running")
    status.add_argument("--json", action="store_true", help="print host, process id, token file and status as JSON")
    page = actions.add_parser("open", help="print a one-time link to its page, which shows the endpoints and asks them")
    page.add_argument("--browser", action="store_true", help="open the page in the default browser instead")
    reset = actions.add_parser(
        "reset", help="stop the local workspace and delete all its endpoints and registered models"
    )
    reset.add_argument("--yes", action="store_true", help="required if the local stack has resources in it")


def run(arguments: argparse.Namespace) -> int:
    project = find_project(Path.cwd())
    try:
        match arguments.action:
            case "start":
                start(project, arguments)
            case "stop":
                with doing("stopping the local workspace"):
                    stopped = process.stop(project.stub_folder)
                print("stopped the local workspace" if stopped else "the local workspace was not running")
            case "status":
                return show_status(project, as_json=arguments.json)
            case "open":
                open_page(project.stub_folder, in_browser=arguments.browser)
            case "reset":
                require_agreement(project, agreed=arguments.yes)
                process.reset(project.stub_folder)
                print("the local workspace is empty and stopped; `bandplan stub start` or `bandplan up` starts it")
    except process.StubError as error:
        raise CommandError(str(error)) from error
    return 0


def start(project: Project, arguments: argparse.Namespace) -> None:
    """Start the stub or print where it runs, and report settings that a running stub ignores.

    Errors: UsageProblem before anything is started; CommandError.
    """
    scenario = scenario_path(arguments.scenario)
    python = arguments.engine_python and arguments.engine_python.expanduser().absolute()
    engines = EngineArguments(arguments.engine, python, tuple(arguments.allow_engine_host))
    require_engines(project, engines)
    before = process.status(project.stub_folder)
    if before is None and arguments.port:
        require_free(arguments.port)
    with doing("starting the local workspace"):
        running = process.start(
            project.stub_folder,
            settle=arguments.settle,
            port=arguments.port,
            scenario=scenario,
            pace=arguments.pace,
            capacity=arguments.capacity or PROVISIONED,
            is_token_kept=arguments.keep_token,
            engine_arguments=engines.as_options(),
        )
    print(f"the local workspace runs at {running.host}")
    if before is None or before.pid != running.pid:
        tell_engines(project, lambda: models_of(project))
        if engines.engine not in (None, SIMULATED):
            print(f"engine {engines.engine}: `bandplan stub status` shows what answers for each endpoint, and why")
        return
    ignored = [f"--settle {arguments.settle}"] if arguments.settle is not None else []
    if arguments.port and not running.host.endswith(f":{arguments.port}"):
        ignored.append(f"--port {arguments.port}")
    if scenario is not None and process.report(running).get("scenario") != Path(scenario).stem:
        ignored.append(f"--scenario {scenario}")
    if arguments.pace is not None:
        ignored.append(f"--pace {arguments.pace}")
    if arguments.capacity is not None and process.report(running).get("capacity") != arguments.capacity:
        ignored.append(f"--capacity {arguments.capacity}")
    if engines != EngineArguments():
        ignored += engines.as_options()
    if ignored:
        wanted = " ".join(ignored)
        print(
            f"it was already running and keeps its settings; to use {wanted}, run `bandplan stub stop` "
            f"and then `bandplan stub start {wanted}`; its endpoints are kept",
            file=sys.stderr,
        )


def require_free(port: int) -> None:
    """Raise UsageProblem if something else listens on a port."""
    with socket.socket() as probe:
        # As the workspace itself does: a port that was in use a moment ago is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UsageProblem(
                f"--port {port}: cannot be used ({error.strerror}); name another one, or leave it out for a free one"
            ) from error


def require_engines(project: Project, engines: EngineArguments) -> None:
    """Raise UsageProblem if the engines of the options or of the stack's file cannot be started here."""
    found = configured_engines(project)
    require_engine(engines, found)
    if found is not None:
        require_right(project, found, models_of(project), engines)


def models_of(project: Project) -> Mapping[str, Any]:
    """Return the contents of the local stack's models file; empty if it cannot be read, which a deployment reports."""
    from bandplan.cli.stack_choice import StackChoice, contents_of

    return contents_of(StackChoice(project, LOCAL, os.environ).models)


def port_number(text: str) -> int:
    """Parse a port. Errors: UsageProblem, which is one line where argparse would add the usage."""
    try:
        return parse_port(text)
    except ValueError as error:
        raise UsageProblem(str(error)) from error


def settle_rule(text: str) -> str:
    """Return `text` if it is a valid rule. Errors: UsageProblem otherwise."""
    from bandplan.stub.state.serving.settle import parse

    try:
        parse(text)
    except ValueError as error:
        raise UsageProblem(str(error)) from error
    return text


def capacity_kind(text: str) -> str:
    """Return `text` if it is a kind of capacity. Errors: UsageProblem otherwise."""
    if text not in (PROVISIONED, UNLIMITED):
        raise UsageProblem(f"--capacity {text}: must be one of: {PROVISIONED}, {UNLIMITED}")
    return text


def token_pace(text: str) -> str:
    """Return `text` if it is a valid pace. Errors: UsageProblem otherwise."""
    from bandplan.stub.inference.simulated import parse_pace

    try:
        parse_pace(text)
    except ValueError as error:
        raise UsageProblem(str(error)) from error
    return text


def scenario_path(name: str | None) -> str | None:
    """Return the scenario's name, or the absolute path of the user's own readable file. Errors: UsageProblem."""
    if name is None:
        return None
    from bandplan.stub.state import scenario

    try:
        path = scenario.find(name)
        scenario.load(path)
    except scenario.ScenarioError as error:
        raise UsageProblem(str(error)) from error
    return name if path.parent == scenario.FOLDER else str(path)


def show_status(project: Project, *, as_json: bool) -> int:
    """Print the stub's status; never the token, only the file that holds it."""
    running = process.status(project.stub_folder)
    token_file = project.stub_folder / "token"
    if running is None:
        print("null" if as_json else why_absent(project.stub_folder))
        return 1
    facts = process.report(running)
    overview = process.endpoints(running)
    if as_json:
        from bandplan.cli.json_output import VERSION

        head = {"version": VERSION, "command": "stub status"}
        shown = {**head, "host": running.host, "pid": running.pid, "token_file": str(token_file), "status": facts}
        print(json.dumps({**shown, "endpoints": overview["endpoints"]}))
        return 0
    print(
        f"the local workspace runs at {running.host} (process {running.pid}); its token is in {token_file}, "
        "and `bandplan stub open` opens its page"
    )
    width = terminal_width()
    for line in (*status_lines(facts, fleet_lines(overview["endpoints"], width)), *reasons(answering(project))):
        print(line)
    return 0


def status_lines(facts: dict[str, Any], fleet: Iterable[str] = ()) -> Iterator[str]:
    """Yield the endpoints, then what is unusual: a stopped clock, pending faults, requests without a matching route."""
    count = f"{facts['endpoints']} endpoint" + ("" if facts["endpoints"] == 1 else "s")
    yield count + (f"; scenario {facts['scenario']}" if facts["scenario"] else "")
    yield from fleet
    if facts.get("capacity") == UNLIMITED:
        yield "its endpoints answer as fast as they can, regardless of their capacity (--capacity unlimited)"
    if facts["engine"]["default"] != SIMULATED:
        yield f"engine {facts['engine']['default']}, where bandplan:engines names no other"
    yield from map(engine_line, facts["engines"])
    if facts["clock"]["stopped"]:
        held = ", and so is every query" if facts.get("capacity") == PROVISIONED else ""
        yield f"its clock is stopped{held} (POST /stub/clock restarts it)"
    if waiting := sum(len(facts[kind]) for kind in ("faults", "registration_faults", "route_faults")):
        yield f"{waiting} faults are pending (GET /stub/status lists them)"
    if unknown := facts["unknown_routes"]:
        yield "requests without a matching route since the start:"
        yield from (f"  {count:>6}  {route}" for route, count in list(unknown.items())[:MOST_UNKNOWN_ROUTES])
        if len(unknown) > MOST_UNKNOWN_ROUTES:
            yield f"  and {len(unknown) - MOST_UNKNOWN_ROUTES} more (--json shows all)"


def engine_line(engine: Mapping[str, Any]) -> str:
    """Format an engine that runs: with what it lacks once it is ready, else what it is doing or why it failed."""
    weights = f" ({engine['weights']})" if engine["weights"] else ""
    detail = f"without {', '.join(engine['missing'])}" if engine["missing"] else engine["detail"]
    return f"  {engine['kind']}{weights}: {engine['state']}" + (f"; {detail}" if detail else "")


def require_agreement(project: Project, *, agreed: bool) -> None:
    """Raise UsageProblem if emptying the workspace would leave a deployed local stack without its endpoints."""
    from bandplan.cli.engines.checkpoint import read_checkpoint, stack_names

    if agreed or LOCAL not in stack_names(project.state_folder, project.name):
        return
    latest = read_checkpoint(project.state_folder, project.name, LOCAL).get("latest") or {}
    count = sum(bool(resource.get("custom")) for resource in latest.get("resources") or [])
    if count:
        raise UsageProblem(
            f"the stack {LOCAL} has {count} resources in this workspace; run `bandplan destroy` first, "
            "or give --yes and run `bandplan refresh` afterwards"
        )
