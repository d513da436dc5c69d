"""Waiting and sending when the workspace is slow, busy or away; time passes only by sleeping."""

from collections.abc import Iterator
from typing import Any

import pytest

from bandplan.plugin.errors import ProviderError
from bandplan.provider.endpoint_ready import Surroundings, make_ready
from bandplan.provider.inputs import Wanted
from bandplan.rest.retries import Retries
from bandplan.serving.endpoint.live_endpoint import LiveEndpoint
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.endpoints import Endpoints
from tests.endpoint.builders import declaration, live_config, live_served, served
from tests.workspace.fake_workspace import TOKEN, FakeTime, FakeWorkspace, Reply, Seen

BUSY = Reply(503, {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "later"})


def answer(config_update: str = "NOT_UPDATING", **changes: Any) -> Reply:
    body = {"name": "chat", "id": "0" * 32, "state": {"ready": "READY", "config_update": config_update}}
    return Reply(body={**body, "config": live_config(), **changes})


UPDATING = answer("IN_PROGRESS", pending_config=live_config(live_served(deployment="DEPLOYMENT_CREATING"), version=2))
READY = answer()


class Bench:
    """Runs make_ready with a clock that only sleeping moves; `polls` holds the pauses between looks."""

    def __init__(self, workspace: FakeWorkspace) -> None:
        self.workspace = workspace
        self.time = FakeTime()
        self.polls: list[float] = []
        self.lines: list[str] = []

    def make_ready(self, **changes: Any) -> LiveEndpoint:
        inputs = {"endpoint": "chat", "api": "classic", "declared": declaration(), "timeoutSeconds": 3600, **changes}
        client = WorkspaceClient(
            self.workspace.host, TOKEN, clock=self.time.clock, retries=Retries(total_seconds=10.0), random=lambda: 0.0
        )
        surroundings = Surroundings(
            progress=self.lines.append, warn=self.lines.append, sleep=self._sleep, monotonic=lambda: self.time.now
        )
        return make_ready(Endpoints(client), Wanted.from_inputs(inputs), None, surroundings)

    def _sleep(self, seconds: float) -> bool:
        self.polls.append(seconds)
        self.time.now += seconds
        return False

    def sent(self) -> list[tuple[str, str]]:
        return [(seen.method, seen.path) for seen in self.workspace.seen if seen.method != "GET"]


@pytest.fixture
def bench() -> Iterator[Bench]:
    workspace = FakeWorkspace()
    yield Bench(workspace)
    workspace.close()


def test_looks_come_quickly_at_first_and_every_five_seconds_at_last(bench: Bench) -> None:
    bench.workspace.in_turn(*[UPDATING] * 20, READY)
    assert bench.make_ready().ready == "READY"
    assert bench.polls[:3] == pytest.approx([0.05, 0.075, 0.1125])
    assert bench.polls[-1] == 5.0
    assert bench.sent() == []


def test_the_same_progress_is_not_repeated_at_every_look(bench: Bench) -> None:
    bench.workspace.in_turn(*[UPDATING] * 15, READY)
    bench.make_ready()
    assert len(bench.lines) == 1


def test_a_timeout_leaves_the_endpoint_alone(bench: Bench) -> None:
    bench.workspace.in_turn(UPDATING)
    with pytest.raises(ProviderError, match=r"not ready after 90 s: update in progress"):
        bench.make_ready(timeoutSeconds=90)
    assert sum(bench.polls) == pytest.approx(90)
    assert bench.sent() == []


def test_a_workspace_that_is_away_for_a_moment_does_not_end_the_wait(bench: Bench) -> None:
    """Ten seconds of 503 use up the client's own retries twice."""
    bench.workspace.in_turn(UPDATING, *[BUSY] * 12, READY)
    assert bench.make_ready().ready == "READY"
    assert any("no response from the workspace, retrying" in line for line in bench.lines)


def test_a_workspace_that_stays_away_ends_the_wait_and_says_that_it_can_go_on(bench: Bench) -> None:
    bench.workspace.in_turn(UPDATING, BUSY)
    with pytest.raises(ProviderError, match=r"is busy .*Nothing was deleted; the next `up` continues waiting"):
        bench.make_ready()
    assert bench.time.now - 1_000.0 < 100


def test_an_update_that_someone_else_just_started_is_waited_for_and_ours_sent_then(bench: Bench) -> None:
    other = answer(config=live_config(live_served(max_provisioned_throughput=1960)))
    state = {"puts": 0, "looks": 0}

    def reply(seen: Seen) -> Reply:
        if seen.method == "PUT":
            state["puts"] += 1
            return Reply(409, {"error_code": "RESOURCE_CONFLICT", "message": "busy"}) if state["puts"] == 1 else READY
        state["looks"] += 1
        return READY if state["puts"] == 2 else (UPDATING if state["puts"] == 1 and state["looks"] < 4 else other)

    bench.workspace.answer = reply
    assert bench.make_ready().ready == "READY"
    assert bench.sent() == [("PUT", "/api/2.0/serving-endpoints/chat/config")] * 2


def test_a_config_update_whose_answer_is_lost_is_looked_for_and_not_sent_twice(bench: Bench) -> None:
    state = {"put": False}

    def reply(seen: Seen) -> Reply:
        if seen.method == "PUT":
            state["put"] = True
            return Reply(drop=True)
        return READY if state["put"] else answer(config=live_config(live_served(max_provisioned_throughput=1960)))

    bench.workspace.answer = reply
    assert bench.make_ready().ready == "READY"
    assert len(bench.sent()) == 1


def test_a_config_update_that_never_arrived_is_a_failure_that_names_the_difference(bench: Bench) -> None:
    old = answer(config=live_config(live_served(max_provisioned_throughput=1960)))
    bench.workspace.answer = lambda seen: Reply(drop=True) if seen.method == "PUT" else old
    with pytest.raises(ProviderError, match=r"does not run the declared config: .*maxProvisionedThroughput: live 1960"):
        bench.make_ready()


def test_nothing_but_what_differs_is_sent(bench: Bench) -> None:
    sent: list[Any] = []

    def reply(seen: Seen) -> Reply:
        if seen.method == "PUT":
            sent.append(seen.body)
        return answer(config=live_config(live_served(max_provisioned_throughput=3920))) if sent else READY

    bench.workspace.answer = reply
    bench.make_ready(declared=declaration(servedEntities=[served(maxProvisionedThroughput=3920)]))
    assert bench.sent() == [("PUT", "/api/2.0/serving-endpoints/chat/config")]
    assert sent[0]["served_entities"][0]["max_provisioned_throughput"] == 3920
