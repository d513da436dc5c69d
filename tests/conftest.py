import os

import pytest

# Commands of the tests run in processes of the tests, unless `make test-warm` says otherwise (docs/warm.md): one with a
# terminal would leave a warm process behind.
os.environ.setdefault("BANDPLAN_WARM", "0")


@pytest.fixture(autouse=True)
def standing_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget where a command of an earlier test stood, as paths in messages are relative to it."""
    monkeypatch.delenv("BANDPLAN_STANDING", raising=False)
