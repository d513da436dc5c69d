import pytest


@pytest.fixture(autouse=True)
def standing_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget where a command of an earlier test stood, as paths in messages are relative to it."""
    monkeypatch.delenv("BANDPLAN_STANDING", raising=False)
