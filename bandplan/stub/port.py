"""The port requested by a user."""

HIGHEST = 65535


def parse(text: str) -> int:
    """Parse a port number, 0 for any free port. Raises ValueError stating what is allowed."""
    if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= HIGHEST:
        return int(text)
    raise ValueError(f"--port {text}: not a port number; use 1 to {HIGHEST}, or 0 for any free port")
