"""What the paths of the Files API name, and which of them are writable.

    /Models/<catalog>/<schema>/<model>/<version>/...                              written while it is being registered
    /WorkspaceInternal/Mlflow/Artifacts/<experiment>/Runs/<run>/...               artifacts of a run
    /WorkspaceInternal/Mlflow/Artifacts/<experiment>/LoggedModels/<model>/...     files of a logged model
    /Volumes/<catalog>/<schema>/<volume>/...                                      files of a volume

The second and the third are where MLflow's client puts artifacts of `dbfs:/databricks/mlflow-tracking`. There is no API
to create volumes here, so each of them exists, empty until something is written. Other workspace files do not exist.
"""

from dataclasses import dataclass
from hashlib import sha256

from bandplan.stub.state.files import remote_path
from bandplan.stub.state.files.stored_files import Place
from bandplan.stub.state.refusals import Invalid, NoSuchFile, NotFound
from bandplan.stub.state.registry import model_version
from bandplan.stub.state.registry.registered_models import RegisteredModels
from bandplan.stub.state.tracking import logged_models, runs
from bandplan.stub.state.tracking.logged_models import LoggedModels
from bandplan.stub.state.tracking.runs import Runs

ARTIFACTS = ("WorkspaceInternal", "Mlflow", "Artifacts")


@dataclass(frozen=True, slots=True)
class FilePlaces:
    """A resolver of remote paths. It resolves each time: models are renamed, versions finalized and deleted."""

    models: RegisteredModels
    runs: Runs
    logged_models: LoggedModels

    def readable(self, path: str) -> Place:
        """Return the place of a path to read. Raises Invalid and NoSuchFile."""
        return self._place(path, writing=False)

    def writable(self, path: str) -> Place:
        """Return the place of a path to write. Also raises Invalid if the version there is finalized."""
        return self._place(path, writing=True)

    def _place(self, path: str, *, writing: bool) -> Place:
        segments = remote_path.parse(path)
        shown = "/" + "/".join(segments)
        try:
            if segments[:1] == ("Models",) and len(segments) >= 5:
                return Place(self._of_version(segments, writing), segments[5:], shown)
            if segments[:3] == ARTIFACTS and len(segments) >= 6:
                return Place(self._of_tracking(*segments[3:6]), segments[6:], shown)
            if segments[:1] == ("Volumes",) and len(segments) >= 4:
                return Place(_of_volume(segments[1:4]), segments[4:], shown)
        except NotFound as error:
            raise NoSuchFile(error.message) from error
        raise NoSuchFile(f"The path '{shown}' does not exist.")

    def _of_version(self, segments: tuple[str, ...], writing: bool) -> str:
        full_name = ".".join(segments[1:4])
        version = self.models.version(full_name, segments[4])
        if writing:
            self.models.own(full_name)
            if not version.takes_files:
                raise Invalid(
                    f"Model version '{full_name}' version '{segments[4]}' was finalized; its files cannot be changed."
                )
        return model_version.holder(version)

    def _of_tracking(self, experiment_id: str, kind: str, owner_id: str) -> str:
        if kind == "Runs":
            run = self.runs.get(owner_id)
            if run.experiment_id == experiment_id:
                return runs.holder(run.id)
        if kind == "LoggedModels":
            model = self.logged_models.get(owner_id)
            if model.experiment_id == experiment_id:
                return logged_models.holder(model.id)
        raise NotFound(f"Experiment '{experiment_id}' has no {kind} '{owner_id}'.")


def _of_volume(names: tuple[str, ...]) -> str:
    """Return the holder of a volume: a digest, so that any name is fit for the disk."""
    return f"volumes/{sha256('/'.join(names).encode()).hexdigest()}"
