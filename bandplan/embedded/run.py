"""Runs one operation on a stack: preview, up, refresh or destroy. The public entry point of this room."""

import datetime
import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from pulumi.provider.experimental.provider import Provider

from bandplan.embedded import program
from bandplan.embedded.account import Account
from bandplan.embedded.checkpoint import Snapshot, StackFile, parse, render, write
from bandplan.embedded.deployment import Deployment
from bandplan.embedded.digest import Digest
from bandplan.embedded.errors import EngineError, StackLocked, UpdateFailed
from bandplan.embedded.events import Diagnosed, Event, Finished, Started, one_at_a_time
from bandplan.embedded.files import is_there, read_if_there, remove
from bandplan.embedded.guards import Interrupts, termination_as_interrupt, without_garbage_collection
from bandplan.embedded.journal import Journal, replay
from bandplan.embedded.lock import held, hold
from bandplan.embedded.monitor import EngineLog, Monitor
from bandplan.embedded.policies import Analyzer, Policies
from bandplan.embedded.project import Project, load
from bandplan.embedded.providers import Providers
from bandplan.embedded.recovery import IdOf, no_id
from bandplan.embedded.steps import Step
from bandplan.embedded.terms import Terms
from bandplan.embedded.unfinished import KeepOutputs, keep_old_outputs, with_components_taken_back

DEFAULT_PARALLEL: Final = 64
"""Maximum number of resources in progress. A workspace is one HTTP server: more connections than this gain nothing."""

