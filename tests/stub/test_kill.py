"""kill -9 at any moment: whatever was answered with 200 is there after the restart, and what was not is whole or absent.

Writers send one request after another. Each knows what it was last answered, and what it was about to change when the
process died: afterwards the workspace shows the one or the other.
"""

import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

from bandplan.stub import process
from tests.stub.registering import FILES, created, place, put
from tests.stub.stub_client import ENDPOINTS, MODELS, StubClient, bands

ROUNDS = 6
WRITERS = 6
MOST_ANSWERS = 250
"""A round is killed after a number of answers up to this, counted over all writers."""

CHUNK = 980


@dataclass
class Journal:
    """What one writer was answered (`kept`) and what it had under way (`begun`), each by what `read` reads."""

    kept: dict[str, Any] = field(default_factory=dict)
    begun: dict[str, Any] = field(default_factory=dict)

    def write(self, thing: str, after: Any, send: Callable[[], Any]) -> None:
        """Send a change that makes `thing` read `after`; its answer makes that sure."""
        self.begun[thing] = after
        send()
        self.kept[thing] = after
        del self.begun[thing]


Steps = Iterator[None]
Writer = Callable[[StubClient, str, Journal], Steps]


def write_endpoint(client: StubClient, name: str, journal: Journal) -> Steps:
    """Creates an endpoint, changes its configuration and tags, deletes it, again and again."""
    thing, path = f"endpoint {name}", f"{ENDPOINTS}/{name}"
    while True:
        tags: tuple[str, ...] = ()
        journal.write(thing, (1, 1, tags), lambda: client.ok("POST", ENDPOINTS, {"name": name, "config": config(1)}))
        yield
        for version in range(2, 6):
            wanted = config(version)
            journal.write(thing, (version, version, tags), lambda w=wanted: client.ok("PUT", f"{path}/config", w))
            yield
            added = {"add_tags": [{"key": str(version)}]}
            tags = (*tags, str(version))
            journal.write(thing, (version, version, tags), lambda a=added: client.ok("PATCH", f"{path}/tags", a))
            yield
        journal.write(thing, None, lambda: client.ok("DELETE", path))
        yield


def config(chunks: int) -> dict[str, Any]:
    return {"served_entities": [bands(min_provisioned_throughput=0, max_provisioned_throughput=chunks * CHUNK)]}


def write_registry(client: StubClient, name: str, journal: Journal) -> Steps:
    """Makes versions of a model, one file in each, and moves an alias along."""
    full_name = f"ml.own.{name}"
    number = 0
    while True:
        number += 1
        journal.write(f"version {full_name} {number}", True, lambda: created(client, full_name))
        yield
        path, data = f"{place(full_name, number)}/MLmodel", f"{name} {number} ".encode() * 2000
        journal.write(f"file {path}", data, lambda p=path, d=data: put(client, p, d))
        yield
        alias = f"{MODELS}/{full_name}/aliases/champion"
        journal.write(f"alias {alias}", number, lambda a=alias, n=number: client.ok("PUT", a, {"version_num": n}))
        yield


def read(client: StubClient, thing: str) -> Any:
    kind, _, name = thing.partition(" ")
    match kind:
        case "endpoint":
            reply = client.send("GET", f"{ENDPOINTS}/{name}")
            if reply.status == 404:
                return None
            (entity,) = reply.body["config"]["served_entities"]
            chunks = entity["max_provisioned_throughput"] // CHUNK
            return (
                reply.body["config"]["config_version"],
                chunks,
                tuple(tag["key"] for tag in reply.body.get("tags", ())),
            )
        case "version":
            model, _, number = name.partition(" ")
            return client.send("GET", f"{MODELS}/{model}/versions/{number}").status == 200
        case "alias":
            reply = client.send("GET", name)
            return reply.body["version"] if reply.status == 200 else None
        case _:
            response = client.raw("GET", f"{FILES}{name}")
            return response.data if response.status == 200 else None


def test_kill_9_at_any_moment_loses_nothing_that_was_answered(state_dir: Path) -> None:
    moments = random.Random(20261121)
    checked = 0
    running = process.start(state_dir, settle="at-once")
    for round_number in range(ROUNDS):
        client = StubClient(running.host, running.token)
        journals = [Journal() for _ in range(WRITERS)]
        failures: list[BaseException] = []
        answers = Countdown(moments.randint(1, MOST_ANSWERS), lambda pid=running.pid: os.kill(pid, signal.SIGKILL))
        threads = [
            threading.Thread(
                target=work, args=(client, f"r{round_number}-w{number}", journal, answers, number, failures)
            )
            for number, journal in enumerate(journals)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        os.waitpid(running.pid, 0)
        assert failures == []

        running = process.start(state_dir, settle="at-once")
        client = StubClient(running.host, running.token)
        for journal in journals:
            for thing in journal.kept.keys() | journal.begun.keys():
                possible = [journal.kept.get(thing, absent(thing))]
                possible += [journal.begun[thing]] if thing in journal.begun else []
                assert read(client, thing) in possible, (round_number, thing)
            checked += len(journal.kept)
    assert checked > ROUNDS * WRITERS


class Countdown:
    """Calls `end` at the `count`th answer, however many writers are answered at once."""

    def __init__(self, count: int, end: Callable[[], None]) -> None:
        self._left = count
        self._lock = threading.Lock()
        self.end = end

    def one_more(self) -> None:
        with self._lock:
            self._left -= 1
            is_end = self._left == 0
        if is_end:
            self.end()


def absent(thing: str) -> Any:
    return False if thing.startswith("version ") else None


def work(
    client: StubClient, name: str, journal: Journal, answers: Countdown, number: int, failures: list[BaseException]
) -> None:
    """Write until the connection dies with the process."""
    writer: Writer = write_registry if number % 3 == 0 else write_endpoint
    try:
        for _ in writer(client, name, journal):
            answers.one_more()
    except urllib3.exceptions.HTTPError:
        pass
    except BaseException as error:
        failures.append(error)
        answers.end()
