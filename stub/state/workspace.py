"""The whole workspace: its identity and everything it holds."""

import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from stub.state import catalogue
from stub.state.access import Access
from stub.state.endpoints import Endpoints
from stub.state.faults import Faults
from stub.state.registered_models import RegisteredModels
from stub.state.settle import Settle
from stub.state.store import Store

USER_ID = "1000000000000001"
USER_NAME = "developer@bandplan.example"
ACCOUNT_ID = "00000000-0000-4000-8000-000000000001"
METASTORE_ID = "00000000-0000-4000-8000-000000000002"


@dataclass(frozen=True, slots=True)
class Workspace:
    """One workspace with one user; `id` is a string of digits that never changes within a state directory."""

    id: str
    endpoints: Endpoints
    models: RegisteredModels
    access: Access
    faults: Faults
    store: Store

    def close(self) -> None:
        self.store.close()


def open_workspace(state_dir: Path, settle: Settle) -> Workspace:
    """Open or make the workspace kept in `state_dir`; raises StoreError."""
    workspace_id = _workspace_id(state_dir / "workspace_id")
    store = Store(state_dir / "workspace.db")
    faults = Faults(store)
    access = Access(store)
    models = RegisteredModels(store, catalogue.load(), access, USER_NAME, clock_ms, new_id)
    endpoints = Endpoints(store, models, access, faults, settle, USER_NAME, clock_ms, new_id)
    return Workspace(workspace_id, endpoints, models, access, faults, store)


def clock_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """32 hexadecimal characters, the form of the platform's own ids."""
    return secrets.token_hex(16)


def _workspace_id(path: Path) -> str:
    # Kept apart from the database: clients store the id with their resources, so it must outlive a reset.
    if not path.exists():
        made = path.with_suffix(".new")
        made.write_text(str(10**15 + secrets.randbelow(9 * 10**15)), encoding="ascii")
        made.replace(path)
    return path.read_text(encoding="ascii").strip()
