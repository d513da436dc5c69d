"""The port that a user asks for."""

HIGHEST = 65535


def parse(text: str) -> int:
    """Read a port number, 0 for any free one; raises ValueError that says what is allowed."""
    if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= HIGHEST:
        return int(text)
    raise ValueError(f"--port {text}: not a port; use 1 to {HIGHEST}, or 0 for any free one")
