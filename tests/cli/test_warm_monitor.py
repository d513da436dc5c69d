"""Which signals a monitor passes on, by what it received itself and what its caller tells of.

A monitor that did not run for a while receives two of a kind as one, and of a stop and SIGCONT only the later one.
"""

import signal
import time
from collections import defaultdict, deque

import pytest

from bandplan.cli.warm.monitor import SAME_SECONDS, Received, to_pass_on

STOP, GO, INT = signal.SIGTSTP, signal.SIGCONT, signal.SIGINT


@pytest.mark.parametrize(
    ("own", "told", "passed"),
    [
        ([], [INT], [INT]),  # `kill` of the caller alone
        ([], [INT, INT], [INT]),
        ([INT], [INT], []),  # Ctrl-C
        ([INT], [INT, INT], []),  # Ctrl-C twice while it did not run
        ([INT, INT], [INT, INT], []),
        ([STOP], [STOP], []),  # Ctrl-Z
        ([STOP, GO], [STOP, GO], []),  # and `fg`
        ([GO], [STOP, GO], []),  # the same while it did not run
        ([STOP], [GO, STOP], []),  # `fg` and Ctrl-Z while it did not run
        ([STOP], [STOP, GO, STOP], [GO, STOP]),  # all three: in the end it is stopped
        ([], [STOP, GO], [STOP, GO]),
    ],
)
def test_signal_that_came_to_the_whole_job_is_not_passed_on(
    own: list[signal.Signals], told: list[signal.Signals], passed: list[signal.Signals]
) -> None:
    received: Received = defaultdict(deque)
    for number in own:
        received[number].append(time.monotonic())
    assert list(to_pass_on(bytes(told), received)) == passed


def test_what_is_left_over_counts_once_more_and_not_for_long() -> None:
    received: Received = defaultdict(deque)
    received[INT] += [time.monotonic() - 2 * SAME_SECONDS, time.monotonic(), time.monotonic()]
    assert list(to_pass_on(bytes([INT]), received)) == []
    assert list(to_pass_on(bytes([INT]), received)) == []
    assert list(to_pass_on(bytes([INT]), received)) == [INT]
