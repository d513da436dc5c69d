import webbrowser

import pytest


@pytest.fixture(autouse=True)
def forget_browsers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test have its own BROWSER: the standard library looks for browsers once in a process."""
    monkeypatch.setattr(webbrowser, "_tryorder", None)
    monkeypatch.setattr(webbrowser, "_browsers", {})
