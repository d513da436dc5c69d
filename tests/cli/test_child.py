"""Another program run to its end: nothing that stops `bandplan` leaves it running by itself."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.engines.child import run_child
from cli.errors import CommandError

DEPLOYING = """
import signal, sys, time
heard = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, frame: heard.append(signal.Signals(number).name))
print("under way", flush=True)
while not heard:
    time.sleep(0.05)
time.sleep(0.5)
print("stopped in order after", *heard, flush=True)
sys.exit(3)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("is_for_all", [False, True], ids=["one process", "its group"])
def test_what_stops_the_command_reaches_the_program_once_and_is_waited_for(
    tmp_path: Path, number: signal.Signals, is_for_all: bool
) -> None:
    program = tmp_path / "deploying.py"
    program.write_text(DEPLOYING)
    parent = (
        "import os, sys; from pathlib import Path; from cli.engines.child import run_child;"
        f"status = run_child([sys.executable, {str(program)!r}], Path('.'), os.environ); print('status', status)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", parent],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "under way\n"

    (os.killpg if is_for_all else os.kill)(process.pid, number)

    said, _ = process.communicate(timeout=60)
    assert said == f"stopped in order after {number.name}\nstatus 3\n"
    assert process.returncode == 0


def test_program_that_cannot_be_started_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="absent: cannot be started: No such file or directory"):
        run_child([str(tmp_path / "absent")], tmp_path, {})
