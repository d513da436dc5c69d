"""Ctrl-C and SIGTERM: what is under way ends, the state is written, and nothing more is begun."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.embedded.conftest import ROOT, ToyProject, thing


def interrupted(project: ToyProject, act: str, number: signal.Signals, after: int) -> str:
    """Run `act` in a process of its own, two resources at a time; signal it after so many effects. Its last words.

    Nothing more is done to a toy until the process has heard the signal.
    """
    hold = project.toys.world / "hold"
    hold.write_text(str(after))
    script = (
        "import sys; from pathlib import Path; from bandplan.embedded.guards import Interrupts\n"
        "from bandplan.embedded.run import Engine; from tests.embedded.toy import Toys\n"
        "take = Interrupts.take\n"
        "def taken(self, number, frame):\n"
        "    try:\n"
        "        take(self, number, frame)\n"
        "    finally:\n"
        f"        Path({str(hold)!r}).unlink(missing_ok=True)\n"
        "Interrupts.take = taken\n"
        f"engine = Engine(Path({str(project.folder)!r}), 'local', Path({str(project.state_dir)!r}),"
        f" {{'toy': Toys(Path({str(project.toys.world)!r}))}}, lambda event: None, parallel=2);"
        f"outcome = engine.{act}(); print(outcome.digest['diagnostics'][-1]['message']); sys.exit(not outcome.ok)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    deadline = time.monotonic() + 60
    while len(project.toys.effects()) < after and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1, said
    return said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_update_records_what_was_made_and_the_next_one_goes_on(
    project: ToyProject, number: signal.Signals
) -> None:
    project.declare(*[thing(f"t{index}", seconds=0.2) for index in range(30)])

    said = interrupted(project, "up", number, after=4)

    made = set(project.toys.things())
    assert "interrupted" in said
    assert "Traceback" not in said
    # Two may have been made at the same time as the fourth, and two more were begun by then.
    assert 4 <= len(made) <= 7
    assert {entry["id"] for entry in project.resources().values() if "Thing" in entry["urn"]} == made
    assert not list((project.state_dir / ".pulumi").rglob("*.jsonl"))
    assert not list((project.state_dir / ".pulumi/locks").rglob("*.json"))
    assert project.up().changes["create"] == 30 - len(made)


def test_interrupted_destroy_deletes_nothing_more(project: ToyProject) -> None:
    project.declare(*[thing(f"t{index}", seconds=0.01, slow_delete=0.2) for index in range(30)])
    project.up()

    interrupted(project, "destroy", signal.SIGINT, after=34)

    left = set(project.toys.things())
    assert 23 <= len(left) <= 26
    assert {entry["id"] for entry in project.resources().values() if "Thing" in entry["urn"]} == left
    assert project.engine().destroy().ok


def test_second_interrupt_ends_at_once_and_the_next_run_takes_over(project: ToyProject) -> None:
    project.declare(thing("a"), thing("slow", seconds=600))
    script = (
        "from pathlib import Path; from bandplan.embedded.run import Engine; from tests.embedded.toy import Toys;"
        f"Engine(Path({str(project.folder)!r}), 'local', Path({str(project.state_dir)!r}),"
        f" {{'toy': Toys(Path({str(project.toys.world)!r}))}}, lambda event: None, parallel=2).up()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", script], env=environment, stderr=subprocess.PIPE, text=True)
    journal = project.state_dir / ".pulumi/journals/toys/local.jsonl"
    deadline = time.monotonic() + 60
    while not (journal.exists() and all(name in journal.read_text() for name in ("::slow", '"id":"a.plain"'))):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    while process.poll() is None and time.monotonic() < deadline:
        # The first one may still be on its way: signals of one kind do not add up.
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "stopped at once" in said and "Traceback" not in said
    project.declare(thing("a"), thing("slow"))
    assert project.up().changes == {"create": 1, "same": 2}
    assert project.toys.effects() == ["create a.plain", "create slow.plain"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_preview_that_waits_for_an_answer_ends_at_once(project: ToyProject, number: signal.Signals) -> None:
    project.declare(thing("a"))
    asked = project.folder / "asked"
    script = (
        "import time; from pathlib import Path; from bandplan.embedded.run import Engine; from tests.embedded.toy import Toys\n"
        "class Silent(Toys):\n"
        "    async def check(self, request):\n"
        f"        Path({str(asked)!r}).touch(); time.sleep(600)\n"
        f"Engine(Path({str(project.folder)!r}), 'local', Path({str(project.state_dir)!r}),"
        f" {{'toy': Silent(Path({str(project.toys.world)!r}))}}, lambda event: None).preview()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", script], env=environment, stderr=subprocess.PIPE, text=True)
    while not asked.exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)

    assert (process.returncode, said) == (130, "interrupted\n")


def test_signal_that_reaches_another_thread_ends_the_wait_of_the_loop() -> None:
    # As one does that arrives right before the wait: the system call itself is not interrupted.
    script = """if True:
        import asyncio, os, signal, threading
        from bandplan.embedded.program import woken_by_signals
        signal.signal(signal.SIGTERM, lambda number, frame: os._exit(42))
        may_send = threading.Event()
        def send():
            may_send.wait()
            os.kill(os.getpid(), signal.SIGTERM)
        threading.Thread(target=send).start()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # in this thread, not in the other one
        loop = asyncio.new_event_loop()
        with woken_by_signals(loop):
            loop.call_soon(may_send.set)
            loop.run_until_complete(asyncio.sleep(600))
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", script], env=environment, timeout=60).returncode == 42
