"""Any number of jobs at once, played with a clock of their own: whatever the order, one comment with every section.

What the protocol asks for is that a job's look just before its write and the write are closer together than the time
that every job waits before it looks whether its own write held. Here a call takes up to 0.9 s, the wait is 2 s.
"""

import heapq
import threading
from collections.abc import Callable, Iterator
from random import Random

import pytest

from bandplan.forge.forge import Comment
from bandplan.report.comment import sticky
from bandplan.report.comment.body import MARKER, parse
from tests.report.conftest import part

SLOWEST_CALL_SECONDS = 0.9


class Schedule:
    """Lets one job run at a time, the one whose turn comes first; a job's call takes effect when its turn comes."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._turns: list[tuple[float, int, threading.Event]] = []
        self._now = 0.0
        self._idle = threading.Event()
        self._lock = threading.Lock()
        self._count = 0

    def wait(self, seconds: float) -> None:
        turn = threading.Event()
        with self._lock:
            self._count += 1
            heapq.heappush(self._turns, (self._now + seconds, self._count, turn))
        self._idle.set()
        turn.wait()

    def call(self) -> None:
        self.wait(self._random.uniform(0.01, SLOWEST_CALL_SECONDS))

    def play(self, jobs: list[Callable[[], object]]) -> None:
        errors: list[BaseException] = []

        def run(job: Callable[[], object]) -> None:
            try:
                self.wait(self._random.uniform(0, 3))
                job()
            except BaseException as error:
                errors.append(error)
            self._idle.set()

        threads = []
        for job in jobs:
            thread = threading.Thread(target=run, args=(job,), daemon=True)
            self._idle.clear()
            thread.start()
            self._idle.wait()
            threads.append(thread)
        while self._turns:
            self._now, _, turn = heapq.heappop(self._turns)
            self._idle.clear()
            turn.set()
            self._idle.wait()
        for thread in threads:
            thread.join()
        assert errors == []


class Memory:
    """A `Forge` in memory; every call waits for its turn."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self.kept: dict[int, str] = {}
        self._last = 0

    def comments(self) -> Iterator[Comment]:
        self._schedule.call()
        return iter([self._comment(number) for number in self.kept])

    def is_own(self, comment: Comment) -> bool:
        return True

    def read(self, comment: Comment) -> Comment | None:
        self._schedule.call()
        return self._comment(comment.id) if comment.id in self.kept else None

    def create(self, body: str) -> None:
        self._schedule.call()
        self._last += 1
        self.kept[self._last] = body

    def update(self, comment: Comment, body: str) -> None:
        self._schedule.call()
        if comment.id in self.kept:
            self.kept[comment.id] = body

    def delete(self, comment: Comment) -> None:
        self._schedule.call()
        self.kept.pop(comment.id, None)

    def _comment(self, number: int) -> Comment:
        return Comment(number, self.kept[number], "", "bot", True, "")


@pytest.mark.parametrize("seed", range(25))
def test_parallel_jobs_end_with_one_comment_that_has_every_section(seed: int) -> None:
    random = Random(seed)
    schedule = Schedule(random)
    forge = Memory(schedule)
    if seed % 3 == 0:
        forge.kept[0] = f"{MARKER}\n"
    titles = [f"stack-{number}" for number in range(random.randint(2, 5))]
    own = {title: PARTS[title] for title in titles}

    def job(title: str) -> Callable[[], object]:
        return lambda: sticky.post(forge, [own[title]], sleep=schedule.wait, random=random.random)

    schedule.play([job(title) for title in titles])
    (body,) = forge.kept.values()
    assert {one.section.key for one in parse(body)} == {f"fleet/{title}" for title in titles}


PARTS = {f"stack-{number}": part(f"stack-{number}") for number in range(5)}
