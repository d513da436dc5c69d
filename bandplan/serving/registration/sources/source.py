"""The source of a version: a run, another model, a folder of an MLflow model, or a Hugging Face checkpoint."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bandplan.serving.registration.errors import RegistrationError
from bandplan.serving.registration.sources import adapter

Kind = Literal["run", "model", "mlflow_folder", "checkpoint"]

_RUN = re.compile(r"runs:/(?P<run_id>[A-Za-z0-9_-]{1,64})/(?P<path>[^/\x00-\x1f][^\x00-\x1f]{0,499})")
_VERSION = re.compile(r"models:/(?P<name>[^./@\s]+\.[^./@\s]+\.[^./@\s]+)(/(?P<version>[0-9]+)|@(?P<alias>[\w-]+))")
_LOGGED_MODEL = re.compile(r"models:/m-[A-Za-z0-9]+")
_OTHER_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")

_FORMS = "runs:/<run id>/<path>, models:/<model>/<version>, models:/<model>@<alias> or a folder"


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed source.

    `text` is what the user wrote, without a trailing slash. `folder` is absolute, and set for the two kinds on disk.
    `name` with `version` or `alias` is set for a registered model.
    """

    kind: Kind
    text: str
    folder: Path | None = None
    name: str | None = None
    version: str | None = None
    alias: str | None = None

    @property
    def is_folder(self) -> bool:
        return self.folder is not None

    @property
    def path(self) -> Path:
        """The folder. Errors: ValueError for a source that is not a folder."""
        if self.folder is None:
            raise ValueError(f"{self.text} is not a folder")
        return self.folder


def parse(source: str, root: Path) -> Source:
    """Parse the source that `source` names; a folder is relative to `root`, the project, unless absolute.

    Errors: RegistrationError for an unknown form, a folder that does not exist, or one that holds no model.
    """
    if source.startswith("runs:"):
        if _RUN.fullmatch(source) is None:
            raise _malformed(source, "a run is written runs:/<run id>/<path of the model in the run>")
        return Source("run", source)
    if source.startswith("models:"):
        return _model(source)
    if _OTHER_SCHEME.match(source):
        step = "download it to a folder first" if source.startswith(("hf:", "s3:", "gs:", "abfss:", "https:")) else ""
        raise _malformed(source, f"a source is {_FORMS}", step)
    folder = root / source
    return Source(_folder_kind(source, folder, root), source.rstrip("/") or source, folder=folder.resolve())


def _model(source: str) -> Source:
    if _LOGGED_MODEL.fullmatch(source):
        return Source("model", source)
    found = _VERSION.fullmatch(source)
    if found is None:
        rule = "a model is written models:/catalog.schema.model/3 or models:/catalog.schema.model@alias"
        raise _malformed(source, rule)
    return Source("model", source, name=found["name"], version=found["version"], alias=found["alias"])


def _folder_kind(source: str, folder: Path, root: Path) -> Literal["mlflow_folder", "checkpoint"]:
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "no such folder"
        where = "" if Path(source).is_absolute() else f" in {root}"
        raise RegistrationError(f"{source}: {what}{where}; a source is {_FORMS}")
    if (folder / "MLmodel").is_file():
        return "mlflow_folder"
    if (folder / "config.json").is_file():
        return "checkpoint"
    raise RegistrationError(
        f"{source}: neither an MLflow model (no MLmodel) nor a Hugging Face checkpoint (no config.json); "
        f"{_step(folder)}"
    )


def _step(folder: Path) -> str:
    """Return the next step for a folder without a model, judging by what lies in it."""
    if (folder / adapter.CONFIG).is_file():
        return adapter.MERGE
    inner = sorted(
        child.name
        for child in folder.iterdir()
        if child.is_dir() and ((child / "MLmodel").is_file() or (child / "config.json").is_file())
    )
    if inner:
        return f"name the folder inside it: {', '.join(inner[:5])}"
    return "save model and tokenizer with `save_pretrained` into it, or name another folder"


def _malformed(source: str, rule: str, step: str = "") -> RegistrationError:
    return RegistrationError("; ".join(part for part in (f"{source}: not a source", rule, step) if part))
