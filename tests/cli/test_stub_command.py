"""`bandplan stub`, with the stub as it is: a process on a free port."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from bandplan.cli.commands.stub import require_agreement
from bandplan.cli.errors import UsageProblem
from bandplan.cli.main import main
from bandplan.cli.project import Project
from bandplan.stub import process
from tests.stub.stub_client import StubClient, bands


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "Pulumi.yaml").write_text("name: bandplan\n")
    here = Path.cwd()
    os.chdir(tmp_path)
    yield tmp_path
    main(["stub", "stop"])
    os.chdir(here)


def test_stub_starts_once_is_shown_without_its_token_and_stops(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stub", "status"]) == 1
    assert "is not running" in capsys.readouterr().out

    assert main(["stub", "start"]) == 0
    first = capsys.readouterr().out
    assert main(["stub", "start"]) == 0
    assert capsys.readouterr().out == first

    assert main(["stub", "status", "--json"]) == 0
    shown = capsys.readouterr().out
    facts = json.loads(shown)
    assert facts["host"] in first
    assert Path(facts["token_file"]).read_text().strip() not in shown

    assert main(["stub", "stop"]) == 0
    assert main(["stub", "status"]) == 1


def test_workspace_that_refuses_the_token_in_its_file_is_not_said_to_be_stopped(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stub", "start"]) == 0
    holder = process.holding_process(project / ".bandplan" / "stub")
    assert holder is not None
    token = project / ".bandplan" / "stub" / "token"
    token.write_text("another")
    capsys.readouterr()

    for command in (["stub", "status"], ["stub", "open"], ["drift"], ["doctor", "--offline"], []):
        main(command)
        said = "".join(capsys.readouterr())
        assert f"process {holder}" in said and "`bandplan stub stop`" in said, command
        assert "not running" not in said.replace("warm process      not running", ""), command

    assert main(["stub", "stop"]) == 0
    assert process.holding_process(project / ".bandplan" / "stub") is None
    main(["stub", "status"])
    assert "is not running" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "value"), [("--port", "99999"), ("--port", "x"), ("--port", "-1"), ("--settle", "never")]
)
def test_wrong_setting_is_told_on_one_line_with_exit_status_two(
    project: Path, capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    assert main(["stub", "start", option, value]) == 2
    out, said = capsys.readouterr()
    assert said.startswith(f"error: {option} {value}: not a ")
    assert (out, said.count("\n")) == ("", 1) and len(said) < 120
    assert main(["stub", "status"]) == 1


def test_running_stub_says_which_settings_it_does_not_take_and_how_to_change_them(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["stub", "start", "--settle", "reads:3"])
    out, said = capsys.readouterr()
    assert said == ""
    port = out.strip().rpartition(":")[2]
    other = "1" if port != "1" else "2"

    assert main(["stub", "start", "--settle", "at-once", "--port", other]) == 0
    again, said = capsys.readouterr()
    assert again == out
    assert "was already running and keeps its settings" in said
    assert f"`bandplan stub stop` and then `bandplan stub start --settle at-once --port {other}`" in said

    assert main(["stub", "start", "--port", port]) == 0
    assert capsys.readouterr().err == ""

    assert main(["stub", "start", "--pace", "200:25"]) == 0
    assert "`bandplan stub stop` and then `bandplan stub start --pace 200:25`" in capsys.readouterr().err


def test_pace_reaches_the_workspace_and_a_wrong_one_is_told_on_one_line(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stub", "start", "--pace", "200"]) == 2
    out, said = capsys.readouterr()
    assert (out, said.count("\n")) == ("", 1)
    assert said.startswith("error: --pace 200: must be two numbers of milliseconds")
    assert main(["stub", "start", "--pace", "200:25"]) == 0
    running = process.status(project / ".bandplan" / "stub")
    assert running is not None
    assert "--pace\x00200:25" in Path(f"/proc/{running.pid}/cmdline").read_text()


def test_capacity_is_provisioned_unless_it_is_said_to_be_unlimited(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stub", "start", "--capacity", "endless"]) == 2
    said = capsys.readouterr().err
    assert said == "error: --capacity endless: must be one of: provisioned, unlimited\n"
    main(["stub", "start"])
    assert main(["stub", "start", "--capacity", "provisioned"]) == 0
    assert capsys.readouterr().err == ""
    main(["stub", "start", "--capacity", "unlimited"])
    assert "`bandplan stub stop` and then `bandplan stub start --capacity unlimited`" in capsys.readouterr().err
    running = process.status(project / ".bandplan" / "stub")
    assert running is not None
    StubClient(running.host, running.token).ok("POST", "/stub/clock", {"stopped": True})
    main(["stub", "status"])
    said = capsys.readouterr().out
    assert "whatever their capacity" not in said
    assert "its clock is stopped, and so is every query (POST /stub/clock restarts it)" in said
    main(["stub", "stop"])
    main(["stub", "start", "--capacity", "unlimited"])
    main(["stub", "status"])
    assert "its endpoints answer as fast as they can, regardless of their capacity" in capsys.readouterr().out


def asked(path: Path, route: str) -> int:
    """The status that the stub of the project answers to a GET."""
    running = process.status(path / ".bandplan" / "stub")
    assert running is not None
    headers = {"Authorization": f"Bearer {running.token}"}
    return urllib3.request("GET", running.host + route, headers=headers, retries=False).status


def test_status_shows_what_is_played_what_waits_and_which_requests_no_route_answers(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["stub", "start", "--scenario", "flaky-network"])
    for _ in range(3):
        assert asked(project, "/api/2.0/clusters/list?page=1") == 404
    assert asked(project, "/api/2.1/jobs/list") == 404
    capsys.readouterr()

    assert main(["stub", "status"]) == 0
    said = capsys.readouterr().out
    assert "0 endpoints; scenario flaky-network" in said
    assert "faults are pending" in said
    lines = [line.split() for line in said.splitlines()]
    assert lines.index(["3", "GET", "/api/2.0/clusters/list"]) < lines.index(["1", "GET", "/api/2.1/jobs/list"])

    assert main(["stub", "status", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["status"]["unknown_routes"] == {"GET /api/2.0/clusters/list": 3, "GET /api/2.1/jobs/list": 1}


def test_status_of_a_quiet_workspace_is_two_lines(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["stub", "start"])
    capsys.readouterr()
    main(["stub", "status"])
    assert capsys.readouterr().out.splitlines()[1:] == ["0 endpoints"]


def test_status_shows_each_endpoint_and_what_it_does(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["stub", "start", "--settle", "at-once"])
    running = process.status(project / ".bandplan" / "stub")
    assert running is not None
    StubClient(running.host, running.token).create("support-chat", bands())
    capsys.readouterr()
    assert main(["stub", "status"]) == 0
    _, count, head, row = capsys.readouterr().out.splitlines()
    assert count == "1 endpoint"
    assert head.startswith("ENDPOINT ")
    assert row.split("  ")[0] == "support-chat" and "980 to 1,960" in row and "1 of 2" in row
    main(["stub", "status", "--json"])
    (shown,) = json.loads(capsys.readouterr().out)["endpoints"]
    assert (shown["name"], shown["floor"], shown["ceiling"]) == ("support-chat", 980, 1960)


def test_scenario_of_ones_own_is_played_from_a_relative_path(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "mine.yaml").write_text("description: mine\nlimits: {endpoints: 1}\n")
    assert main(["stub", "start", "--scenario", "mine.yaml"]) == 0
    main(["stub", "status"])
    assert "scenario mine" in capsys.readouterr().out

    assert main(["stub", "start", "--scenario", "slow-gpu"]) == 0
    assert "`bandplan stub start --scenario slow-gpu`" in capsys.readouterr().err
    assert main(["stub", "start", "--scenario", "mine.yaml"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing-works", "use one of capacity-runs-out"),
        ("./missing.yaml", "no such file"),
        ("broken.yaml", "limits/endpoints: 'many' is not of type 'integer'"),
    ],
)
def test_scenario_that_cannot_be_played_is_told_with_exit_status_two(
    project: Path, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    (project / "broken.yaml").write_text("description: d\nlimits: {endpoints: many}\n")
    assert main(["stub", "start", "--scenario", name]) == 2
    out, err = capsys.readouterr()
    assert said in err and out == ""
    assert main(["stub", "status"]) == 1


def test_token_is_another_after_each_start_unless_it_is_kept(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    token_file = project / ".bandplan" / "stub" / "token"
    tokens = []
    for arguments in ([], [], ["--keep-token"]):
        main(["stub", "start", *arguments])
        tokens.append(token_file.read_text())
        main(["stub", "stop"])
    first, second, kept = tokens
    assert first != second == kept
    out, err = capsys.readouterr()
    assert not any(token in out + err for token in tokens)


def test_open_prints_a_link_that_works_once_and_holds_no_token(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stub", "open"]) == 1
    assert "is not running; start it with `bandplan stub start`" in capsys.readouterr().err
    main(["stub", "start"])
    host = capsys.readouterr().out.split()[-1]
    assert main(["stub", "open"]) == 0
    link, said = capsys.readouterr().out.splitlines()
    assert link.startswith(f"{host}/#open=")
    assert said == "opens the page in a browser on this machine; it works once, within five minutes"
    assert (project / ".bandplan" / "stub" / "token").read_text() not in link
    body = json.dumps({"code": link.partition("#open=")[2]}).encode()
    for expected in (200, 403):
        assert urllib3.request("POST", f"{host}/stub/page/session", body=body, retries=False).status == expected


def test_browser_gets_the_link_in_a_private_file_and_not_as_an_argument(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = project / "browser"
    recorder.write_text(f'#!/bin/sh\necho "$@" > {project / "asked"}\n')
    recorder.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(recorder))
    main(["stub", "start"])
    assert main(["stub", "open", "--browser"]) == 0
    assert "#open=" not in capsys.readouterr().out
    page = project / ".bandplan" / "stub" / "open.html"
    assert (project / "asked").read_text().strip() == page.resolve().as_uri()
    assert page.stat().st_mode & 0o777 == 0o600
    assert "/#open=" in page.read_text()


def test_reset_says_that_the_workspace_is_stopped(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["stub", "start"])
    capsys.readouterr()
    assert main(["stub", "reset"]) == 0
    assert "empty and stopped; `bandplan stub start`" in capsys.readouterr().out
    assert main(["stub", "status"]) == 1


def checkpoint_with(folder: Path, *, custom: int) -> None:
    path = folder / ".bandplan" / "state" / ".pulumi" / "stacks" / "bandplan" / "local.json"
    path.parent.mkdir(parents=True)
    head = "urn:pulumi:local::bandplan"
    resources = [
        {"urn": f"{head}::pulumi:pulumi:Stack::stack", "custom": False, "type": "pulumi:pulumi:Stack"},
        *({"urn": f"{head}::toy:a:B::{n}", "custom": True, "type": "toy:a:B"} for n in range(custom)),
    ]
    path.write_text(json.dumps({"version": 3, "checkpoint": {"stack": "local", "latest": {"resources": resources}}}))


def test_reset_under_a_deployed_stack_needs_agreement(project: Path) -> None:
    checkpoint_with(project, custom=2)
    with pytest.raises(UsageProblem, match="has 2 resources"):
        require_agreement(Project(project), agreed=False)
    require_agreement(Project(project), agreed=True)


def test_reset_after_destroy_needs_none(project: Path) -> None:
    checkpoint_with(project, custom=0)
    require_agreement(Project(project), agreed=False)


def test_engine_that_cannot_start_is_told_on_one_line_before_anything_starts(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert main(["stub", "start", "--engine", "vllm"]) == 2
    out, said = capsys.readouterr()
    assert said == (
        "error: --engine vllm: there is no command `vllm` on PATH; run `pip install vllm`, in any environment, "
        "or give --engine-python\n"
    )
    assert out == ""
    assert main(["stub", "status"]) == 1


def test_status_says_which_engine_was_asked_for_and_how_those_that_run_are(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "stacks").mkdir()
    file = project / "stacks" / "Pulumi.local.yaml"
    file.write_text('config: {"bandplan:engines": {"*": {engine: openai, url: "http://127.0.0.1:9/v1"}}}\n')
    assert main(["stub", "start", "--engine", "auto"]) == 0
    running = process.status(project / ".bandplan" / "stub")
    assert running is not None
    client = StubClient(running.host, running.token)
    client.create("chat")
    client.send("POST", "/serving-endpoints/chat/invocations", {"messages": [{"role": "user", "content": "Hi"}]})
    capsys.readouterr()
    assert main(["stub", "status"]) == 0
    out = capsys.readouterr().out
    assert "engine auto, where bandplan:engines names no other" in out
    assert "  chat: openai: " in out


def test_port_that_is_taken_is_told_on_one_line_before_anything_starts(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["stub", "start", "--port", str(port)]) == 2
    assert capsys.readouterr().err == (
        f"error: --port {port}: cannot be used (Address already in use); name another one, or leave it out for a free one\n"
    )
    assert main(["stub", "status"]) == 1
