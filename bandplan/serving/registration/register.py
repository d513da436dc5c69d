"""Register a version up to READY: adopt one, or have MLflow make it in its own process; never twice, never half.

Several attempts at one digest, on any machines, leave one version: the one created first. A version that a killed
attempt left behind is recognised by its mark and deleted by the next attempt.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from bandplan.serving.registration.attempt import MARK, Attempt
from bandplan.serving.registration.checks.suitability import findings, report
from bandplan.serving.registration.errors import RegistrationError
from bandplan.serving.registration.mlflow_process.job import Event, Job
from bandplan.serving.registration.mlflow_process.process import run_job
from bandplan.serving.registration.predecessors import ready_version
from bandplan.serving.registration.request import Logged, LogRequest, Registered, RegistrationRequest
from bandplan.serving.registration.sources.digest import resolved_uri
from bandplan.serving.registration.timing import Timing, Waiting
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.errors import Forbidden, WorkspaceError
from bandplan.serving.workspace.registry import Registry
from bandplan.serving.workspace.registry_entries import FAILED

__all__ = ["LogRequest", "Logged", "Registered", "RegistrationRequest", "log", "register"]

_MOST_ATTEMPTS = 5
"""Each further attempt starts where another one died while this one waited for it; an arbitrary bound."""

_TIMING = Timing()

RunJob = Callable[[Job, str, str, Waiting, Callable[[str], None]], Event]
"""Does a job, given the job, host, token, waits and progress; see `process.run_job`."""


def register(
    request: RegistrationRequest,
    *,
    progress: Callable[[str], None],
    stop: threading.Event | None = None,
    timing: Timing = _TIMING,
    run: RunJob | None = None,
    client: WorkspaceClient | None = None,
) -> Registered:
    """Return the READY version of `request.name` that was made from `request.digest`: an existing one, or a new one.

    `client` is one whose login is renewed, as a version may take longer than the request's token lasts. Calls
    `progress` with lines for people, on this thread. Setting `stop` cancels it within `timing.stop_seconds`.

    Errors: RegistrationError with everything that is against the source, or the platform's reason (FAILED_REGISTRATION
    included); RegistrationStopped; errors of the client. In every case no version that is not READY is left behind; if
    this process is killed with everything it started, the next call with this digest cleans up.
    """
    client = client or WorkspaceClient(request.host, request.token)
    waiting = Waiting(timing, stop or threading.Event())
    run = run or partial(run_job, renew=request.renew)
    return _Registration(request, Registry(client), client, waiting, progress, run).run()


def log(
    request: LogRequest,
    *,
    progress: Callable[[str], None],
    stop: threading.Event | None = None,
    timing: Timing = _TIMING,
) -> Logged:
    """Log a checkpoint in a run, and register nothing.

    Errors: RegistrationError with everything that is against the source, or MLflow's reason; RegistrationStopped. The
    run has then ended as FAILED or KILLED.
    """
    report(findings(request.source, request.task, request.metadata, request.mlflow_version), progress)
    job = Job(
        "checkpoint",
        request.source.text,
        request.source.text,
        folder=str(request.source.path),
        task=request.task,
        metadata=dict(request.metadata),
        experiment=request.experiment,
    )
    waiting = Waiting(timing, stop or threading.Event())
    done = run_job(job, request.host, request.token, waiting, progress, renew=request.renew)
    if done.run_id is None or done.model_uri is None:
        raise RegistrationError(f"{request.source.text}: MLflow reported neither a run nor a model; run again")
    return Logged(done.run_id, done.model_uri)


class _Registration:
    """One call of `register`."""

    def __init__(
        self,
        request: RegistrationRequest,
        registry: Registry,
        client: WorkspaceClient,
        waiting: Waiting,
        progress: Callable[[str], None],
        run_job: RunJob,
    ) -> None:
        self._request = request
        self._registry = registry
        self._client = client
        self._waiting = waiting
        self._progress = progress
        self._run_job = run_job

    def run(self) -> Registered:
        request = self._request
        for _ in range(_MOST_ATTEMPTS):
            existing = ready_version(self._registry, request.name, request.digest, self._waiting, self._progress)
            if existing is not None:
                self._progress(f"{request.name} already has version {existing} from this source")
                return Registered(existing, adopted=True)
            done = self._attempt()
            if done.kind == "done" and done.version is not None:
                self._finish(done.version)
                return Registered(done.version, done.run_id, model_uri=done.model_uri)
            self._progress(
                f"version {done.version} of {request.name} is being registered from this source by another run"
            )
        raise RegistrationError(
            f"{request.name}: {_MOST_ATTEMPTS} versions from this source were started and abandoned; run again"
        )

    def _attempt(self) -> Event:
        """Have MLflow make a version; return `done` or `outdone`."""
        request = self._request
        report(findings(request.source, request.task, request.metadata, request.mlflow_version), self._progress)
        uri = resolved_uri(request.source, self._client)
        self._require_version(uri)
        self._require_schema()
        attempt = Attempt(self._registry, request.name, request.digest)
        attempt.begin()
        job = Job(
            request.source.kind,
            request.source.text,
            uri,
            folder=str(request.source.folder) if request.source.folder else None,
            name=request.name,
            digest=request.digest,
            attempt_id=attempt.attempt_id,
            task=request.task,
            metadata=dict(request.metadata),
            tags=dict(request.tags),
            experiment=request.experiment,
            reference_weights=request.reference_weights,
            beat_seconds=self._waiting.timing.beat_seconds,
        )
        try:
            return self._run_job(job, request.host, request.token, self._waiting, self._progress)
        except BaseException:
            # The process cleans up after itself; this is for one that was killed.
            self._remove(attempt)
            raise

    def _require_version(self, uri: str) -> None:
        """Raise RegistrationError if the registered version in the URI does not exist or is not READY."""
        shown, name = self._request.source.text, self._request.source.name
        if name is None:
            return
        number = uri.rsplit("/", 1)[-1]
        version = self._registry.version(name, number)
        if version is None:
            raise RegistrationError(f"{shown}: {name} has no version {number} that this token may see; choose another")
        if not version.is_ready:
            raise RegistrationError(f"{shown}: version {number} of {name} is {version.status}; name one that is READY")

    def _require_schema(self) -> None:
        """Raise RegistrationError before anything is logged if the model's schema is missing; MLflow reports it only
        afterwards.
        """
        name = self._request.name
        catalog, schema, *_ = name.split(".")
        try:
            is_there = self._registry.model(name) is not None or self._registry.has_schema(catalog, schema)
        except Forbidden:
            return
        if not is_there:
            raise RegistrationError(
                f"{name}: there is no schema {catalog}.{schema} that this token may see; bandplan creates "
                "neither: ask the owner of the catalog, or choose another name"
            )

    def _remove(self, attempt: Attempt) -> None:
        try:
            attempt.remove()
        except WorkspaceError as error:
            name = self._request.name
            self._progress(f"an incomplete version of {name} may remain; the next run deletes it ({error})")

    def _finish(self, number: str) -> None:
        """Wait for READY, then set the version's properties. Errors: RegistrationError if it is FAILED."""
        name, request = self._request.name, self._request
        # Without a mark it counts as uploaded: an attempt that finds it PENDING waits for the platform, not for us.
        self._registry.delete_tags(name, number, [MARK])
        told = 0.0
        for elapsed in self._waiting.polls():
            version = self._registry.version(name, number)
            if version is None:
                raise RegistrationError(f"{name}: version {number} is gone: it was deleted meanwhile; run again")
            if version.is_ready:
                break
            if version.status == FAILED:
                self._registry.delete_version(name, number)
                reason = self._client.presentable(version.message) or "no reason given"
                raise RegistrationError(
                    f"{name}: the platform could not register version {number}: {reason} (FAILED_REGISTRATION); the "
                    "version was deleted; fix the cause and run again"
                )
            if elapsed > self._waiting.timing.ready_seconds:
                raise RegistrationError(
                    f"{name}: version {number} is uploaded and still {version.status} after {elapsed:.0f} s; "
                    "run again to keep waiting"
                )
            if elapsed - told > self._waiting.timing.repeat_progress_seconds:
                told = elapsed
                self._progress(f"version {number} of {name} is {version.status}")
        if request.description:
            self._registry.set_description(name, number, request.description)
        self._progress(f"version {number} of {name} is READY")
