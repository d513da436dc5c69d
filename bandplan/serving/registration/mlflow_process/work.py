"""Do one job with MLflow in this process: log, register, and clean up when cancelled."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bandplan.rest.address import proxy_of
from bandplan.serving.registration.attempt import Attempt
from bandplan.serving.registration.checks.checkpoint import Checkpoint, read_checkpoint
from bandplan.serving.registration.checks.logged_folder import read_logged_folder
from bandplan.serving.registration.checks.mlmodel import findings, read_mlmodel
from bandplan.serving.registration.checks.remote_weights import remote_findings
from bandplan.serving.registration.mlflow_process.buffers import bound_buffers
from bandplan.serving.registration.mlflow_process.job import Event, Job
from bandplan.serving.registration.mlflow_process.log_model import LoggedModel, log_model
from bandplan.serving.registration.mlflow_process.process_token import ProcessToken
from bandplan.serving.registration.mlflow_process.tracking import experiment_name, is_on_workspace
from bandplan.serving.registration.sources.finding import refuse_errors
from bandplan.serving.registration.sources.folder import files
from bandplan.serving.registration.sources.size import written_size
from bandplan.serving.registration.sources.source import Source
from bandplan.serving.registration.sources.staging import stage
from bandplan.serving.workspace.address import parse_address
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.errors import WorkspaceError
from bandplan.serving.workspace.identity import HOST
from bandplan.serving.workspace.registry import SOURCE_DIGEST, Registry


class Outdone(Exception):
    """Another attempt at the same digest created its version first."""

    def __init__(self, version: str) -> None:
        super().__init__(version)
        self.version = version


class Work:
    """A job and its progress.

    `tell` receives its events; `workplace` is an empty folder that the caller removes. `give_up` is called on another
    thread, with the version that came first, if a running upload is in vain: it ends the process.
    """

    def __init__(
        self,
        job: Job,
        token: ProcessToken,
        workplace: Path,
        tell: Callable[[Event], None],
        give_up: Callable[[str], None],
    ) -> None:
        self._job = job
        self._token = token
        self._workplace = workplace
        self._tell = tell
        self._give_up = give_up
        address = parse_address(os.environ[HOST])
        self._client = WorkspaceClient(address.url, token, proxy=proxy_of(address, os.environ))
        self._attempt = self._new_attempt()
        self._run_id: str | None = None

    def run(self) -> Event:
        """Do the job and return its last event. Errors: Outdone, RegistrationError, and those of MLflow.

        After any error, the run has ended as FAILED and this attempt has left no version that is not READY.
        """
        bound_buffers(self._largest_file_bytes())
        self._token.follow()
        try:
            event = self._register() if self._attempt is not None else self._log()
        except BaseException:
            self.remove_version()
            raise
        return event

    def call_off(self) -> None:
        """Leave nothing incomplete; called on another thread while `run` is running."""
        self.remove_version()
        if self._run_id is not None:
            import mlflow

            mlflow.MlflowClient().set_terminated(self._run_id, "KILLED")

    def _largest_file_bytes(self) -> int:
        """Return the size of the source's largest file; 0 if the files are unknown before they have been fetched."""
        if self._job.folder is None:
            return 0
        return max((file.size_bytes for file in files(self._job.path, self._job.shown)), default=0)

    def remove_version(self) -> None:
        if self._attempt is not None:
            self._attempt.remove()

    def _new_attempt(self) -> Attempt | None:
        job = self._job
        if job.name is None:
            return None
        return Attempt(Registry(self._client), job.name, job.digest, attempt_id=job.attempt_id)

    def _log(self) -> Event:
        logged = self._log_checkpoint(None)
        return Event("done", run_id=self._run_id, model_uri=logged.uri)

    def _register(self) -> Event:
        attempt, job = self._attempt, self._job
        assert attempt is not None and job.name is not None
        attempt.begin()
        tags = {**job.tags, **attempt.tags()}
        with self._watching(attempt):
            if job.kind == "checkpoint":
                logged = self._log_checkpoint(tags)
                version, uri = logged.version or self._register_complete(logged, tags), logged.uri
            else:
                version, uri = self._register_logged(tags), None
        attempt.created(version)
        rival = attempt.rival()
        if rival is not None:
            attempt.registry.delete_version(job.name, version)
            raise Outdone(rival.version)
        return Event("done", run_id=self._run_id, model_uri=uri, version=version)

    def _log_checkpoint(self, tags: Mapping[str, str] | None) -> LoggedModel:
        """Log in a separate run; with `tags`, also register, unless the run only references the weights."""
        job = self._job
        checkpoint = self._checkpoint()
        assert job.task is not None
        with self._running() as experiment:
            name = job.name if tags is not None and not job.reference_weights else None
            size = written_size(checkpoint.weights.size_bytes)
            weights = f"without its {size} of weights" if job.reference_weights else f"with {size} of weights"
            registering = f", then registering it as a version of {name}" if name else ""
            self._say(f"logging {job.shown} {weights} to {experiment}, run {self._run_id}{registering}")
            return log_model(
                checkpoint,
                job.task,
                job.metadata,
                workplace=self._workplace,
                without_weights=job.reference_weights,
                registered_model_name=name,
                tags=tags,
            )

    def _checkpoint(self) -> Checkpoint:
        job = self._job
        checkpoint = read_checkpoint(Source("checkpoint", job.shown, folder=job.path), job.task)
        refuse_errors(checkpoint.findings)
        return checkpoint

    def _register_complete(self, logged: LoggedModel, tags: Mapping[str, str]) -> str:
        """Register the complete folder of a model whose run holds no weights."""
        import mlflow

        assert self._job.name is not None
        self._say(f"registering it with its weights as a version of {self._job.name}")
        self._ensure_model()
        version = mlflow.MlflowClient().create_model_version(
            self._job.name,
            str(logged.folder),
            run_id=self._run_id,
            tags=dict(tags),
            await_creation_for=0,
            model_id=logged.model_id,
        )
        return str(version.version)

    def _register_logged(self, tags: Mapping[str, str]) -> str:
        """Register a model that already has MLflow's form: of a folder, a run, or another registered model."""
        import mlflow

        job = self._job
        assert job.name is not None
        if job.kind == "mlflow_folder":
            source = Source("mlflow_folder", job.shown, folder=job.path)
            refuse_errors(read_logged_folder(source, job.task, job.metadata.get("model_type")).findings)
            uri = self._staged()
        else:
            uri = job.uri
            self._check_remote(uri)
        self._say(f"registering {job.shown} as a version of {job.name}")
        return str(mlflow.register_model(uri, job.name, await_registration_for=0, tags=dict(tags)).version)

    def _staged(self) -> str:
        """Stage the folder without ignored files, so that exactly what was digested is uploaded."""
        staged = self._workplace / "model"
        stage(files(self._job.path, self._job.shown), staged)
        return str(staged)

    def _check_remote(self, uri: str) -> None:
        # Not mlflow.artifacts.download_artifacts: it mistakes the path within models:/m-<id> for a registry stage.
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        place = self._workplace / "mlmodel"
        repository: Any = get_artifact_repository(uri)
        path = repository.download_artifacts("MLmodel", str(_made(place)))
        mlmodel = read_mlmodel(Path(path), f"{self._job.shown}: MLmodel")
        refuse_errors(findings(mlmodel, self._job.task, model_type=self._job.metadata.get("model_type")))
        refuse_errors(remote_findings(repository, mlmodel.model_folder, self._job.shown, place))

    def _ensure_model(self) -> None:
        import mlflow

        assert self._attempt is not None and self._job.name is not None
        if self._attempt.registry.model(self._job.name) is None:
            mlflow.MlflowClient().create_registered_model(self._job.name)

    @contextmanager
    def _running(self) -> Iterator[str]:
        """Yield the name or id of the experiment of a new run; the run ends as FAILED if the body raises."""
        import mlflow

        name = experiment_name(os.environ, self._job.experiment, self._user_name)
        # set_experiment returns but sets nothing if another process has just created the experiment.
        experiment_id = None if name is None else mlflow.set_experiment(name).experiment_id
        tags = {SOURCE_DIGEST: self._job.digest} if self._job.digest else {}
        run_name = f"bandplan log-model {self._job.shown}"[:250]
        with mlflow.start_run(experiment_id=experiment_id, run_name=run_name, tags=tags) as run:
            self._run_id = str(run.info.run_id)
            yield name or f"experiment {run.info.experiment_id}"

    def _user_name(self) -> str:
        return self._client.ping() if is_on_workspace(os.environ) else ""

    def _say(self, text: str) -> None:
        self._tell(Event("progress", text, run_id=self._run_id))

    @contextmanager
    def _watching(self, attempt: Attempt) -> Iterator[None]:
        """Give signs of life on the version from another thread while the body runs, once there is a version."""
        ended = threading.Event()
        watch = threading.Thread(target=self._watch, args=(attempt, ended), name="signs-of-life", daemon=True)
        watch.start()
        try:
            yield
        finally:
            ended.set()
            watch.join()

    def _watch(self, attempt: Attempt, ended: threading.Event) -> None:
        pause, is_known = 0.5, False
        while not ended.wait(pause):
            try:
                if not is_known and attempt.own_version() is None:
                    pause = min(2 * pause, 5.0)
                    continue
                attempt.beat()
                rival = None if is_known else attempt.rival()
                pause, is_known = self._job.beat_seconds, True
                if rival is not None:
                    self._give_up(rival.version)
            except WorkspaceError:
                continue


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
