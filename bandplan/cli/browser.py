"""The user's browser: whether there is one here, and a way to it on which no other user sees a secret."""

import sys
from collections.abc import Mapping
from pathlib import Path

from bandplan.stub.statedir import for_owner

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "BROWSER")
"""Variables of which one is set where a browser can open a window, except on macOS and Windows."""


def is_usable(environ: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Whether a browser can be opened for somebody who is watching: not in CI, and not without a display."""
    if environ.get("CI") or not is_terminal:
        return False
    return sys.platform in ("darwin", "win32") or any(environ.get(name) for name in DISPLAYS)


def open_url(url: str) -> bool:
    """Open the address, which becomes an argument of the browser's process: it must hold no secret."""
    import webbrowser

    return webbrowser.open(url)


def open_link(link: str, folder: Path) -> bool:
    """Open a link that is a secret, by a file in `folder` that only its owner can read."""
    return open_url(link_file(folder, link).as_uri())


def link_file(folder: Path, link: str) -> Path:
    """Write a private file that leads to the link: as an argument of the browser, others could read it."""
    from html import escape

    path = folder / "open.html"
    path.unlink(missing_ok=True)
    with open(path, "x", encoding="utf-8", opener=for_owner) as file:
        file.write(f'<!doctype html><meta http-equiv="refresh" content="0; url={escape(link)}">\n')
    return path
