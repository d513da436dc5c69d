"""Run the workspace: bind the loopback address, serve, write `run.json`, clean up."""

import asyncio
import contextlib
import functools
import gc
import logging
import os
import resource
import socket
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import uvicorn
from starlette.middleware import Middleware

from bandplan.stub import statedir
from bandplan.stub.api import application, routes
from bandplan.stub.api.connections import Connections
from bandplan.stub.api.faulty_requests import FaultyRequests
from bandplan.stub.api.queries.assignments import Assignments
from bandplan.stub.connection import Connection
from bandplan.stub.engines import assignments_of
from bandplan.stub.inference.selection.options import EngineOptions
from bandplan.stub.inference.simulated import Pace
from bandplan.stub.reads import Reads
from bandplan.stub.state.scenario import NONE, Scenario
from bandplan.stub.state.serving.settle import Settle
from bandplan.stub.state.workspace import Workspace, open_workspace
from bandplan.wire.machine_folder import make_private_folder

LOOPBACK = "127.0.0.1"
BACKLOG = 2048
SHUTDOWN_SECONDS = 2
MOST_DESCRIPTORS = 65536
"""Files and connections to be open at once, if the machine allows as many: a query that an engine answers has two, and
many machines begin with 1,024. Arbitrary.
"""
YOUNG_OBJECTS = 10_000
"""New objects after which Python looks for cycles among them; two requests create its default of 700."""
TICKS_BETWEEN_LOOKS = 20
"""Number of uvicorn's 0.1 s ticks between checks that the state directory still exists."""


class ServeError(Exception):
    """The workspace cannot be served; the message gives the cause and what to do."""


class AnnouncingServer(uvicorn.Server):
    """A server that writes `run.json` once it answers; when it stops, it removes the file and closes the workspace.

    This happens here and not after `serve`, which ends the process by the signal that it received. The server stops by
    itself if its state directory is gone or belongs to another stub: nobody could find it to stop it.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        state_dir: Path,
        lock: int,
        run: statedir.RunFile,
        workspace: Workspace,
        assignments: Assignments,
    ) -> None:
        super().__init__(config)
        self._state_dir = state_dir
        self._lock = lock
        self._run = run
        self._workspace = workspace
        self._assignments = assignments
        self._tending: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._tending = asyncio.create_task(self._assignments.tend())
        statedir.write_run_file(self._state_dir, self._run)

    async def on_tick(self, counter: int) -> bool:
        is_abandoned = counter % TICKS_BETWEEN_LOOKS == 0 and not statedir.is_lock_of(self._state_dir, self._lock)
        return await super().on_tick(counter) or is_abandoned

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if statedir.is_lock_of(self._state_dir, self._lock):
            statedir.remove_run_file(self._state_dir)
        if self._tending is not None:
            self._tending.cancel()
        await super().shutdown(sockets)
        self._workspace.close()
        await self._assignments.running.close()


@dataclass(frozen=True)
class ServeSettings:
    """How to serve a workspace.

    The bearer token is random and new, or the last one if it is kept. `is_unlimited`: endpoints answer as fast as the
    machine allows, whatever their capacity.
    """

    port: int
    settle: Settle | None
    pace: Pace | None
    scenario: Scenario = NONE
    engines: EngineOptions = field(default_factory=EngineOptions)
    is_token_kept: bool = False
    is_unlimited: bool = False


def serve(state_dir: Path, settings: ServeSettings) -> None:
    """Serve `state_dir` until SIGTERM or SIGINT. Raises ServeError or StoreError before `run.json` is written."""
    scenario, engines = settings.scenario, settings.engines
    make_private_folder(state_dir)
    lock = statedir.take_lock(state_dir)
    if lock is None:
        raise ServeError(f"{state_dir}: another stub workspace serves this directory; run `bandplan stub stop` first")
    statedir.remove_run_file(state_dir)
    _log_to(state_dir / "stub.log")
    allow_descriptors()
    listener = bind_loopback(settings.port)
    host = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
    workspace = open_workspace(state_dir, settings.settle, scenario)
    unknown_routes: Counter[str] = Counter()
    assignments = assignments_of(workspace, state_dir, settings.pace, engines)
    answered = routes.build(workspace, host, unknown_routes, assignments, engines, is_unlimited=settings.is_unlimited)
    connections = Connections()
    faulty = Middleware(FaultyRequests, workspace.route_faults, connections)
    token = statedir.keep_token(state_dir) if settings.is_token_kept else statedir.make_token(state_dir)
    config = uvicorn.Config(
        application.build(answered, token, workspace.id, unknown_routes, scenario.limits, [faulty]),
        http=cast(type[asyncio.Protocol], functools.partial(Connection, connections, Reads())),
        ws="none",
        loop="asyncio",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    run = statedir.RunFile(os.getpid(), int(listener.getsockname()[1]), host, started_at)
    _collect_garbage_seldom()
    asyncio.run(AnnouncingServer(config, state_dir, lock, run, workspace, assignments).serve(sockets=[listener]))


def bind_loopback(port: int) -> socket.socket:
    """Return a listening socket on 127.0.0.1; port 0 picks a free one. Raises ServeError."""
    # With an explicit protocol, asyncio sets TCP_NODELAY; without it every answer waits 40 ms for a delayed ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError as error:
        listener.close()
        raise ServeError(f"{LOOPBACK}:{port}: cannot listen ({error.strerror}); use another --port, or 0") from error
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def allow_descriptors() -> None:
    """Allow this process as many open connections as the machine lets it have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # macOS has limits of its own
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _collect_garbage_seldom() -> None:
    """Exclude the objects that exist now from garbage collection, as they stay, and collect less often.

    A collection of everything stops all streams for some 50 ms, and after a burst of requests there were several.
    """
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])


def _log_to(path: Path) -> None:
    handler = logging.FileHandler(path)
    handler.setFormatter(visible_formatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


def visible_formatter() -> logging.Formatter:
    """Return the formatter of a log line."""
    return _Visible("%(asctime)s %(levelname)s %(name)s: %(message)s")


class _Visible(logging.Formatter):
    """A formatter that escapes invisible characters sent by clients: the log is read on a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        if text.isprintable():
            return text
        return "".join(
            one if one.isprintable() or one in "\n\t" else one.encode("unicode_escape").decode("ascii") for one in text
        )
