"""The page of the local workspace: a one-time link to it, printed or given to a browser."""

from pathlib import Path

from bandplan.cli.browser import open_link
from bandplan.cli.errors import CommandError
from bandplan.cli.local_workspace import why_absent
from bandplan.stub import process

ABOUT = "opens the page in a browser on this machine; it works once, within five minutes"


def open_page(folder: Path, *, in_browser: bool) -> None:
    """Print a one-time link to the page of the stub in `folder`, or open it. Raises CommandError if none is running."""
    running = process.status(folder)
    if running is None:
        raise CommandError(why_absent(folder))
    link = process.page_link(running)
    if not in_browser:
        print(f"{link}\n{ABOUT}")
        return
    if not open_link(link, folder):
        raise CommandError(
            "no browser was found; run `bandplan stub open` without --browser and open the link yourself"
        )
    print("opened the page in the default browser")
