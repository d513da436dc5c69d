"""Runs one operation on a stack: preview, up, refresh or destroy. The room's public door."""

import datetime
import gc
import ipaddress
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from pulumi.provider.experimental.provider import Provider

from embedded import program
from embedded.checkpoint import Snapshot, StackFile, parse, render, write
from embedded.deployment import Deployment
from embedded.digest import Digest
from embedded.errors import EngineError, Unsupported
from embedded.events import Diagnosed, Event, Finished, Started, one_at_a_time
from embedded.journal import Journal, replay
from embedded.lock import hold
from embedded.monitor import EngineLog, Monitor
from embedded.project import Project, load
from embedded.providers import Providers
from embedded.refreshing import Refresh
from embedded.resource import ResourceState

DEFAULT_PARALLEL: Final = 64
"""How many resources are worked on at once. A workspace is one HTTP server: more connections than this gain nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `changes` counts steps by operation; `digest` has the shape of `pulumi preview --json`."""

    ok: bool
    changes: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    digest: dict[str, Any] = field(default_factory=dict)

    @property
    def has_changes(self) -> bool:
        """Whether anything but `same` was, or would be, done."""
        return any(op != "same" and count for op, count in self.changes.items())


class Engine:
    """One stack of one project, with the providers it may use."""

    def __init__(
        self,
        root: Path,
        stack: str,
        state_dir: Path,
        providers: Mapping[str, Provider],
        listen: Callable[[Event], None],
        parallel: int = DEFAULT_PARALLEL,
        engine_version: str = "bandplan",
    ) -> None:
        """`providers` by package name; `listen` is called from many threads, one call at a time."""
        self._project = load(root, stack)
        self._stack = stack
        self._providers = providers
        self._listen = listen
        self._parallel = parallel
        self._engine_version = engine_version
        self._file = StackFile(state_dir, self._project.name, stack)

    def preview(self, refresh: bool = False) -> Outcome:
        """Say what `up` would do. Writes nothing, but for what a killed update left to be put in order."""
        return self._run("preview", is_preview=True, refresh=refresh)

    def up(self, refresh: bool = False) -> Outcome:
        """Make the stack what the program says."""
        return self._run("up", is_preview=False, refresh=refresh)

    def refresh(self, is_preview: bool = False) -> Outcome:
        """Take over into the state what the providers find."""
        return self._run("refresh", is_preview=is_preview, refresh=True)

    def destroy(self, is_preview: bool = False) -> Outcome:
        """Delete every resource of the stack."""
        return self._run("destroy", is_preview=is_preview, refresh=False)

    def export(self) -> dict[str, Any]:
        """The stack's deployment, in the shape of `pulumi stack export`."""
        with self._locked(is_preview=True):
            snapshot, _ = self._recovered()
        document = json.loads(render(snapshot, self._file, _now(), self._engine_version))
        return {"version": document["version"], "deployment": document["checkpoint"]["latest"]}

    def recover(self) -> None:
        """Take over what a killed update had done, so that the checkpoint alone says how the stack stands."""
        with self._locked(is_preview=True):
            self._recovered()

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs as last recorded."""
        snapshot, _ = self._recovered()
        return next((state.outputs for state in snapshot.resources if state.is_stack), {})

    # ------------------------------------------------------------------ running

    def _run(self, kind: str, is_preview: bool, refresh: bool) -> Outcome:
        digest = Digest()
        began = time.monotonic()

        emit = one_at_a_time(digest.take, self._listen)
        emit(Started(kind, self._stack, self._project.config))
        ok, deployment = False, None
        changes: dict[str, int] = {}
        outputs: dict[str, Any] = {}
        try:
            with self._locked(is_preview), _without_garbage_collection(), _termination_as_interrupt():
                snapshot, text = self._recovered(emit)
                if refresh:
                    snapshot, text, changes = self._refresh(snapshot, text, emit, is_preview)
                if kind != "refresh":
                    deployment, snapshot = self._deploy(kind, snapshot, text, emit, is_preview)
                    changes, outputs = deployment.changes, deployment.outputs
                    deployment.raise_failures()
            ok = True
        except EngineError as error:
            if deployment is None or not deployment.failures:
                emit(Diagnosed("error", str(error)))
            if deployment is not None:
                changes = deployment.changes
        emit(Finished(ok, changes, outputs, time.monotonic() - began))
        return Outcome(ok, changes, outputs, digest.document)

    def _deploy(
        self, kind: str, snapshot: Snapshot, text: bytes | None, emit: Callable[[Event], None], is_preview: bool
    ) -> tuple[Deployment, Snapshot]:
        journal = Journal(self._file, snapshot, text)
        deployment = self._deployment(journal, emit, is_preview)
        log = EngineLog(emit)
        error: EngineError | None = None
        try:
            if kind != "destroy":
                monitor = Monitor(deployment, self._project.name, self._stack, self._project.root)
                program.run(
                    self._project,
                    self._stack,
                    monitor,
                    log,
                    deployment,
                    self._executor(),
                    is_preview,
                )
            if not deployment.failures and not deployment.is_stopped:
                with self._executor() as executor:
                    deployment.delete_the_rest(executor)
        except EngineError as failure:
            error = failure
        except KeyboardInterrupt:
            error = EngineError("interrupted; what was under way has ended and is in the state: run up again to go on")
        snapshot = journal.progress.snapshot()
        if not is_preview:
            if journal.progress.is_changed:
                self._write(snapshot)
            journal.remove()
        if error is not None and not deployment.failures:
            deployment.failures.append(str(error))
            emit(Diagnosed("error", str(error)))
        return deployment, snapshot

    def _refresh(
        self, snapshot: Snapshot, text: bytes | None, emit: Callable[[Event], None], is_preview: bool
    ) -> tuple[Snapshot, bytes | None, dict[str, int]]:
        journal = Journal(self._file, snapshot, text)
        refresh = Refresh(self._deployment(journal, emit, is_preview), journal, emit, is_preview)
        with self._executor() as executor:
            resources: list[ResourceState] = refresh.run(executor)
        snapshot = replace(snapshot, resources=resources)
        if not is_preview:
            if journal.progress.is_changed:
                text = self._write(snapshot)
            journal.remove()
        if refresh.failures:
            raise EngineError(f"{len(refresh.failures)} resources could not be read: {refresh.failures[0]}")
        return snapshot, text, refresh.changes

    def _deployment(self, journal: Journal, emit: Callable[[Event], None], is_preview: bool) -> Deployment:
        urn_prefix = f"urn:pulumi:{self._stack}::{self._project.name}"
        providers = Providers(self._providers, self._project.config)
        return Deployment(urn_prefix, providers, journal, emit, _now, is_preview)

    def _executor(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._parallel, thread_name_prefix="resource")

    # ------------------------------------------------------------------ state

    @contextmanager
    def _locked(self, is_preview: bool) -> Iterator[None]:
        """A preview needs the lock only to put a killed update in order."""
        if is_preview and not self._file.journal_path.exists():
            yield
            return
        with hold(self._file, _now()):
            yield

    def _recovered(self, emit: Callable[[Event], None] | None = None) -> tuple[Snapshot, bytes | None]:
        """The snapshot and the checkpoint's bytes, after taking over what a killed update had done."""
        snapshot = replay(self._file)
        if snapshot is not None:
            self._write(snapshot)
            self._file.journal_path.unlink(missing_ok=True)
            if emit is not None:
                emit(Diagnosed("warning", _recovery_note(snapshot)))
        try:
            text = self._file.path.read_bytes()
        except FileNotFoundError:
            return Snapshot(secrets_providers=self._secrets_provider()), None
        snapshot = parse(text, self._file.path)
        return replace(snapshot, secrets_providers=snapshot.secrets_providers or self._secrets_provider()), text

    def _write(self, snapshot: Snapshot) -> bytes:
        text = render(snapshot, self._file, _now(), self._engine_version)
        write(self._file, text)
        return text

    def _secrets_provider(self) -> dict[str, Any] | None:
        """What the CLI writes for a stack whose secrets hang on a passphrase; the salt is in the stack's file."""
        salt = self._project.encryption_salt
        return {"type": "passphrase", "state": {"salt": salt}} if salt else None


def require_loopback(host: str) -> None:
    """Unsupported unless `host`, a URL, is on this machine: production runs on Pulumi itself."""
    name = urlsplit(host).hostname or ""
    try:
        is_loopback = name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise Unsupported(f"a workspace that is not on this machine ({name or host})", "DATABRICKS_HOST")


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Collect nothing during a run: what the SDK makes for a resource lives to the end of it.

    Walking all of it again and again took 28 of 34 CPU seconds of a preview of 3,000 resources, and freed nothing.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """Let SIGTERM and Ctrl-C end a run in order, with the state written.

    The handler for Ctrl-C is stated too: a program may replace Python's own, which it finds when `pulumi` runs it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _recovery_note(snapshot: Snapshot) -> str:
    note = "the last update was killed; what it had done was taken over into the state"
    names = [operation["resource"]["urn"].rsplit("::", 1)[-1] for operation in snapshot.pending_operations]
    if names:
        note += f". Under way at that moment, and so uncertain: {', '.join(names)}"
    return note


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


__all__ = ["DEFAULT_PARALLEL", "Engine", "Outcome", "Project", "require_loopback"]
