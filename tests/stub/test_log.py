"""What the stub writes to its log, which a person reads on a terminal."""

import logging

from bandplan.stub.server import visible_formatter


def test_the_log_shows_what_a_client_sent_and_steers_no_terminal() -> None:
    record = logging.LogRecord(
        "stub", logging.WARNING, __file__, 1, "asked for %s\n\tnext", ("\x1b[2J\u202e\x9b",), None
    )
    line = visible_formatter().format(record)
    assert line.endswith("WARNING stub: asked for \\x1b[2J\\u202e\\x9b\n\tnext")
