"""The published `databricks` plugin: whether Pulumi has it, and its installation under a limit.

Pulumi would download a missing plugin during a preview. Behind a network that drops packets it waits for minutes and
prints nothing, so what is missing is said, and a host is asked, before that.
"""

import queue
import shutil
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from bandplan.cli.engines.child import run_child
from bandplan.cli.errors import CommandError
from bandplan.cli.progress import doing

PACKAGE = "pulumi-databricks"
"""The package whose version the plugin has; importing it takes seconds."""

HOSTS = ("github.com", "get.pulumi.com")
"""The hosts that Pulumi downloads from, in its order."""

ANSWER_SECONDS, LIMIT_SECONDS = 6.0, 8.0
"""Seconds for a host to accept a connection, and for everything that asks for one, its name included."""

DOWNLOAD_SECONDS = 600.0
"""The limit of a download; a guess: 50 MB on a line of 1 Mbit/s."""

_ELSEWHERE = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES")
"""Variables with which Pulumi downloads by another way, so that asking the hosts shows nothing."""

Reaches = Callable[[str], bool]


def require_plugin(pulumi: str, environ: Mapping[str, str], folder: Path, reaches: Reaches | None = None) -> None:
    """Install the plugin unless Pulumi has it, and say so.

    Errors: CommandError with what is missing and how to get it.
    """
    release = version(PACKAGE)
    if is_installed(release, environ):
        return
    command = ["plugin", "install", "resource", "databricks", release]
    place = plugins_folder(environ)
    missing = f"Pulumi's plugin databricks {release} is not installed in {place}"
    step = (
        f"run `pulumi {' '.join(command)}` where there is a network (behind a proxy, set HTTPS_PROXY), or copy "
        f"{place / name_of(release)} from a machine that has it"
    )
    with doing(f"asking {' and '.join(HOSTS)} whether they can be reached"):
        is_reached = any(environ.get(name) for name in _ELSEWHERE) or is_any_reached(reaches or answers)
    if not is_reached:
        raise CommandError(f"{missing}, and neither {' nor '.join(HOSTS)} can be reached from here; {step}")
    print(f"{missing}: downloading it, for {DOWNLOAD_SECONDS:g} s at most (Ctrl-C stops)", file=sys.stderr, flush=True)
    if run_child([pulumi, *command], folder, environ, limit_seconds=DOWNLOAD_SECONDS) != 0:
        raise CommandError(f"{missing}, and could not be downloaded: see above; {step}")


def is_installed(release: str, environ: Mapping[str, str]) -> bool:
    """Whether Pulumi finds the plugin: on PATH, or complete in its own folder."""
    if on_path(environ) is not None:
        return True
    folder = plugins_folder(environ) / name_of(release)
    return folder.is_dir() and not folder.with_name(f"{folder.name}.partial").exists()


def on_path(environ: Mapping[str, str]) -> str | None:
    """Return the plugin on PATH, which Pulumi uses whatever its version."""
    return shutil.which("pulumi-resource-databricks", path=environ.get("PATH", ""))


def plugins_folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("PULUMI_HOME") or Path(environ.get("HOME") or "~").expanduser() / ".pulumi") / "plugins"


def name_of(release: str) -> str:
    return f"resource-databricks-v{release}"


def is_any_reached(reaches: Reaches) -> bool:
    """Whether one of the hosts is reached in time; they are asked at once.

    Nothing ends a name look-up that nobody answers, so nobody waits for its thread.
    """
    found: queue.SimpleQueue[bool] = queue.SimpleQueue()
    for host in HOSTS:
        threading.Thread(target=lambda name: found.put(reaches(name)), args=(host,), daemon=True).start()
    until = time.monotonic() + LIMIT_SECONDS
    try:
        return any(found.get(timeout=max(0.0, until - time.monotonic())) for _ in HOSTS)
    except queue.Empty:
        return False


def answers(host: str) -> bool:
    """Whether the host accepts a connection in time."""
    try:
        socket.create_connection((host, 443), timeout=ANSWER_SECONDS).close()
    except OSError:
        return False
    return True
