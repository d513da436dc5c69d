"""What is written in one turn of the event loop goes out in one write, in order, and nothing stays behind."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bandplan.stub.transport import MOST_JOINED_BYTES, Chunks, JoiningTransport


class Written(asyncio.Transport):
    """A transport that remembers its writes and its end."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.end = ""

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return bool(self.end)

    def close(self) -> None:
        self.end = "closed"

    def abort(self) -> None:
        self.end = "aborted"

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


class Flow:
    write_paused = False


class Cycle:
    flow = Flow()


def after(act: Callable[[JoiningTransport], None]) -> Written:
    async def run() -> Written:
        transport = Written()
        act(JoiningTransport(transport, asyncio.get_running_loop()))
        await asyncio.sleep(0)
        return transport

    return asyncio.run(run())


def test_head_and_body_of_an_answer_are_one_write() -> None:
    def act(joining: JoiningTransport) -> None:
        joining.write(b"head ")
        joining.write(b"body")

    assert after(act).written == [b"head body"]


def test_much_is_written_before_the_turn_is_over() -> None:
    def act(joining: JoiningTransport) -> None:
        for _ in range(4):
            joining.write(b"x" * (MOST_JOINED_BYTES // 2 + 1))
        joining.write(b"end")

    written = after(act).written
    assert [len(one) for one in written] == [MOST_JOINED_BYTES + 2, MOST_JOINED_BYTES + 2, 3]


def test_what_is_held_waits_for_the_next_write() -> None:
    async def run() -> None:
        transport = Written()
        joining = JoiningTransport(transport, asyncio.get_running_loop())
        joining.hold()
        joining.write(b"head ")
        await asyncio.sleep(0)
        assert transport.written == []
        joining.write(b"body")
        await asyncio.sleep(0)
        joining.write(b"more")
        await asyncio.sleep(0)
        assert transport.written == [b"head body", b"more"]

    asyncio.run(run())


def test_closing_writes_what_is_held() -> None:
    def act(joining: JoiningTransport) -> None:
        joining.hold()
        joining.write(b"all")
        joining.close()

    assert after(act).written == [b"all"]


def test_closing_writes_all_and_aborting_drops_it() -> None:
    def close(joining: JoiningTransport) -> None:
        joining.write(b"all")
        joining.close()

    def abort(joining: JoiningTransport) -> None:
        joining.write(b"lost")
        joining.abort()

    assert (after(close).written, after(close).end) == ([b"all"], "closed")
    assert (after(abort).written, after(abort).end) == ([], "aborted")


@pytest.mark.parametrize(("before", "written"), [(b"", [b"3\r\none\r\n"]), (b"head ", [b"head 3\r\none\r\n"])])
def test_chunk_is_written_at_once_after_what_came_before(before: bytes, written: list[bytes]) -> None:
    async def run() -> None:
        transport = Written()
        joining = JoiningTransport(transport, asyncio.get_running_loop())
        if before:
            joining.write(before)
        assert not Chunks(Cycle(), joining).write(b"one")
        assert transport.written == written
        await asyncio.sleep(0)
        assert transport.written == written

    asyncio.run(run())


def test_chunk_for_a_client_that_has_left_is_dropped() -> None:
    def act(joining: JoiningTransport) -> None:
        chunks = Chunks(Cycle(), joining)
        joining.close()
        chunks.write(b"one")

    assert after(act).written == []
