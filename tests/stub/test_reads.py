"""What connections have read reaches the application in order, a little in each turn, with the time when it had arrived."""

import asyncio

from bandplan.stub.reads import MOST_READS, Reads


class Connection:
    """A reader that notes its number when it hands on its one read."""

    def __init__(self, number: int, handed_on: list[int]) -> None:
        self._number, self._handed_on, self._has_read = number, handed_on, True

    def hand_on(self) -> bool:
        if not self._has_read:
            return False
        self._has_read = False
        self._handed_on.append(self._number)
        return True


def test_a_burst_is_handed_on_in_order_a_few_in_each_turn() -> None:
    async def run() -> tuple[list[int], list[int]]:
        reads, handed_on = Reads(), list[int]()
        for number in range(3 * MOST_READS + 1):
            reads.add(Connection(number, handed_on))
        after = [len(handed_on)]
        while len(handed_on) < 3 * MOST_READS + 1:
            await asyncio.sleep(0)
            after.append(len(handed_on))
        return handed_on, after

    handed_on, after = asyncio.run(run())
    assert handed_on == [*range(3 * MOST_READS + 1)]
    assert after == [MOST_READS, 2 * MOST_READS, 3 * MOST_READS, 3 * MOST_READS + 1]


def test_what_is_read_later_waits_behind_the_burst() -> None:
    async def run() -> list[int]:
        reads, handed_on = Reads(), list[int]()
        for number in range(2 * MOST_READS + 1):
            reads.add(Connection(number, handed_on))
        await asyncio.sleep(0)
        reads.add(Connection(1000, handed_on))
        assert len(handed_on) == 2 * MOST_READS
        await asyncio.sleep(0)
        return handed_on

    assert asyncio.run(run()) == [*range(2 * MOST_READS + 1), 1000]


def test_reader_that_has_handed_on_by_itself_takes_nobodys_turn() -> None:
    async def run() -> list[int]:
        reads, handed_on = Reads(), list[int]()
        burst = [Connection(number, handed_on) for number in range(2 * MOST_READS + 2)]
        for one in burst:
            reads.add(one)
        for one in burst[MOST_READS : MOST_READS + 2]:
            one.hand_on()  # its client has left
        handed_on.clear()
        await asyncio.sleep(0)
        return handed_on

    assert asyncio.run(run()) == [*range(MOST_READS + 2, 2 * MOST_READS + 2)]


def test_all_that_one_look_found_has_arrived_by_the_same_moment() -> None:
    async def run() -> tuple[float, float, float]:
        reads, loop, now = Reads(), asyncio.get_running_loop(), [100.0]
        loop.time = lambda: now[0]  # type: ignore[method-assign]
        first = reads.moment
        now[0] = 100.25  # the work on the first read
        same = reads.moment
        await asyncio.sleep(0)
        return first, same, reads.moment

    assert asyncio.run(run()) == (100.0, 100.0, 100.25)
