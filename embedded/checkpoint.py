"""A stack's state on disk, in the layout of the Pulumi CLI's file backend, shared with the CLI.

`<state_dir>/.pulumi/meta.yaml` says that stacks are kept by project; `.pulumi/stacks/<project>/<stack>.json` is the
version-3 checkpoint. Source: pkg/backend/diy and sdk/go/common/apitype in github.com/pulumi/pulumi (read 2026-11).
"""

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from embedded.errors import StateError, Unsupported
from embedded.resource import ResourceState
from embedded.values import SIGNATURE_KEY, dumped, plain_number

ENGINE_VERSION: Final = "bandplan"
"""What the manifest of a checkpoint names as its writer; the CLI's names begin with `v`."""
DEPLOYMENT_VERSION: Final = 3
FEATURED_VERSION: Final = 4
"""Version 3 and a list of features that a reader has to know (pkg/resource/stack/deployment.go)."""
FEATURES: Final = frozenset({"taint"})
"""Those that this engine knows."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The resources of a stack, each after all that it depends on, and what else the checkpoint carries."""

    resources: list[ResourceState] = field(default_factory=list)
    secrets_providers: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    pending_operations: list[dict[str, Any]] = field(default_factory=list)

    def by_urn(self) -> dict[str, tuple[int, ResourceState]]:
        """(index, resource) by URN, without those that only wait to be deleted."""
        return {state.urn: (index, state) for index, state in enumerate(self.resources) if not state.delete}


@dataclass(frozen=True, slots=True)
class StackFile:
    """Where one stack's state lies."""

    state_dir: Path
    project: str
    stack: str

    @property
    def root(self) -> Path:
        """The backend's own folder."""
        return self.state_dir / ".pulumi"

    @property
    def path(self) -> Path:
        """The checkpoint."""
        return self.root / "stacks" / self.project / f"{self.stack}.json"

    @property
    def backup_path(self) -> Path:
        """The checkpoint before this one."""
        return self.path.with_name(f"{self.path.name}.bak")

    @property
    def journal_path(self) -> Path:
        """What an update has done since the checkpoint was written; there only while one runs, or was killed."""
        return self.root / "journals" / self.project / f"{self.stack}.jsonl"

    @property
    def lock_dir(self) -> Path:
        """One file per holder, as the CLI's file backend has it."""
        return self.root / "locks" / "organization" / self.project / self.stack


def parse(text: bytes, path: Path) -> Snapshot:
    """Read a checkpoint's text. StateError when it is no checkpoint; Unsupported when it needs more than is known."""
    try:
        document = json.loads(text, parse_int=_whole_number)
    except (ValueError, RecursionError) as error:
        raise StateError(f"{path}: is not JSON ({error}); {_where_a_copy_is(path)}") from error
    version = document.get("version") if isinstance(document, dict) else None
    if version not in (DEPLOYMENT_VERSION, FEATURED_VERSION):
        raise StateError(f"{path}: has checkpoint version {version!r}; this engine reads version {DEPLOYMENT_VERSION}")
    if unknown := sorted(set(document.get("features") or []) - FEATURES):
        raise Unsupported(f"state with {', '.join(unknown)}", str(path))
    if SIGNATURE_KEY.encode() in text:
        raise Unsupported("a secret, an asset or another special value in the state", str(path))
    latest = _latest(document, path)
    return Snapshot(
        resources=[ResourceState.from_json(entry) for entry in latest.get("resources") or []],
        secrets_providers=latest.get("secrets_providers"),
        metadata=latest.get("metadata") or {},
        pending_operations=latest.get("pending_operations") or [],
    )


def _latest(document: dict[str, Any], path: Path) -> dict[str, Any]:
    """What the last deployment left; empty for a stack that was made and never deployed."""
    checkpoint = document.get("checkpoint")
    latest = (checkpoint.get("latest") or {}) if isinstance(checkpoint, dict) else None
    if not isinstance(latest, dict) or not isinstance(latest.get("resources") or [], list):
        raise StateError(f"{path}: is no checkpoint of a stack; {_where_a_copy_is(path)}")
    return latest


def _where_a_copy_is(path: Path) -> str:
    copy = path.with_name(f"{path.name}.bak")
    if not copy.is_file():
        return "no copy of it is there; put one back, or remove it when the stack has nothing deployed"
    return f"a copy of the state before the last update is beside it as {copy.name}"


def _whole_number(digits: str) -> int | float:
    """A number as every other JSON reader of the state has it: beyond 2**53 the nearest double."""
    return int(digits) if len(digits) < 16 else plain_number(float(digits))


def render(snapshot: Snapshot, file: StackFile, time: str) -> bytes:
    """The checkpoint's text. `time` is RFC 3339 in UTC."""
    latest: dict[str, Any] = {
        "manifest": {
            "time": time,
            # The CLI checks that the magic is the SHA-256 of the version (pkg/resource/deploy/manifest.go).
            "magic": hashlib.sha256(ENGINE_VERSION.encode()).hexdigest(),
            "version": ENGINE_VERSION,
        }
    }
    if snapshot.secrets_providers:
        latest["secrets_providers"] = snapshot.secrets_providers
    latest["resources"] = [state.to_json() for state in snapshot.resources]
    if snapshot.pending_operations:
        latest["pending_operations"] = snapshot.pending_operations
    latest["metadata"] = snapshot.metadata
    checkpoint = {"stack": f"organization/{file.project}/{file.stack}", "latest": latest}
    head: dict[str, Any] = {"version": DEPLOYMENT_VERSION}
    if any(state.is_tainted for state in snapshot.resources):
        head = {"version": FEATURED_VERSION, "features": ["taint"]}
    return dumped({**head, "checkpoint": checkpoint}).encode()


def is_ours(text: bytes) -> bool:
    """Whether this engine wrote a checkpoint that can be parsed."""
    latest = json.loads(text)["checkpoint"].get("latest") or {}
    return (latest.get("manifest") or {}).get("version") == ENGINE_VERSION


def write(file: StackFile, text: bytes) -> None:
    """Put a checkpoint in place at once, keeping the one before as `.bak`; a crash leaves the old one whole."""
    meta = file.root / "meta.yaml"
    if not meta.exists():
        write_whole(meta, b"version: 1\n")
    try:
        write_whole(file.backup_path, file.path.read_bytes())
    except FileNotFoundError:
        pass
    write_whole(file.path, text)


def write_whole(path: Path, text: bytes) -> None:
    """Write a file so that a reader sees the old text or the new one, never a part. StateError when it cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(text)
                out.flush()
                os.fsync(out.fileno())
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise StateError(f"{path}: cannot be written: {error.strerror}") from error
