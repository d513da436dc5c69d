"""The protocol with the process that runs MLflow, spoken by small scripts in its place."""

import os
import sys
import threading
from pathlib import Path

import pytest

from bandplan.serving.registration.errors import RegistrationError, RegistrationStopped
from bandplan.serving.registration.mlflow_process.job import Event, Job
from bandplan.serving.registration.mlflow_process.process import run_job
from bandplan.serving.registration.request import Renew
from bandplan.serving.registration.timing import Timing, Waiting

HOST, TOKEN = "http://127.0.0.1:1", "dapi-secret-0123456789"
JOB = Job("run", "runs:/a/model", "runs:/a/model", name="ml.chat.tiny", digest="sha256:00")


class Runner:
    """Runs a script in place of MLflow's process; what it tells of progress is in `told`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[str] = []
        self.stop = threading.Event()
        self.stop_seconds = 60.0

    def run(self, script: str, renew: Renew | None = None) -> Event:
        path = self.folder / "script.py"
        path.write_text(f"import json, os, sys, time\n{script}")
        waiting = Waiting(Timing(stop_seconds=self.stop_seconds, renew_seconds=0.01), self.stop)
        return run_job(JOB, HOST, TOKEN, waiting, self._tell, (sys.executable, str(path)), renew)

    def _tell(self, text: str) -> None:
        self.told.append(text)
        if text == "stop now":
            self.stop.set()


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def test_job_comes_on_standard_input_and_events_on_standard_output(runner: Runner) -> None:
    event = runner.run(
        "job = json.loads(sys.stdin.readline())\n"
        "print(json.dumps({'kind': 'progress', 'text': job['shown']}))\n"
        "print('no event')\n"
        "print(json.dumps({'kind': 'done', 'version': '3', 'run_id': 'r'}))\n"
    )
    assert (event.kind, event.version, event.run_id, runner.told) == ("done", "3", "r", ["runs:/a/model"])


def test_token_is_in_the_environment_and_nowhere_else(runner: Runner) -> None:
    event = runner.run(
        "line = sys.stdin.readline()\n"
        "secret = os.environ['DATABRICKS_TOKEN']\n"
        "shown = [name for name, text in (('argv', ' '.join(sys.argv)), ('job', line)) if secret in text]\n"
        "print(json.dumps({'kind': 'done', 'version': ','.join(shown) or 'nowhere'}))\n"
    )
    assert event.version == "nowhere"


def test_failure_is_an_error_without_the_token(runner: Runner) -> None:
    with pytest.raises(RegistrationError) as failed:
        runner.run(f"print(json.dumps({{'kind': 'failed', 'text': 'first {TOKEN}\\nsecond'}}))")
    assert str(failed.value) == "first [redacted]\nsecond"


def test_each_new_token_follows_on_standard_input_and_is_in_no_message(runner: Runner) -> None:
    answers: list[str | None] = [TOKEN, None, "renewed-secret-1", "renewed-secret-1", "renewed-secret-2"]

    def renew() -> str | None:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    with pytest.raises(RegistrationError) as failed:
        runner.run(
            "sys.stdin.readline()\n"
            "tokens = [json.loads(sys.stdin.readline())['token'] for _ in range(2)]\n"
            "print(json.dumps({'kind': 'failed', 'text': ' then '.join(tokens)}))\n",
            renew,
        )
    assert str(failed.value) == "[redacted] then [redacted]"


def test_process_that_is_killed_is_an_error_that_says_so(runner: Runner) -> None:
    with pytest.raises(RegistrationError, match=r"was killed by signal 9 .*if memory ran out"):
        runner.run("os.kill(os.getpid(), 9)")


def test_process_that_ends_without_a_word_is_an_error_with_its_last_line(runner: Runner) -> None:
    with pytest.raises(RegistrationError) as failed:
        runner.run(f"print('noise\\nImportError: {TOKEN}', file=sys.stderr); sys.exit(4)")
    assert "ended with status 4 (ImportError: [redacted])" in str(failed.value)


def test_stop_lets_the_process_clean_up(runner: Runner) -> None:
    mark = runner.folder / "cleaned"
    with pytest.raises(RegistrationStopped):
        runner.run(
            "sys.stdin.readline()\n"
            "print(json.dumps({'kind': 'progress', 'text': 'stop now'}), flush=True)\n"
            "sys.stdin.read()\n"
            f"open({str(mark)!r}, 'w').close()\n"
        )
    assert mark.exists()


def test_process_that_does_not_stop_is_killed(runner: Runner) -> None:
    runner.stop_seconds = 0.2
    told = runner.folder / "pid"
    with pytest.raises(RegistrationStopped):
        runner.run(
            f"open({str(told)!r}, 'w').write(str(os.getpid()))\n"
            "print(json.dumps({'kind': 'progress', 'text': 'stop now'}), flush=True)\n"
            "time.sleep(600)\n"
        )
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)


def test_temporary_files_of_the_process_are_gone_after_it(runner: Runner) -> None:
    event = runner.run(
        "import tempfile\npath = tempfile.mkdtemp()\nprint(json.dumps({'kind': 'done', 'version': path}))\n"
    )
    assert event.version is not None and not Path(event.version).parent.exists()
