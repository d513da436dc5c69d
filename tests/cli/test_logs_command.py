import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli.commands import logs as command
from bandplan.cli.entity_logs import EntityLog, Served, added_lines, lines_of, served_entities
from bandplan.cli.main import main
from tests.answering import JsonHandler, answering
from tests.cli.team_project import write_team_project
from tests.output_schema import require_shape

READY = {"deployment": "DEPLOYMENT_READY", "deployment_state_message": ""}
CREATING = {"deployment": "DEPLOYMENT_CREATING", "deployment_state_message": "waiting for GPUs"}

ENDPOINTS: dict[str, dict[str, Any]] = {
    "chat": {"config": {"served_entities": [{"name": "chat-1", "state": READY}]}},
    "two": {
        "config": {"served_entities": [{"name": "old", "state": READY}]},
        "pending_config": {"served_models": [{"name": "new", "state": CREATING}, {"name": "old", "state": READY}]},
    },
    "young": {"pending_config": {"served_entities": [{"name": "young-1", "state": CREATING}]}},
    "empty": {},
}
LOGS = {
    "chat/served-models/chat-1/logs": "one\n\x1b[31mtwo\x1b[0m\tx\nthree \x07\n",
    "chat/served-models/chat-1/build-logs": "built\n",
    "two/served-models/old/logs": "a\nb\n",
    "two/served-models/new/logs": "",
}


class Workspace(JsonHandler):
    """Endpoints in every state, and the logs of some."""

    def do_GET(self) -> None:
        path = self.path.split("?")[0].removeprefix("/api/2.0/serving-endpoints").strip("/")
        if not path:
            self.reply(200, {"endpoints": [{"name": name, "id": name} for name in ENDPOINTS]})
        elif path in ENDPOINTS:
            self.reply(200, {"name": path, **ENDPOINTS[path]})
        elif path in LOGS:
            self.reply(200, {"logs": LOGS[path]})
        else:
            self.reply(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no logs for this entity"})


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    write_team_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABRICKS_TOKEN", "secret-token")
    with answering(Workspace) as url:
        monkeypatch.setenv("DATABRICKS_HOST", url)
        yield tmp_path


def printed(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    status = main(["logs", *argv, "--stack", "prod"])
    shown = capsys.readouterr()
    return status, shown.out, shown.err


def test_log_is_printed_without_what_controls_a_terminal(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "chat") == (0, "one\ntwo     x\nthree \\x07\n", "")
    assert printed(capsys, "chat", "--tail", "1") == (0, "three \\x07\n", "")
    assert printed(capsys, "chat", "--build") == (0, "built\n", "")


def test_every_entity_is_shown_and_an_empty_log_has_the_state(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = printed(capsys, "two")
    assert (status, out) == (0, "==> old <==\na\nb\n")
    assert err == "new: no log (DEPLOYMENT_CREATING: waiting for GPUs)\n"
    assert printed(capsys, "two", "--entity", "old") == (0, "a\nb\n", "")


def test_endpoint_that_is_not_ready_says_why_it_has_no_log(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = printed(capsys, "young")
    assert (status, out) == (1, "")
    assert err == "young-1: no log: no logs for this entity (DEPLOYMENT_CREATING: waiting for GPUs)\n"


def test_json_has_the_lines_and_why_some_are_missing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = printed(capsys, "two", "--json", "--tail", "1")
    document = json.loads(out)
    require_shape(document, "logs")
    assert status == 0
    assert [one["lines"] for one in document["entities"]] == [["b"], []]
    status, out, _ = printed(capsys, "young", "--json")
    require_shape(json.loads(out), "logs")
    (entity,) = json.loads(out)["entities"]
    assert (status, entity["lines"], entity["failure"]) == (1, None, "no logs for this entity")


REFUSED = {
    "a mistyped endpoint": (["chta"], 2, "chta: no such endpoint", "did you mean chat?"),
    "a mistyped entity": (
        ["two", "--entity", "odl"],
        2,
        "--entity odl: two serves no such entity",
        "did you mean old?",
    ),
    "an endpoint without a configuration": (["empty"], 1, "empty: has no served entity yet", "bandplan up"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusal_is_one_line_with_the_next_step(name: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words, expected, finding, step = REFUSED[name]
    status, out, err = printed(capsys, *words)
    assert (status, out) == (expected, "")
    assert finding in err and step in err and err.count("\n") == 1


def test_entity_of_both_configurations_is_one_with_the_pending_state() -> None:
    assert served_entities(ENDPOINTS["two"]) == [
        Served("old", "DEPLOYMENT_READY", ""),
        Served("new", "DEPLOYMENT_CREATING", "waiting for GPUs"),
    ]
    assert served_entities({"config": {"served_entities": "x"}, "pending_config": None}) == []


NEW = {
    "nothing before": ([], ["a"], ["a"]),
    "the same": (["a", "b"], ["a", "b"], []),
    "more at the end": (["a", "b"], ["a", "b", "c"], ["c"]),
    "a window that moved": (["a", "b", "c"], ["b", "c", "d"], ["d"]),
    "a window that moved over equal lines": (["x", "x", "x"], ["x", "x", "x", "y"], ["y"]),
    "a replica that grew in the middle": (["a1", "b1"], ["a1", "a2", "b1", "b2"], ["a2", "b2"]),
    "another log": (["a"], ["b", "c"], ["b", "c"]),
    "a log that became empty": (["a"], [], []),
}


@pytest.mark.parametrize("name", NEW)
def test_new_lines(name: str) -> None:
    before, now, new = NEW[name]
    assert added_lines(before, now) == new


def test_following_prints_new_lines_and_changed_states(capsys: pytest.CaptureFixture[str]) -> None:
    creating, ready = Served("a", "DEPLOYMENT_CREATING", "slow"), Served("a", "DEPLOYMENT_READY", "")
    later = Served("b", "DEPLOYMENT_READY", "")
    rounds = iter(
        [
            [EntityLog(ready, ("1", "2"))],
            [EntityLog(ready, failure="away")],
            [EntityLog(ready, ("1", "2", "3")), EntityLog(later, ("x",))],
        ]
    )
    with pytest.raises(StopIteration):
        command.follow([EntityLog(creating, ("1",))], lambda: next(rounds), lambda seconds: None)
    shown = capsys.readouterr()
    assert shown.out == "2\n3\n==> b <==\nx\n"
    assert shown.err == "a: DEPLOYMENT_READY\nb: DEPLOYMENT_READY\n"


def test_lines_of_a_progress_bar_are_lines() -> None:
    assert lines_of("10%\r50%\r\ndone") == ("10%", "50%", "done")
