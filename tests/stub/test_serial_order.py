"""Requests of several clients at once leave what some order of them, one after the other, would leave.

Each client sends its own list of requests, in its order. From all answers and the final state it is searched for an order
of all the requests, with each client's own kept, in which a plain model of one endpoint gives every one of those answers
and that state. A lost update, a torn read or a half-done change leaves none.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bandplan.stub import process
from tests.stub.stub_client import ENDPOINTS, StubClient, bands

CHUNK = 980
TAG_KEYS = ("a", "b")


@dataclass(frozen=True)
class Act:
    """One request: `kind` with a number that makes its effect its own."""

    kind: str
    number: int = 0
    key: str = ""


@dataclass(frozen=True)
class Model:
    """All that is known of the endpoint. `serving` and `pending` are (version, chunks); `serving` is (0, 0) for none."""

    is_manual: bool
    exists: bool = False
    serving: tuple[int, int] = (0, 0)
    pending: tuple[int, int] | None = None
    tags: tuple[tuple[str, str], ...] = ()
    notified: str = ""

    def begun(self, chunks: int) -> "Model":
        update = (self.serving[0] + 1, chunks)
        return replace(self, pending=update) if self.is_manual else replace(self, serving=update)


Seen = tuple[Any, ...]
"""What an answer shows, in the form that the model gives it in."""


def step(model: Model, act: Act) -> tuple[Model, Seen]:
    """The platform's rules for one endpoint, whose updates settle at once or on request."""
    if act.kind == "create":
        if model.exists:
            return model, (400,)
        made = replace(model, exists=True).begun(act.number)
        return made, (200, *shown(made))
    if not model.exists:
        return model, (404,)
    match act.kind:
        case "read":
            return model, (200, *shown(model))
        case "config":
            if model.pending is not None:
                return model, (409,)
            changed = model.begun(act.number)
            return changed, (200, *shown(changed))
        case "settle":
            changed = replace(model, serving=model.pending or model.serving, pending=None)
            return changed, (200, *shown(changed))
        case "tag":
            changed = replace(model, tags=tuple(sorted({**dict(model.tags), act.key: str(act.number)}.items())))
            return changed, (200, changed.tags)
        case "untag":
            changed = replace(model, tags=tuple(tag for tag in model.tags if tag[0] != act.key))
            return changed, (200, changed.tags)
        case "notify":
            return replace(model, notified=f"u{act.number}@x.y"), (200,)
        case _:
            return Model(model.is_manual), (200,)


def shown(model: Model) -> Seen:
    return model.serving, model.pending, model.tags, model.notified


def perform(client: StubClient, name: str, act: Act) -> Seen:
    """Send the request; what its answer shows."""
    path = f"{ENDPOINTS}/{name}"
    config = {"served_entities": [bands(min_provisioned_throughput=0, max_provisioned_throughput=act.number * CHUNK)]}
    match act.kind:
        case "create":
            reply = client.send("POST", ENDPOINTS, {"name": name, "config": config})
        case "read":
            reply = client.send("GET", path)
        case "config":
            reply = client.send("PUT", f"{path}/config", config)
        case "settle":
            reply = client.send("POST", f"/stub/endpoints/{name}/settle")
        case "tag":
            reply = client.send("PATCH", f"{path}/tags", {"add_tags": [{"key": act.key, "value": str(act.number)}]})
        case "untag":
            reply = client.send("PATCH", f"{path}/tags", {"delete_tags": [act.key]})
        case "notify":
            to = {"on_update_failure": [f"u{act.number}@x.y"]}
            reply = client.send("PATCH", f"{path}/notifications", {"email_notifications": to})
        case _:
            reply = client.send("DELETE", path)
    if reply.status != 200:
        return (reply.status,)
    if act.kind in ("tag", "untag"):
        return 200, tags_of(reply.body)
    return (200, *seen_of(reply.body)) if act.kind in ("create", "read", "config", "settle") else (200,)


def seen_of(endpoint: Any) -> Seen:
    (notified,) = endpoint.get("email_notifications", {}).get("on_update_failure", [""])
    serving = seen_config(endpoint.get("config")) or (0, 0)
    return serving, seen_config(endpoint.get("pending_config")), tags_of(endpoint), notified


