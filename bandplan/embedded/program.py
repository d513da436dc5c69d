"""Runs a Pulumi program in this process, with our monitor.

It does so as the Python language host does (sdk/python/cmd/pulumi-language-python-exec in github.com/pulumi/pulumi,
read 2026-11): the program's folder is the working directory, and `__main__.py` runs inside a stack resource.
"""

import asyncio
import contextlib
import contextvars
import functools
import logging
import os
import runpy
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec

import pulumi

from bandplan.embedded.deployment import Deployment
from bandplan.embedded.direct_registration import direct_registrations
from bandplan.embedded.errors import EngineError, ProgramFailed, StepStopped
from bandplan.embedded.monitor import EngineLog, Monitor
from bandplan.embedded.project import Project
from bandplan.embedded.pulumi_internals import configure, run_in_stack, under_way

P = ParamSpec("P")

_SECONDS_TO_END: Final = 1.0
"""Time for cancelled tasks that have nothing to wait for; a task that does wait is abandoned."""


def _in_a_context_of_its_own(function: Callable[P, None]) -> Callable[P, None]:
    """Run `function` in a copy of the context: the SDK keeps its settings there, so runs stay separate."""

    @functools.wraps(function)
    def run_in_copy(*args: P.args, **kwargs: P.kwargs) -> None:
        contextvars.copy_context().run(function, *args, **kwargs)

    return run_in_copy


@_in_a_context_of_its_own
def run(
    project: Project,
    stack: str,
    monitor: Monitor,
    log: EngineLog,
    deployment: Deployment,
    executor: ThreadPoolExecutor,
    is_preview: bool,
) -> None:
    """Run the program to its end. ProgramFailed or EngineError if the program fails; failed steps are not raised.

    Returns only when every registration in progress has ended, so that its result is in the state.
    """
    configure(
        project=project.name,
        stack=stack,
        monitor=monitor,
        log=log,
        is_preview=is_preview,
        root=str(project.root),
        config=project.config,
    )
    # A failed program leaves futures that nothing awaits; asyncio would report each of them.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    loop.set_default_executor(executor)
    asyncio.set_event_loop(loop)
    try:
        with (
            _working_directory_of(project),
            direct_registrations(deployment, monitor, is_preview),
            woken_by_signals(loop),
        ):
            loop.run_until_complete(run_in_stack(lambda: _run_to_quiet(project)))
    except StepStopped:
        pass
    except pulumi.RunError as error:
        raise ProgramFailed(str(error)) from error
    except EngineError:
        raise
    except Exception as error:
        cause = _first_of_ours(error)
        if isinstance(cause, EngineError):
            raise cause from error
        if not isinstance(cause, StepStopped):
            raise ProgramFailed(f"the program failed with an unhandled exception:\n{_user_trace(error)}") from error
    except SystemExit as stop:
        if stop.code not in (None, 0):
            raise ProgramFailed(f"the program ended with exit status {stop.code}") from stop
    finally:
        executor.shutdown(wait=True)
        _end_tasks(loop)
        asyncio.set_event_loop(None)
        loop.close()


@contextlib.contextmanager
def woken_by_signals(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Let every signal end a wait of the loop, so that its handler runs at once.

    Otherwise one that arrives right before the wait, or at another thread, is handled only after the next event, which
    a workspace that does not answer never sends.
    """
    if os.name != "posix" or threading.current_thread() is not threading.main_thread():
        yield
        return
    reader, writer = socket.socketpair()
    with reader, writer:
        reader.setblocking(False)
        writer.setblocking(False)
        loop.add_reader(reader, reader.recv, 4096)
        before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            loop.remove_reader(reader)


def _end_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """End the tasks that the program left waiting, so that the interpreter does not complain about them at exit."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=_SECONDS_TO_END))


async def _run_to_quiet(project: Project) -> None:
    runpy.run_path(str(project.main), run_name="__main__")
    await _quiet()


async def _quiet() -> None:
    """Return when no registration and no output is pending, or one has failed, which the SDK reports itself.

    The SDK waits too (`wait_for_rpcs` of its runtime/stack.py), but scans everything in progress each time one item
    ends: with 1,000 endpoints that took two thirds of a preview. Here each item is looked at once.
    """
    while pending := under_way():
        await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)


@contextlib.contextmanager
def _working_directory_of(project: Project) -> Iterator[None]:
    folder = project.main if project.main.is_dir() else project.main.parent
    before, arguments = os.getcwd(), sys.argv
    try:
        os.chdir(folder)
    except FileNotFoundError:
        raise EngineError(f"{folder}: the program's folder is missing; see `main` in Pulumi.yaml") from None
    sys.argv = [str(project.main)]
    try:
        yield
    finally:
        sys.argv = arguments
        os.chdir(before)


def _first_of_ours(error: BaseException) -> BaseException:
    current: BaseException | None = error
    seen: set[int] = set()
    # The SDK raises an error from itself if a registration has failed with it.
    while current is not None and id(current) not in seen:
        if isinstance(current, (EngineError, StepStopped)):
            return current
        seen.add(id(current))
        current = current.__cause__ or current.__context__
    return error


def _user_trace(error: Exception) -> str:
    return "".join(traceback.format_exception(error)).rstrip()
