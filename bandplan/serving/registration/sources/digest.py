"""One digest of a version's source: it changes when, and only when, the logged model would change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from bandplan.serving.registration.errors import RegistrationError
from bandplan.serving.registration.sources.contents import contents
from bandplan.serving.registration.sources.source import Source
from bandplan.serving.workspace.client import WorkspaceClient

_FORMAT = "bandplan source digest 1"


def digest(
    source: Source,
    client: WorkspaceClient | None,
    cache_directory: Path,
    *,
    task: str | None = None,
    metadata: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> str:
    """Return the digest of a source as `sha256:<hex>`.

    - A checkpoint: paths and contents of its files, the task and the metadata, because these decide what is logged.
    - A folder of an MLflow model: paths and contents; its MLmodel holds task and metadata.
    - A run: its URI. A registered model: its URI with the version's number; an alias is resolved first.

    The digest does not include the name, description, tags and alias of the version, or the versions of MLflow and
    transformers. All files of a folder count except those of version control, downloads, notebooks and desktops
    (`folder.py` lists them). Contents are streamed, and read again only if size, times or inode of a file changed;
    known digests are kept under `cache_directory`.

    Errors: RegistrationError for a folder that cannot be read, changes meanwhile or links outside itself, and for an
    alias that points nowhere; errors of the client.
    """
    match source.kind:
        case "checkpoint":
            logged = {"task": task, "metadata": dict(metadata or {})}
            return _digest(contents(source, cache_directory, progress), json.dumps(logged, sort_keys=True))
        case "mlflow_folder":
            return _digest(contents(source, cache_directory, progress))
        case _:
            return _digest({}, resolved_uri(source, client))


def resolved_uri(source: Source, client: WorkspaceClient | None) -> str:
    """Return the URI of a run or a model, with the number of the version in place of an alias.

    Errors: RegistrationError if there is no such alias, or no client to ask; errors of the client.
    """
    if source.alias is None or source.name is None:
        return source.text
    if client is None:
        raise RegistrationError(
            f"{source.text}: only a workspace knows what the alias points to; set DATABRICKS_HOST and "
            f"DATABRICKS_TOKEN, or name the version, as in models:/{source.name}/1"
        )
    from bandplan.serving.workspace.registry import Registry

    version = Registry(client).aliased(source.name, source.alias)
    if version is None:
        raise RegistrationError(
            f"{source.text}: {source.name} has no alias {source.alias} that this token may see; set it, or name a "
            f"version, as in models:/{source.name}/1"
        )
    return f"models:/{source.name}/{version}"


def _digest(contents: Mapping[str, str], logged: str = "") -> str:
    """Digest a text that no other contents have, whatever characters are in the names."""
    rows = [_FORMAT, logged, *([name, contents[name]] for name in sorted(contents))]
    text = json.dumps(rows, ensure_ascii=True)
    return f"sha256:{hashlib.sha256(text.encode('ascii')).hexdigest()}"