def seen_config(config: Any) -> tuple[int, int] | None:
    if config is None:
        return None
    (entity,) = config["served_entities"]
    return config["config_version"], entity["max_provisioned_throughput"] // CHUNK


def tags_of(body: Any) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((tag["key"], tag["value"]) for tag in body.get("tags", ())))


def has_serial_order(start: Model, programs: list[list[Act]], answers: list[list[Seen]], final: Seen) -> bool:
    """Whether some order, with each client's own kept, gives every answer and the final read."""
    tried: set[tuple[tuple[int, ...], Model]] = set()

    def search(done: tuple[int, ...], model: Model) -> bool:
        if (done, model) in tried:
            return False
        tried.add((done, model))
        if all(position == len(program) for position, program in zip(done, programs, strict=True)):
            return step(model, Act("read"))[1] == final
        for client, position in enumerate(done):
            if position == len(programs[client]):
                continue
            after, seen = step(model, programs[client][position])
            further = (*done[:client], position + 1, *done[client + 1 :])
            if seen == answers[client][position] and search(further, after):
                return True
        return False

    return search((0,) * len(programs), start)


ACTS = st.one_of(
    st.sampled_from(["config", "config", "read", "settle", "notify", "create", "delete"]).map(Act),
    st.builds(Act, st.sampled_from(["tag", "tag", "untag"]), key=st.sampled_from(TAG_KEYS)),
)
PROGRAMS = st.lists(st.lists(ACTS, min_size=2, max_size=6), min_size=2, max_size=4)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StubClient]:
    state_dir = tmp_path_factory.mktemp("serial-stub")
    running = process.start(state_dir, settle="at-once")
    yield StubClient(running.host, running.token)
    process.stop(state_dir)


NAMES = count(1)


@settings(
    max_examples=80,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(PROGRAMS, st.booleans())
def test_concurrent_requests_have_a_serial_order(
    workspace: StubClient, programs: list[list[Act]], is_manual: bool
) -> None:
    name = f"e{next(NAMES)}"
    numbers = count(1)
    # Every change has a number of its own, so that each shows whose it was.
    programs = [[replace(act, number=next(numbers)) for act in program] for program in programs]
    workspace.ok("PUT", f"/stub/endpoints/{name}/settle", {"rule": "manual" if is_manual else "at-once"})
    start, made = step(Model(is_manual), first := Act("create", number=999))
    assert perform(workspace, name, first) == made
    answers: list[list[Seen]] = [[] for _ in programs]
    barrier = threading.Barrier(len(programs))

    def run(client: int) -> None:
        barrier.wait(60)
        for act in programs[client]:
            answers[client].append(perform(workspace, name, act))

    threads = [threading.Thread(target=run, args=(client,)) for client in range(len(programs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    final = perform(workspace, name, Act("read"))
    assert [len(given) for given in answers] == [len(program) for program in programs]
    assert has_serial_order(start, programs, answers, final), (programs, answers, final)


def answered(version: int, chunks: int) -> Seen:
    return 200, (version, chunks), None, (), ""


@pytest.mark.parametrize(
    ("first", "second", "final", "is_possible"),
    [
        # Two updates of version 1: one gave 2, the other 3, and the last one serves.
        (answered(2, 7), answered(3, 8), answered(3, 8), True),
        (answered(3, 7), answered(2, 8), answered(3, 7), True),
        # The older one serves in the end: the later was lost.
        (answered(2, 7), answered(3, 8), answered(2, 7), False),
        # Both saw version 1.
        (answered(2, 7), answered(2, 8), answered(2, 8), False),
        # A conflict that cannot be, as updates settle at once.
        (answered(2, 7), (409,), answered(2, 7), False),
    ],
)
def test_search_tells_a_serial_order_from_a_lost_update(
    first: Seen, second: Seen, final: Seen, is_possible: bool
) -> None:
    start = Model(is_manual=False, exists=True, serving=(1, 999))
    programs = [[Act("config", 7)], [Act("config", 8)]]
    assert has_serial_order(start, programs, [[first], [second]], final) is is_possible
