"""A stub that an earlier version of bandplan started, and that still runs after an upgrade."""

from pathlib import Path

import pytest

from bandplan.stub import process
from tests.answering import JsonHandler, answering


def test_stub_that_lacks_a_route_is_to_be_restarted(tmp_path: Path) -> None:
    class Handler(JsonHandler):
        def do_PUT(self) -> None:
            self.received()
            self.reply(404, {"error_code": "ENDPOINT_NOT_FOUND", "message": "No API found for 'PUT /stub/engines'."})

    with answering(Handler) as url:
        running = process.Running(1, url, "token", tmp_path)
        with pytest.raises(process.StubError, match="started by another version of bandplan") as refused:
            process.set_engines(running, {})
    assert not isinstance(refused.value, process.SettingsRefused)
    assert "`bandplan stub stop`" in str(refused.value)
