"""The checkpoint in a registered version: where an engine finds its weights and its tokenizer."""

from dataclasses import dataclass

from bandplan.stub.state.files.stored_files import Place, StoredFiles
from bandplan.stub.state.refusals import NoSuchFile, NotFound
from bandplan.stub.state.registry.model_version import READY, holder
from bandplan.stub.state.registry.registered_models import RegisteredModels

FOLDERS = (("model",), ())
"""Where a model of the transformers flavor, or a bare checkpoint, has its config.json and weights."""

TOKENIZER_FOLDER = ("components", "tokenizer")

WEIGHTS = (".safetensors", ".bin")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Folders on this machine's disk; `tokenizer` is None if it is beside the weights."""

    folder: str
    tokenizer: str | None = None


class Checkpoints:
    """The checkpoints among the files of registered versions."""

    def __init__(self, models: RegisteredModels, files: StoredFiles) -> None:
        self._models = models
        self._files = files

    def of(self, full_name: str, version: str) -> Checkpoint | None:
        """Return the checkpoint of a version, None for a preinstalled one and one whose files have no weights."""
        try:
            found = self._models.version(full_name, version)
        except NotFound:
            return None
        if found.status != READY:
            return None
        for segments in FOLDERS:
            folder = self._folder(holder(found), segments, "config.json", *WEIGHTS)
            if folder is not None:
                return Checkpoint(folder, self._folder(holder(found), TOKENIZER_FOLDER, "tokenizer_config.json"))
        return None

    def _folder(self, owner: str, segments: tuple[str, ...], file: str, *suffixes: str) -> str | None:
        """Return the folder if it has the file, and one with any of the suffixes."""
        try:
            entries = self._files.entries(Place(owner, segments, "/".join(segments)))
            path = self._files.file(Place(owner, (*segments, file), file)).path.parent
        except NoSuchFile:
            return None
        has_weights = not suffixes or any(entry.name.endswith(suffixes) for entry in entries)
        return str(path) if has_weights else None
