"""Several client processes as one, with a server whose every byte is scripted."""

import asyncio
import os
import signal
from pathlib import Path
from random import Random
from time import perf_counter_ns

import pytest

from bandplan.bench.bench import processes_for
from bandplan.bench.client_process import COMMAND
from bandplan.bench.clients import Clients
from bandplan.bench.frame import frame
from bandplan.bench.generator import Budget, Run, Slots, Workload, closed_loop
from bandplan.bench.lengths import Length
from bandplan.bench.prompts import Scale
from bandplan.bench.sample import Sample
from bandplan.bench.target import Secret
from tests.bench.scripted_server import serving, stream, text, usage


def sample(number: int) -> Sample:
    return Sample(number, perf_counter_ns(), 5, 2)


def children() -> list[int]:
    return [int(one) for one in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def test_processes_share_the_requests_and_their_stamps_are_on_one_clock() -> None:
    async def work() -> None:
        async with serving(stream(text("a"), text("b"), usage(5, 2)), token="sesame") as (script, target):
            before = set(children())  # of other tests
            clients = Clients(target)
            await clients.become(2)
            clients.begin_level()
            asked = [sample(number) for number in range(40)]
            for first, second in zip(asked[::2], asked[1::2], strict=True):
                await asyncio.gather(clients.ask(first, "one"), clients.ask(second, "two"))
            now = perf_counter_ns()
            for one in asked:
                assert (one.outcome, one.input_tokens, one.output_tokens) == ("completed", 5, 2)
                assert one.scheduled < one.sent <= one.content[0] <= one.content[1] <= (one.ended or 0) < now
            assert script.connections == 2  # one of each process
            assert {"sesame" in head for head in script.heads} == {True}
            started = set(children()) - before
            commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in started]
            assert sum(b"bandplan.bench.client_process" in one for one in commands) == 2
            assert not any(b"sesame" in one for one in commands)
            assert clients.busiest > 0
            assert clients.notes == set()
            await clients.close()
            assert not started & set(children())

    asyncio.run(work())


def test_processes_open_connections_beforehand_and_take_a_renewed_token() -> None:
    async def work() -> None:
        async with serving(stream(text("a"), text("b"), usage(5, 2)), token="first") as (script, target):
            before = set(children())
            clients = Clients(target)
            await clients.become(2)
            await clients.open(8)
            async with asyncio.timeout(60):
                while script.connections < 8:  # the server hears of a connection after the client
                    await asyncio.sleep(0.001)
            clients.renew(Secret("second"))
            await asyncio.gather(*(clients.ask(sample(number), "prompt") for number in range(8)))
            assert script.connections == 8
            assert all("Authorization: Bearer second" in head for head in script.heads)
            await clients.become(3)  # one that starts later has the token of the moment
            await asyncio.gather(*(clients.ask(sample(number), "prompt") for number in range(9)))
            assert all("Authorization: Bearer second" in head for head in script.heads)
            assert not any(b"second" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in set(children()) - before)
            await clients.close()

    asyncio.run(work())


def test_a_loop_with_processes_keeps_its_number_in_flight_and_counts_every_token() -> None:
    async def work() -> None:
        async with serving(stream(text("a"), text("b"), usage(5, 2))) as (script, target):
            clients, run = Clients(target), Run()
            await clients.become(2)
            workload = Workload(Length(5), Length(2), Scale(), Random(0))
            await closed_loop(clients, workload, Slots(4), 30.0, Budget(60, 10**6, 60), run, ramp=False)
            assert run.client(clients.notes, clients.count).processes == 2
            await clients.close()
            assert [one.outcome for one in run.samples] == ["completed"] * 60 == ["completed"] * len(script.requests)
            assert sum(one.output_tokens or 0 for one in run.samples) == 120

    asyncio.run(work())


def test_requests_of_a_process_that_dies_fail_and_make_the_level_invalid() -> None:
    async def work() -> None:
        async with serving(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") as (script, target):
            before = set(children())
            clients = Clients(target)
            await clients.become(2)
            asked = [sample(number) for number in range(4)]
            tasks = [asyncio.create_task(clients.ask(one, "prompt")) for one in asked]
            while len(script.requests) < 4:
                await asyncio.sleep(0.01)
            victim = next(iter(set(children()) - before))
            os.kill(victim, signal.SIGKILL)
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            assert [one.fault for one in asked].count("the client process ended") == 2
            assert clients.notes == {"a client process ended by itself"}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await clients.close()

    asyncio.run(work())


def test_a_process_ends_with_its_input() -> None:
    async def work() -> None:
        child = await asyncio.create_subprocess_exec(
            *COMMAND, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert child.stdin is not None
        async with serving() as (_, target):
            child.stdin.write(frame(target))
        child.send_signal(signal.SIGINT)  # as Ctrl-C does to the whole group
        child.stdin.close()
        await asyncio.wait_for(child.wait(), 60)

    asyncio.run(work())


@pytest.mark.parametrize(
    ("cpu", "count", "cores", "wanted"),
    [
        (0.69, 1, 8, 1),
        (0.71, 1, 8, 2),
        (2.9, 1, 8, 5),  # 2.9 / 0.7 = 4.1
        (1.2, 2, 8, 4),  # 2 x 1.2 / 0.7 = 3.4
        (1.2, 2, 2, 2),
        (0.1, 4, 8, 4),  # what was started stays
    ],
)
def test_processes_are_added_before_one_would_use_70_percent_of_a_core(
    cpu: float, count: int, cores: int, wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert processes_for(cpu, count) == wanted
