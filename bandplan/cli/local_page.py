"""The page of the local workspace: a one-time link to it, printed or given to a browser."""

from pathlib import Path

from bandplan.cli.errors import CommandError
from bandplan.cli.local_workspace import NOT_RUNNING
from bandplan.stub import process
from bandplan.stub.statedir import for_owner


def open_page(folder: Path, *, in_browser: bool) -> None:
    """Print a one-time link to the page of the stub in `folder`, or open it. Raises CommandError if none is running."""
    running = process.status(folder)
    if running is None:
        raise CommandError(NOT_RUNNING)
    link = process.page_link(running)
    if not in_browser:
        print(f"{link}\nopens the page in a browser on this machine; it works once, within five minutes")
        return
    import webbrowser

    if not webbrowser.open(link_file(folder, link).as_uri()):
        raise CommandError(
            "no browser was found; run `bandplan stub open` without --browser and open the link yourself"
        )
    print("opened the page in the default browser")


def link_file(folder: Path, link: str) -> Path:
    """Write a private file that leads to the link: as an argument of the browser, others could read it."""
    path = folder / "open.html"
    path.unlink(missing_ok=True)
    with open(path, "x", encoding="utf-8", opener=for_owner) as file:
        file.write(f'<!doctype html><meta http-equiv="refresh" content="0; url={link}">\n')
    return path
