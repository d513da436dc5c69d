"""`bandplan observe`: minutes of the metrics export are stored, and what cannot be read stays a gap."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from bandplan.cli.commands.observe import duration
from bandplan.cli.main import main
from bandplan.cli.observing import NOT_DEPLOYED, NOT_EXPORTED, Look, watch
from bandplan.rest.clock import Clock
from bandplan.serving.workspace.errors import LostAnswer, NotFound
from bandplan.usage.scrape import Scrape
from bandplan.usage.store import UseStore
from tests.workspace.fake_workspace import TOKEN, FakeWorkspace, Reply, Seen

EXPORT = 'request_count_total{{endpoint_name="{name}"}} {count}\n'
MODELS = """\
version: 1
models:
  - {name: chat, task: llm/v1/chat, model: system.ai.llama_v3_3_70b_instruct, version: "1",
     throughput: {bands: {min: 1, max: 2}}}
  - {name: other, task: llm/v1/chat, model: system.ai.llama_v3_3_70b_instruct, version: "1",
     throughput: {bands: {min: 1, max: 2}}}
"""


class Time:
    """Time that passes only while somebody sleeps, or while an export is read."""

    def __init__(self) -> None:
        self.now = 6_000_000.0
        self.slept: list[float] = []

    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.now, wall=lambda: self.now, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_each_minute_is_read_once_for_the_time_asked(tmp_path: Path) -> None:
    store, time, looks = UseStore(tmp_path / "use.db"), Time(), list[Look]()
    seen = watch(
        lambda name: EXPORT.format(name=name, count=7), ["a", "b"], partial(store.add, "prod"), time.clock(), looks.append,
        seconds=180,
    )  # fmt: skip
    assert (seen, time.slept) == (4, [60, 60, 60])
    assert store.minutes("prod", "b", 0) == {100_000 + minute: Scrape(7) for minute in range(4)}
    assert [look.minute for look in looks] == [100_000, 100_001, 100_002, 100_003]


def test_without_a_time_it_looks_once(tmp_path: Path) -> None:
    time = Time()
    store = UseStore(tmp_path / "use.db")
    assert (
        watch(lambda _: EXPORT.format(name="a", count=1), ["a"], partial(store.add, "s"), time.clock(), lambda _: None)
        == 1
    )
    assert time.slept == []


def test_what_cannot_be_read_is_a_gap_with_its_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    store, time, looks = UseStore(tmp_path / "use.db"), Time(), list[Look]()

    def read(name: str) -> str:
        if name == "gone":
            raise NotFound(404, "RESOURCE_DOES_NOT_EXIST", "no such endpoint", "GET /x refused")
        if name == "new":
            return "# nothing yet\n"
        if time.now == 6_000_060:
            raise LostAnswer("no answer came")
        return EXPORT.format(name=name, count=7)

    watch(read, ["a", "gone", "new"], partial(store.add, "prod"), time.clock(), looks.append, seconds=120)
    assert sorted(store.minutes("prod", "a", 0)) == [100_000, 100_002]
    assert store.stored("prod").keys() == {"a"}
    assert looks[0].missing == {"gone": NOT_DEPLOYED, "new": NOT_EXPORTED}
    assert looks[1].missing["a"] == "no answer came"


def test_minutes_that_a_slow_reading_took_are_gaps_and_the_rhythm_stays(tmp_path: Path) -> None:
    store, time = UseStore(tmp_path / "use.db"), Time()

    def read(name: str) -> str:
        time.now += 130 if time.now == 6_000_000 else 0
        return EXPORT.format(name=name, count=7)

    watch(read, ["a"], partial(store.add, "prod"), time.clock(), lambda _: None, seconds=240)
    assert time.slept == [50, 60]
    assert sorted(store.minutes("prod", "a", 0)) == [100_000, 100_003, 100_004]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWorkspace]:
    (tmp_path / "Pulumi.yaml").write_text("name: fleet\nruntime: python\n")
    (tmp_path / "models.yaml").write_text(MODELS)
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text("config: {}\n")
    found = FakeWorkspace()

    def answer(seen: Seen) -> Reply:
        if "/other/" in seen.path or ".well-known" in seen.path:
            return Reply(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"})
        return Reply(body=EXPORT.format(name="chat", count=12).encode())

    found.answer = answer
    monkeypatch.setenv("DATABRICKS_HOST", found.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", TOKEN)
    monkeypatch.chdir(tmp_path)
    yield found
    found.close()


def test_command_stores_every_endpoint_of_the_file_and_says_which_it_did_not_see(
    workspace: FakeWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["observe", "--stack", "dev"]) == 0
    shown = capsys.readouterr()
    assert "chat: 12 requests, 0 answered 4xx, 0 answered 5xx, provisioned concurrency -, GPU -" in shown.out
    assert "chat: 1 minute stored since " in shown.out
    assert shown.err == f"other: not read: {NOT_DEPLOYED}\n"
    assert {one.method for one in workspace.seen} == {"GET"}
    assert UseStore(Path(".bandplan/use.db")).stored("dev")["chat"].minutes == 1


def test_quiet_prints_gaps_alone_and_an_unseen_fleet_is_status_1(
    workspace: FakeWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["observe", "--stack", "dev", "--quiet", "chat"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["observe", "--stack", "dev", "other"]) == 1


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("chatt",), "has no entry chatt; did you mean chat?"),
        (("--every", "10"), "--every: the export is of the last minute; read it at most once a minute"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    workspace: FakeWorkspace, capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], told: str
) -> None:
    assert main(["observe", "--stack", "dev", *argv]) == 2
    assert told in capsys.readouterr().err
    assert workspace.seen == []


def test_workspace_that_is_not_configured_is_status_2(
    workspace: FakeWorkspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABRICKS_TOKEN")
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", "none")
    assert main(["observe", "--stack", "dev"]) == 2
    assert "cannot log in" in (said := capsys.readouterr().err)
    assert "not read" not in said, "once, and not for every endpoint"


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("5m", 300), ("1h", 3600), ("7d", 604800)])
def test_times_have_units(text: str, seconds: float) -> None:
    assert duration(text) == seconds
