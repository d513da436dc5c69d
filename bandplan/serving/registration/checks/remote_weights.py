"""The weights of a model in a workspace: listed by name and size, without fetching them."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from bandplan.serving.registration.checks.weights import choose_weights
from bandplan.serving.registration.sources.finding import SourceFinding
from bandplan.serving.registration.sources.folder import File
from bandplan.serving.registration.sources.json_file import read_object
from bandplan.serving.registration.sources.lfs_pointer import MOST_BYTES, is_pointer


class Artifacts(Protocol):
    """The part of MLflow's artifact repository that is used here; paths are relative to the model."""

    def list_artifacts(self, path: str) -> list[Any]: ...

    def download_artifacts(self, artifact_path: str, dst_path: str) -> str: ...


def remote_findings(artifacts: Artifacts, folder: str, shown: str, workplace: Path) -> tuple[SourceFinding, ...]:
    """Report everything against the weights in `folder` of a model that shows from outside; small files are fetched.

    Errors: those of MLflow.
    """
    sizes = {
        posixpath.basename(info.path): info.file_size for info in artifacts.list_artifacts(folder) if not info.is_dir
    }
    place = f"{shown}/{folder}"

    def fetched(name: str) -> Path:
        return Path(artifacts.download_artifacts(f"{folder}/{name}", str(workplace)))

    chosen = choose_weights(sizes, lambda name: read_object(fetched(name)), place)
    if any("/" in name for name in chosen.weight_map.values()):
        return ()  # in separate folders, which were not listed
    pointers = tuple(
        SourceFinding(
            f"{place}/{name}",
            "is a Git LFS pointer, not the weights",
            "a model must be logged with complete weights",
            _LOG_AGAIN,
        )
        for name in chosen.names
        if _is_small(sizes, name) and _is_pointer(fetched(name), name)
    )
    return (*chosen.findings, *pointers)


_LOG_AGAIN = "run `git lfs pull` where the model was logged, and log it again"


def _is_small(sizes: Mapping[str, int | None], name: str) -> bool:
    size = sizes[name]
    return size is not None and size <= MOST_BYTES


def _is_pointer(path: Path, name: str) -> bool:
    return is_pointer(File(name, path, path.stat()))
