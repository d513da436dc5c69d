import os
import signal

import pytest

# Commands of the tests run in processes of the tests, unless `make test-warm` says otherwise (docs/warm.md): one with a
# terminal would leave a warm process behind.
os.environ.setdefault("BANDPLAN_WARM", "0")

# A command that has been silent for ten seconds says what it waits for, also where a test expects nothing of the kind.
os.environ.setdefault("BANDPLAN_PROGRESS", "0")

# A script starts its background jobs with SIGINT and SIGQUIT ignored, and `nohup` with SIGHUP ignored; programs started by
# the tests would inherit that, and tests of keys and of hanging up would wait for signals that never come.
_USUAL = {signal.SIGINT: signal.default_int_handler, signal.SIGQUIT: signal.SIG_DFL, signal.SIGHUP: signal.SIG_DFL}
for _number, _usual in _USUAL.items():
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _usual)


@pytest.fixture(autouse=True)
def standing_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget where a command of an earlier test stood, as paths in messages are relative to it."""
    monkeypatch.delenv("BANDPLAN_STANDING", raising=False)
