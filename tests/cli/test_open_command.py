import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import urllib3

from bandplan.cli.browser import is_usable
from bandplan.cli.commands.open import address
from bandplan.cli.main import main
from bandplan.stub import process
from tests.answering import JsonHandler, answering
from tests.cli.team_project import write_team_project

NOTHING = {"error_code": "ENDPOINT_NOT_FOUND", "message": "no"}


class Workspace(JsonHandler):
    """One endpoint, and no page of a local workspace."""

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path.endswith("/Me"):
            self.reply(200, {"userName": "ann"})
        elif path == "/api/2.0/serving-endpoints":
            self.reply(200, {"endpoints": [{"name": "chat", "id": "1"}]})
        elif path.endswith("/chat"):
            self.reply(200, {"name": "chat"})
        else:
            self.reply(404, NOTHING)

    def do_POST(self) -> None:
        self.received()
        self.reply(404, NOTHING)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    write_team_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABRICKS_TOKEN", "secret-token")
    monkeypatch.delenv("CI", raising=False)
    recorder = tmp_path / "browser"
    recorder.write_text(f'#!/bin/sh\necho "$@" > {tmp_path / "asked"}\n')
    recorder.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(recorder))
    yield tmp_path
    process.stop(tmp_path / ".bandplan" / "stub")


@pytest.fixture
def prod(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with answering(Workspace) as url:
        monkeypatch.setenv("DATABRICKS_HOST", url)
        yield url


def test_address_is_that_of_the_platforms_page() -> None:
    host = "https://adb-1.2.azuredatabricks.net"
    assert address(host, "support-chat") == f"{host}/ml/endpoints/support-chat"
    assert address(host, None) == f"{host}/ml/endpoints"


def test_address_of_a_real_workspace_is_all_of_the_output(
    project: Path, prod: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["open", "chat", "--stack", "prod", "--print"]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == (f"{prod}/ml/endpoints/chat\n", "")
    assert main(["open", "--stack", "prod"]) == 0  # not on a terminal
    assert capsys.readouterr().out == f"{prod}/ml/endpoints\n"


def test_browser_gets_the_address(
    project: Path, prod: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert main(["open", "chat", "--stack", "prod"]) == 0
    assert (project / "asked").read_text() == f"{prod}/ml/endpoints/chat\n"
    assert capsys.readouterr().out == "opened chat in the browser\n"


def test_mistyped_endpoint_gets_the_nearest_one(project: Path, prod: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["open", "caht", "--stack", "prod", "--print"]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and "did you mean chat?" in shown.err


def test_workspace_that_does_not_answer_can_still_be_opened(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", "https://workspace.invalid")
    assert main(["open", "chat", "--stack", "prod", "--print"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "https://workspace.invalid/ml/endpoints/chat\n"
    assert shown.err.startswith("warning: chat was not looked up: ") and "secret-token" not in shown.err


def test_local_workspace_is_opened_by_a_link_that_works_once(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABRICKS_HOST", raising=False)
    running = process.start(project / ".bandplan" / "stub")
    assert main(["open", "--print"]) == 0
    link = capsys.readouterr().out.strip()
    assert link.startswith(f"{running.host}/#open=") and running.token not in link
    body = json.dumps({"code": link.partition("#open=")[2]}).encode()
    for expected in (200, 403):
        assert urllib3.request("POST", f"{running.host}/stub/page/session", body=body).status == expected

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert main(["open"]) == 0
    page = project / ".bandplan" / "stub" / "open.html"
    assert (project / "asked").read_text().strip() == page.resolve().as_uri()
    assert page.stat().st_mode & 0o777 == 0o600
    assert "#open=" not in capsys.readouterr().out


USABLE = {
    "a display": ({"DISPLAY": ":0"}, True, True),
    "a browser of the user": ({"BROWSER": "firefox"}, True, True),
    "no display": ({}, True, False),
    "no terminal": ({"DISPLAY": ":0"}, False, False),
    "a job of CI": ({"DISPLAY": ":0", "CI": "true"}, True, False),
}


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="has a display always")
@pytest.mark.parametrize("name", USABLE)
def test_browser_is_usable(name: str) -> None:
    environ, is_terminal, expected = USABLE[name]
    variables: Mapping[str, str] = environ
    assert is_usable(variables, is_terminal=is_terminal) is expected
