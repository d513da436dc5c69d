"""A stack's state on disk, in the layout of the Pulumi CLI's file backend, shared with the CLI.

`<state_dir>/.pulumi/meta.yaml` says that stacks are kept by project; `.pulumi/stacks/<project>/<stack>.json` is the
version-3 checkpoint. Source: pkg/backend/diy and sdk/go/common/apitype in github.com/pulumi/pulumi (read 2026-11).
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bandplan.embedded.errors import StateError, Unsupported
from bandplan.embedded.files import is_there, read_if_there, where_a_copy_is, write_whole
from bandplan.embedded.form import (
    DEPLOYMENT_VERSION,
    FEATURED_VERSION,
    checkpoint_problems,
    listed,
    strict_json,
    version_problem,
)
from bandplan.embedded.ordering import in_order
from bandplan.embedded.resource import ResourceState
from bandplan.embedded.values import dumped
from bandplan.wire.sentinels import SIGNATURE

ENGINE_VERSION: Final = "bandplan"
"""Writer named in the manifest of a checkpoint; the CLI's names begin with `v`."""
FEATURES: Final = frozenset({"taint"})
"""Checkpoint features that this engine supports."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The resources of a stack, each after everything that it depends on, and the rest of the checkpoint."""

    resources: list[ResourceState] = field(default_factory=list)
    secrets_providers: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    pending_operations: list[dict[str, Any]] = field(default_factory=list)

    def by_urn(self) -> dict[str, tuple[int, ResourceState]]:
        """Return (index, resource) by URN, without resources that only wait to be deleted."""
        return {state.urn: (index, state) for index, state in enumerate(self.resources) if not state.delete}


@dataclass(frozen=True, slots=True)
class StackFile:
    """The paths of one stack's state."""

    state_dir: Path
    project: str
    stack: str

    @property
    def root(self) -> Path:
        """The backend's own folder."""
        return self.state_dir / ".pulumi"

    @property
    def path(self) -> Path:
        """The checkpoint file."""
        return self.root / "stacks" / self.project / f"{self.stack}.json"

    @property
    def backup_path(self) -> Path:
        """The copy of the previous checkpoint."""
        return self.path.with_name(f"{self.path.name}.bak")

    @property
    def journal_path(self) -> Path:
        """What an update has done since the last checkpoint; exists only during an update or after a killed one."""
        return self.root / "journals" / self.project / f"{self.stack}.jsonl"

    @property
    def lock_dir(self) -> Path:
        """The folder with one file per lock holder, as in the CLI's file backend."""
        return self.root / "locks" / "organization" / self.project / self.stack


def parse(text: bytes, file: StackFile) -> Snapshot:
    """Read a stack's checkpoint. StateError lists every problem; Unsupported if it needs an unknown feature."""
    path = file.path
    try:
        document = strict_json(text)
    except ValueError as error:
        raise StateError(f"{path}: is not valid JSON ({error}); {where_a_copy_is(path)}") from error
    if problem := version_problem(document):
        raise StateError(f"{path}: {problem}; {where_a_copy_is(path)}")
    features = document.get("features") or []
    if not isinstance(features, list) or not all(isinstance(one, str) for one in features):
        raise StateError(f"{path}: features must be a list of strings; {where_a_copy_is(path)}")
    if unknown := sorted(set(features) - FEATURES):
        raise Unsupported(f"state with {', '.join(ascii(one)[1:-1][:40] for one in unknown)}", str(path))
    if problems := checkpoint_problems(document.get("checkpoint"), file.project, file.stack):
        raise StateError(f"{path}: cannot be trusted; {where_a_copy_is(path)}:{listed(problems)}")
    if SIGNATURE.encode() in text:
        raise Unsupported("a secret, an asset or another special value in the state", str(path))
    latest = document["checkpoint"].get("latest") or {}
    return Snapshot(
        resources=in_order([ResourceState.from_json(entry) for entry in latest.get("resources") or []]),
        secrets_providers=latest.get("secrets_providers"),
        metadata=latest.get("metadata") or {},
        pending_operations=latest.get("pending_operations") or [],
    )


def render(snapshot: Snapshot, file: StackFile, time: str) -> bytes:
    """Return the text of a checkpoint. `time` is RFC 3339 in UTC."""
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
    """Report whether this engine wrote a checkpoint, which must be parseable."""
    latest = json.loads(text)["checkpoint"].get("latest") or {}
    return bool((latest.get("manifest") or {}).get("version") == ENGINE_VERSION)


def write(file: StackFile, text: bytes) -> None:
    """Replace the checkpoint atomically and keep the previous one as `.bak`; a crash leaves the old one intact."""
    meta = file.root / "meta.yaml"
    if not is_there(meta):
        write_whole(meta, b"version: 1\n", file.state_dir)
    if (before := read_if_there(file.path)) is not None:
        write_whole(file.backup_path, before, file.state_dir)
    write_whole(file.path, text, file.state_dir)
