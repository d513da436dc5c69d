"""What `bandplan rollback` goes back to, and the traffic that it moves; against a workspace that keeps state."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli.entry_history import Earlier, earlier
from bandplan.cli.errors import CommandError
from bandplan.cli.models_text import ModelsText
from bandplan.cli.project import Project
from bandplan.cli.rollback import GoingBack, going_back, move_traffic, require_deployable, written
from bandplan.cli.stack_fleet import WrongModels
from bandplan.serving.workspace.client import from_environment
from tests.answering import JsonHandler, answering

TEXT = """\
version: 1
models:
  - name: chat
    task: llm/v1/chat
    model: m.a.chat
    version: "2"  # Ana's choice
    throughput: {bands: {min: 1, max: 2}}
  - name: split
    task: llm/v1/chat
    entities:
      - {model: m.a.chat, version: "1", throughput: {bands: {min: 1, max: 2}}}
"""

BAND_980 = "{tokens_per_second: {min: 980, max: 1960}}"


class Workspace:
    """One endpoint, `chat`; an update settles when it was looked at `looks` times, and may be refused or fail."""

    def __init__(self) -> None:
        self.shares: dict[str, int] = {}
        self.pending: dict[str, int] | None = None
        self.looks = self.version = self.conflicts = 0
        self.fails = False
        self.chunks = {"1": 980, "2": 980, "7": 980}
        self.has_no_info = False
        self.sent: list[dict[str, Any]] = []

    def config(self, shares: dict[str, int]) -> dict[str, Any]:
        entities = [
            {
                "name": f"chat-{version}",
                "entity_name": "m.a.chat",
                "entity_version": version,
                "max_provisioned_throughput": 1960,
                "state": {
                    "deployment": "DEPLOYMENT_READY",
                    "deployment_state_message": "no room" if self.fails else "",
                },
            }
            for version in shares
        ]
        routes = [{"served_entity_name": f"chat-{v}", "traffic_percentage": p} for v, p in shares.items()]
        return {"config_version": self.version, "served_entities": entities, "traffic_config": {"routes": routes}}

    def info(self, version: str) -> tuple[int, dict[str, Any]]:
        """The optimization info of a version."""
        if self.has_no_info:
            return 401, {"error_code": "UNAUTHENTICATED", "message": "not today"}
        if version not in self.chunks:
            return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "none"}
        return 200, {"optimizable": True, "model_type": "llama", "throughput_chunk_size": self.chunks[version]}

    def get(self) -> dict[str, Any]:
        update = "NOT_UPDATING"
        if self.pending is not None:
            self.looks -= 1
            if self.looks > 0:
                update = "IN_PROGRESS"
            elif self.fails:
                update = "UPDATE_FAILED"
            else:
                self.shares, self.pending, self.version = self.pending, None, self.version + 1
        state = {"ready": "READY", "config_update": update}
        return {"name": "chat", "state": state, "config": self.config(self.shares)}

    def put(self, body: dict[str, Any]) -> bool:
        if self.conflicts:
            self.conflicts -= 1
            return False
        self.sent.append(body)
        routes = body["traffic_config"]["routes"]
        self.pending = {route["served_entity_name"][-1]: route["traffic_percentage"] for route in routes}
        self.looks = 3
        return True


@pytest.fixture
def workspace() -> Iterator[tuple[Workspace, str]]:
    state = Workspace()

    class Handler(JsonHandler):
        def do_GET(self) -> None:
            if "get-model-optimization-info" in self.path:
                self.reply(*state.info(self.path.rsplit("/", 1)[-1]))
            elif state.shares:
                self.reply(200, state.get())
            else:
                self.reply(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "none"})

        def do_PUT(self) -> None:
            taken = state.put(json.loads(self.received()))
            conflict = {"error_code": "RESOURCE_CONFLICT", "message": "busy"}
            self.reply(200 if taken else 409, {} if taken else conflict)

    with answering(Handler) as url:
        yield state, url


@pytest.fixture
def models(tmp_path: Path) -> Path:
    path = tmp_path / "models.yaml"
    path.write_text(TEXT)
    return path


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.email=ana@example.com", "-c", "user.name=Ana", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


def commit(models: Path, text: str) -> None:
    if not (models.parent / ".git").is_dir():
        git(models.parent, "init")
    models.write_text(text)
    git(models.parent, "add", "models.yaml")
    git(models.parent, "commit", "-m", "x")


def back(models: Path, host: str, to_version: str | None = None, name: str = "chat") -> GoingBack:
    client = from_environment({"DATABRICKS_HOST": host, "DATABRICKS_TOKEN": "t"})
    text = models.read_bytes().decode("utf-8-sig")
    return going_back(ModelsText(Project(models.parent), "local", models, text, client, text), name, to_version)


def test_version_that_still_serves_comes_first(models: Path, workspace: tuple[Workspace, str]) -> None:
    state, host = workspace
    state.shares = {"1": 50, "2": 50}
    found = back(models, host)
    assert (found.version, found.goal.known_from) == ("1", "it still serves, 50 percent of the traffic")
    assert "  version 1: 50 -> 100 percent of the traffic" in found.described()
    assert '-    version: "2"  # Ana' in found.described() and '+    version: "1"  # Ana' in found.described()
    assert models.read_text() == TEXT  # until it is written
    written(found)
    assert models.read_text() == TEXT.replace('"2"  #', '"1"  #')


def test_version_that_serves_alone_is_gone_back_to_where_the_new_one_never_got_there(
    models: Path, workspace: tuple[Workspace, str]
) -> None:
    state, host = workspace
    state.shares = {"1": 100}
    found = back(models, host)
    assert (found.version, found.goal.known_from) == ("1", "it still serves alone because version 2 never became ready")


def test_history_of_the_file_has_the_version_where_none_serves(models: Path, workspace: tuple[Workspace, str]) -> None:
    state, host = workspace
    state.shares = {"2": 100}
    commit(models, TEXT.replace('"2"  #', '"7"  #'))
    commit(models, TEXT)
    commit(models, TEXT + "# a remark\n")
    found = back(models, host)
    assert found.version == "7" and found.goal.known_from.startswith("models.yaml in commit ")
    assert found.still_serves is None
    assert "an `up` of the whole stack deploys it again" in found.described()


def test_history_passes_over_what_has_no_number_and_files_that_cannot_be_read(models: Path) -> None:
    commit(models, TEXT.replace('"2"  #', '"7"  #'))
    commit(models, TEXT.replace('"2"  #', "{alias: champion}  #"))
    commit(models, "models: [")
    commit(models, TEXT)
    found = earlier(models, "local", "chat", ("m.a.chat", "2"))
    assert isinstance(found, Earlier) and found.version == "7"


def test_nothing_to_go_back_to_is_said_with_the_next_step(models: Path, workspace: tuple[Workspace, str]) -> None:
    state, host = workspace
    state.shares = {"2": 100}
    with pytest.raises(CommandError, match=r"version 2 serves alone, and Git has no other .* --to VERSION"):
        back(models, host)
    assert back(models, host, "1").version == "1"


@pytest.mark.parametrize(
    ("name", "finding"),
    [("nobody", "no valid entry nobody"), ("splti", "did you mean split?"), ("split", "has `entities`")],
)
def test_entry_that_cannot_go_back_is_named(
    models: Path, workspace: tuple[Workspace, str], name: str, finding: str
) -> None:
    with pytest.raises(CommandError, match=finding) as refusal:
        back(models, workspace[1], "1", name)
    assert refusal.value.exit_status == (1 if name == "split" else 2), "a name that nothing has is the user's mistake"


def test_version_with_another_chunk_size_is_refused_before_anything_changes(
    models: Path, workspace: tuple[Workspace, str], capsys: pytest.CaptureFixture[str]
) -> None:
    state, host = workspace
    state.shares = {"1": 50, "2": 50}
    state.chunks["1"] = 970
    models.write_text(text := TEXT.replace('"2"  #', '"2" #').replace("{bands: {min: 1, max: 2}}", BAND_980, 1))
    with pytest.raises(WrongModels, match="nothing was changed: chat cannot be deployed with version 1") as refusal:
        require_deployable(back(models, host))
    assert refusal.value.exit_status == 2
    assert "models/chat/throughput" in (said := capsys.readouterr().err) and "970" in said
    assert models.read_text() == text and state.sent == []


def test_version_that_is_gone_is_refused(models: Path, workspace: tuple[Workspace, str]) -> None:
    state, host = workspace
    state.shares = {"2": 100}
    (error,) = back(models, host, "9").errors
    assert "m.a.chat version 9" in error.finding


def test_errors_of_other_entries_are_told_and_do_not_keep_an_endpoint_from_going_back(
    models: Path, workspace: tuple[Workspace, str]
) -> None:
    state, host = workspace
    state.shares = {"1": 50, "2": 50}
    models.write_text(TEXT.replace('version: "1", throughput', 'version: "8", throughput'))
    found = back(models, host)
    require_deployable(found)
    assert "models.yaml has errors in other places, so `up` refuses it" in found.described()


def test_endpoint_goes_back_while_the_workspace_offers_no_optimization_info(
    models: Path, workspace: tuple[Workspace, str]
) -> None:
    state, host = workspace
    state.shares, state.has_no_info = {"1": 50, "2": 50}, True
    found = back(models, host)
    require_deployable(found)
    assert "not checked" in found.described() and "not today" in found.described()


def test_file_keeps_its_byte_order_mark_line_ends_permissions_and_link(
    models: Path, workspace: tuple[Workspace, str]
) -> None:
    state, host = workspace
    state.shares = {"1": 50, "2": 50}
    stored = models.with_name("stored.yaml")
    content = b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode()
    stored.write_bytes(content)
    stored.chmod(0o640)
    models.unlink()
    models.symlink_to(stored)
    written(back(models, host))
    assert stored.read_bytes() == content.replace(b'"2"  #', b'"1"  #')
    assert models.is_symlink() and stored.stat().st_mode & 0o777 == 0o640


def test_file_that_changed_meanwhile_is_left_as_it_is(models: Path, workspace: tuple[Workspace, str]) -> None:
    state, host = workspace
    state.shares = {"1": 50, "2": 50}
    found = back(models, host)
    models.write_text(TEXT + "# edited while the workspace answered\n")
    with pytest.raises(CommandError, match="changed meanwhile, so nothing was written; run again"):
        written(found)
    assert models.read_text() == TEXT + "# edited while the workspace answered\n"


def test_followed_alias_is_pinned_and_that_is_said(models: Path, workspace: tuple[Workspace, str]) -> None:
    state, host = workspace
    state.shares = {"1": 50, "2": 50}
    models.write_text(TEXT.replace('"2"  #', "{alias: champion}  #"))
    assert "followed the alias champion" in back(models, host).described()


def test_traffic_is_moved_by_one_request_that_changes_nothing_else(
    models: Path, workspace: tuple[Workspace, str]
) -> None:
    state, host = workspace
    state.shares = {"1": 50, "2": 50}
    move_traffic(back(models, host), lambda text: None, lambda seconds: None)
    assert state.shares == {"1": 100, "2": 0}
    (sent,) = state.sent
    assert [entity["entity_version"] for entity in sent["served_entities"]] == ["1", "2"]


def test_traffic_waits_for_updates_of_others(models: Path, workspace: tuple[Workspace, str]) -> None:
    state, host = workspace
    state.shares = {"1": 50, "2": 50}
    found = back(models, host)
    state.pending, state.looks = {"1": 10, "2": 90}, 3
    state.conflicts = 1
    said: list[str] = []
    move_traffic(found, said.append, lambda seconds: None)
    assert state.shares == {"1": 100, "2": 0}
    assert any("an update is under way" in line for line in said)
    assert any("somebody else started an update" in line for line in said)


def test_traffic_that_cannot_be_moved_is_told_with_the_platforms_reason(
    models: Path, workspace: tuple[Workspace, str]
) -> None:
    state, host = workspace
    state.shares, state.fails = {"1": 50, "2": 50}, True
    with pytest.raises(CommandError, match="could not move the traffic: no room"):
        move_traffic(back(models, host), lambda text: None, lambda seconds: None)