PREVIEW_PARALLEL: Final = 4
"""The same for a preview, which waits for nothing: a workspace on this machine answers within milliseconds.

For 600 new endpoints, 64 threads took 6.4 and 6.7 s, 4 threads 4.6 and 5.8 s: threads wait for the interpreter here.
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a run. `changes` counts steps by operation."""

    ok: bool
    changes: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    is_interrupted: bool = False
    events: Digest = field(default_factory=Digest)

    @property
    def digest(self) -> dict[str, Any]:
        """The run in the shape of `pulumi preview --json`."""
        return self.events.document

    @property
    def has_changes(self) -> bool:
        """Whether any step other than `same` was, or would be, carried out."""
        return any(op != "same" and count for op, count in self.changes.items())


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the caller adds to a run.

    `id_of` returns the id that a resource gets from its type and inputs, if it is known beforehand: with it, the next
    run takes over what a killed run was creating. `analyzer` is the policy pack of previews and updates. `keep_outputs`
    returns the stack's outputs after a run that did not finish.
    """

    id_of: IdOf = no_id
    analyzer: Analyzer | None = None
    keep_outputs: KeepOutputs = keep_old_outputs


@dataclass(frozen=True, slots=True)
class _Stored:
    """The snapshot of a stack, and the bytes of its checkpoint; None if it was never written."""

    snapshot: Snapshot
    text: bytes | None


@dataclass(frozen=True, slots=True)
class _Run:
    """One operation: `kind` is preview, up, refresh or destroy."""

    kind: str
    is_preview: bool
    emit: Callable[[Event], None]
    account: Account
    policies: Policies


class Engine:
    """One stack of one project, with the providers it may use."""

    def __init__(
        self,
        root: Path,
        stack: str,
        state_dir: Path,
        providers: Mapping[str, Provider],
        listen: Callable[[Event], None],
        parallel: int | None = None,
        hooks: Hooks = Hooks(),
    ) -> None:
        """Set the stack and its providers.

        `providers` by package name, read at each run; `listen` is called from many threads, one call at a time.

        `parallel` is the maximum number of resources in progress; None leaves it to the kind of run.
        """
        self._hooks = hooks
        self._emit = listen
        self._project = load(root, stack)
        self._stack = stack
        self._providers = providers
        self._listen = listen
        self._parallel = parallel
        self._file = StackFile(state_dir, self._project.name, stack)

    def preview(self, refresh: bool = False, settle: bool = False) -> Outcome:
        """Report what `up` would do. Writes nothing, except to settle the journal of a killed update.

        With `settle`, for a preview that may lead to an update, everything else that a killed run left is settled on
        disk too: its pending operations are looked up, and its lock is removed.
        """
        return self._run("preview", is_preview=True, refresh=refresh, settle=settle)

    def up(self, refresh: bool = False, permit: Callable[[Step], str | None] | None = None) -> Outcome:
        """Bring the stack to what the program declares; `permit` returns the objection to a step, which then fails."""
        return self._run("up", is_preview=False, refresh=refresh, permit=permit)

    def refresh(self, is_preview: bool = False) -> Outcome:
        """Update the state to what the providers find."""
        return self._run("refresh", is_preview=is_preview, refresh=True)

    def destroy(self, is_preview: bool = False) -> Outcome:
        """Delete every resource of the stack."""
        return self._run("destroy", is_preview=is_preview, refresh=False)

    def export(self) -> dict[str, Any]:
        """Return the stack's deployment, in the shape of `pulumi stack export`."""
        with self._locked(is_preview=True) as is_locked:
            snapshot = self._stored(is_locked).snapshot
        document = json.loads(render(snapshot, self._file, _now()))
        deployment = document.pop("checkpoint")["latest"]
        return {**document, "deployment": deployment}

    def tell(self, event: Event) -> None:
        """Report an event that a provider raises on its own, during a run or not."""
        self._emit(event)

    def recover(self) -> None:
        """Take over what a killed update had done, so that the checkpoint alone holds the state of the stack."""
        is_journal_left = is_there(self._file.journal_path)
        try:
            with self._locked(is_preview=False):
                self._settled(self._stored(is_locked=True), is_preview=False, emit=self._emit)
        except StackLocked:
            # Without a journal, pending operations are the CLI's own.
            if is_journal_left:
                raise

    def change_state(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Replace the deployment with what `change` returns, under the stack's lock; the previous one is kept."""
        with self._locked(is_preview=False):
            snapshot = self._stored(is_locked=True).snapshot
            document = json.loads(render(snapshot, self._file, _now()))
            document["checkpoint"]["latest"] = change(document["checkpoint"]["latest"])
            self._write(parse(json.dumps(document).encode(), self._file))

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs as last recorded."""
        snapshot = self._stored(is_locked=False).snapshot
        return next((state.outputs for state in snapshot.resources if state.is_stack), {})

    # ------------------------------------------------------------------ running

    def _run(
        self,
        kind: str,
        is_preview: bool,
        refresh: bool,
        permit: Callable[[Step], str | None] | None = None,
        settle: bool = False,
    ) -> Outcome:
        digest = Digest()
        began = time.monotonic()

        emit = self._emit = one_at_a_time(digest.take, self._listen)
        emit(Started(kind, self._stack, self._project.config, self._policies_title(kind)))
        ok = False
        account, outputs = Account(emit, permit), {}
        run = _Run(kind, is_preview, emit, account, Policies(self._hooks.analyzer, account, emit, is_preview))
        try:
            with (
                self._locked(is_preview, settle) as is_locked,
                without_garbage_collection(),
                termination_as_interrupt(changes_nothing=is_preview and not is_locked) as interrupts,
            ):
                is_recovered = is_locked and is_there(self._file.journal_path)
                stored = self._settled(self._stored(is_locked), is_preview and not (settle and is_locked), emit)
                for note in _notes(stored.snapshot, is_recovered) if is_locked else ():
                    emit(Diagnosed("warning", note))
                if refresh:
                    # Reads that only prepare a plan are not part of the plan.
                    reading = account if kind == "refresh" else Account(emit)
                    stored = self._refresh(replace(run, account=reading), stored, interrupts)
                if kind != "refresh":
                    outputs = self._deploy(run, stored, interrupts)
                account.raise_failures()
            ok = True
        except UpdateFailed:
            pass  # each failure was reported when it happened
        except KeyboardInterrupt:
            account.interrupt("interrupted; the state was not changed")
        except EngineError as error:
            emit(Diagnosed("error", str(error)))
        seconds, failed = time.monotonic() - began, len(account.failed_urns)
        emit(Finished(ok, account.changes, outputs, seconds, failed, run.policies.judged))
        return Outcome(ok, account.changes, outputs, account.is_interrupted, digest)

    def _deploy(self, run: _Run, stored: _Stored, interrupts: Interrupts) -> dict[str, Any]:
        """Run the program, then delete what it left out; return the stack's outputs. Failures are in the account."""
        account, snapshot = run.account, stored.snapshot
        journal = Journal(self._file, snapshot, stored.text)
        deployment = self._deployment(journal, account, run.is_preview, run.policies)
        interrupts.stop = deployment.stop
        try:
            if run.kind != "destroy":
                monitor = Monitor(deployment, self._project.name, self._stack, self._project.root)
                program.run(
                    self._project,
                    self._stack,
                    monitor,
                    EngineLog(run.emit),
                    deployment,
                    self._executor(run.is_preview),
                    run.is_preview,
                )
            if account.is_refused_only and not account.is_stopped:
                with self._executor() as executor:
                    deployment.deletions.delete_the_rest(executor)
            if run.kind != "destroy" and account.is_refused_only and not account.is_stopped:
                deployment.judge_stack()
        except EngineError as failure:
            if not account.failures:
                account.fail("", str(failure))
        except KeyboardInterrupt:
            pass
        interrupts.hold()
        if interrupts.is_asked:
            account.interrupt(
                "interrupted; the steps in progress have finished and are in the state: run up again to continue"
            )
        if not run.is_preview:
            after = journal.progress.snapshot()
            if run.kind != "destroy" and (account.failures or account.is_stopped):
                parents = deployment.unfinished(after.resources)
                kept = with_components_taken_back(snapshot, after.resources, parents, self._hooks.keep_outputs)
                after = replace(after, resources=kept)
            if journal.progress.is_changed or after.pending_operations != snapshot.pending_operations:
                self._write(after)
            journal.remove()
        return deployment.outputs

    def _refresh(self, run: _Run, stored: _Stored, interrupts: Interrupts) -> _Stored:
        """Read everything, then take over in one write what could be read. UpdateFailed if some could not."""
        journal = Journal(self._file, stored.snapshot, stored.text)
        deployment = self._deployment(journal, run.account, run.is_preview)
        interrupts.stop = deployment.stop
        with self._executor() as executor:
            resources = deployment.refresh(executor)
        if interrupts.is_asked:
            raise KeyboardInterrupt
        snapshot, text = replace(stored.snapshot, resources=resources), stored.text
        if resources != stored.snapshot.resources and not run.is_preview:
            text = self._write(snapshot)
        run.account.raise_failures()
        return _Stored(snapshot, text)

    def _policies_title(self, kind: str) -> str:
        """Return Pulumi's heading for policy findings."""
        analyzer = self._hooks.analyzer
        if analyzer is None or kind not in ("preview", "up"):
            return ""
        return f"{analyzer.name}@v{analyzer.version} ({analyzer.place})"

    def _deployment(
        self, journal: Journal, account: Account, is_preview: bool, policies: Policies | None = None
    ) -> Deployment:
        urn_prefix = f"urn:pulumi:{self._stack}::{self._project.name}"
        providers = Providers(self._providers, self._project.config)
        terms = Terms(urn_prefix, _now, is_preview)
        return Deployment(terms, providers, journal, account, self._hooks.id_of, policies)

    def _executor(self, is_preview: bool = False) -> ThreadPoolExecutor:
        parallel = self._parallel or (PREVIEW_PARALLEL if is_preview else DEFAULT_PARALLEL)
        return ThreadPoolExecutor(parallel, thread_name_prefix="resource")

    # ------------------------------------------------------------------ state

    @contextmanager
    def _locked(self, is_preview: bool, settle: bool = False) -> Iterator[bool]:
        """Hold the lock and yield whether it is held. A preview needs it only to settle a killed update."""
        is_needed = is_there(self._file.journal_path) or (settle and self._is_left_behind())
        if is_preview and not is_needed:
            yield False
            return
        try:
            with hold(self._file, _now()):
                yield True
                return
        except StackLocked:
            if not is_preview:
                raise
        # Another update is running: the journal is its own, and a preview uses the state from before it.
        yield False

    def _stored(self, is_locked: bool) -> _Stored:
        """Return what is on disk; under the lock, take over a killed update first."""
        if is_locked:
            if (recovered := replay(self._file, self._hooks.keep_outputs)) is not None:
                self._write(recovered)
            remove(self._file.journal_path)
        text = read_if_there(self._file.path)
        if text is None:
            return _Stored(Snapshot(secrets_providers=self._secrets_provider()), None)
        snapshot = parse(text, self._file)
        secrets_providers = snapshot.secrets_providers or self._secrets_provider()
        return _Stored(replace(snapshot, secrets_providers=secrets_providers), text)

    def _settled(self, stored: _Stored, is_preview: bool, emit: Callable[[Event], None]) -> _Stored:
        """Add the results of everything that a killed run had in progress; on disk too, except in a preview."""
        if not stored.snapshot.pending_operations:
            return stored
        journal = Journal(self._file, stored.snapshot, stored.text)
        settled, found = self._deployment(journal, Account(emit), is_preview).settled()
        if settled == stored.snapshot:
            return stored
        for urn, finding in found:
            emit(Diagnosed("info", finding, urn))
        return _Stored(settled, stored.text if is_preview else self._write(settled))

    def _is_left_behind(self) -> bool:
        """Report whether a run that may have been killed left a lock or pending operations."""
        return bool(held(self._file)) or b'"pending_operations"' in (read_if_there(self._file.path) or b"")

    def _write(self, snapshot: Snapshot) -> bytes:
        text = render(snapshot, self._file, _now())
        write(self._file, text)
        return text

    def _secrets_provider(self) -> dict[str, Any] | None:
        """Return what the CLI writes for a stack with a passphrase; the salt is in the stack's file."""
        salt = self._project.encryption_salt
        return {"type": "passphrase", "state": {"salt": salt}} if salt else None


def _notes(snapshot: Snapshot, is_recovered: bool) -> Iterator[str]:
    """Yield what a user should know about an update that was killed."""
    if is_recovered:
        yield "the last update was killed; the steps it had completed were taken over into the state"
    names = [operation["resource"]["urn"].split("::", 3)[-1] for operation in snapshot.pending_operations]
    if names:
        yield (
            f"in progress when an update was killed, so their outcome is unknown: {', '.join(names)}; "
            "resources being created may exist without being in the state"
        )


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


__all__ = ["DEFAULT_PARALLEL", "PREVIEW_PARALLEL", "Engine", "Hooks", "Outcome", "Project"]
