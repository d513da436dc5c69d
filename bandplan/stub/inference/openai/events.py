"""Server-sent events: the data of each, from bytes as they come."""

DONE = "[DONE]"

MOST_LINE_BYTES = 16 * 1024 * 1024
"""Maximum length of one line; an arbitrary bound on memory."""


class Events:
    """A reader of `data:` lines; other lines (comments, names, ids) carry nothing that is needed here."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """Return the data of the events that are complete. Raises ValueError if a line is too long."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MOST_LINE_BYTES:
            raise ValueError("a line is too long")
        return [
            line.removeprefix(b"data:").strip().decode("utf-8", "replace")
            for line in lines
            if line.startswith(b"data:")
        ]
