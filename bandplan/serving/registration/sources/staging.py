"""A copy of a folder in which weights are links: the logged model is complete, and no weight is copied."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from bandplan.serving.registration.checks.weights import is_weights
from bandplan.serving.registration.sources.folder import File

MOST_COPIED_BYTES = 64_000_000
"""Larger files are always linked; tokenizers, the largest files other than weights, are smaller."""


def is_linked(file: File) -> bool:
    """Whether a file is linked: MLflow itself opens the small ones, and then refuses links out of a model's folder."""
    return file.size_bytes > MOST_COPIED_BYTES or is_weights(file.name)


def stage(files: Iterable[File], folder: Path) -> None:
    """Put each file into `folder` under its name: a copy, or a symbolic link to it."""
    for file in files:
        target = folder / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if is_linked(file):
            target.symlink_to(file.path)
        else:
            shutil.copyfile(file.path, target)
