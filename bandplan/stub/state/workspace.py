"""The whole workspace: its identity and everything it contains."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from bandplan.stub.state.access import Access
from bandplan.stub.state.behaviour import Behaviours
from bandplan.stub.state.clock import Clock
from bandplan.stub.state.faults.deployment_faults import Faults
from bandplan.stub.state.faults.registration_faults import RegistrationFaults
from bandplan.stub.state.faults.route_faults import RouteFaults
from bandplan.stub.state.files.stored_files import StoredFiles
from bandplan.stub.state.files.workspace_files import WorkspaceFiles
from bandplan.stub.state.limits import Quotas
from bandplan.stub.state.registry import catalogue
from bandplan.stub.state.registry.catalogs import Catalogs
from bandplan.stub.state.registry.checkpoint import Checkpoints
from bandplan.stub.state.registry.model_versions import ModelVersions
from bandplan.stub.state.registry.registered_models import RegisteredModels
from bandplan.stub.state.scenario import NONE, Scenario
from bandplan.stub.state.serving import pay_per_token
from bandplan.stub.state.serving.capacity_settings import CapacitySettings
from bandplan.stub.state.serving.endpoints import EndpointConduct, Endpoints
from bandplan.stub.state.serving.engine_settings import EngineSettings
from bandplan.stub.state.serving.settle import Settle
from bandplan.stub.state.serving.settle_rules import SettleRules
from bandplan.stub.state.stamp import Stamp
from bandplan.stub.state.store import Store
from bandplan.stub.state.tracking.experiments import Experiments
from bandplan.stub.state.tracking.logged_models import LoggedModels
from bandplan.stub.state.tracking.runs import Runs

USER_ID = "1000000000000001"
USER_NAME = "developer@bandplan.example"
USER_GROUP = "users"
ACCOUNT_ID = "00000000-0000-4000-8000-000000000001"
METASTORE_ID = "00000000-0000-4000-8000-000000000002"


@dataclass(frozen=True, slots=True)
class Workspace:
    """One workspace with one user; `id` is a string of digits that never changes within a state directory."""

    id: str
    endpoints: Endpoints
    catalogs: Catalogs
    models: RegisteredModels
    versions: ModelVersions
    checkpoints: Checkpoints
    experiments: Experiments
    runs: Runs
    logged_models: LoggedModels
    stored_files: StoredFiles
    access: Access
    files: WorkspaceFiles
    clock: Clock
    behaviours: Behaviours
    settle_rules: SettleRules
    engine_settings: EngineSettings
    capacity_settings: CapacitySettings
    faults: Faults
    registration_faults: RegistrationFaults
    route_faults: RouteFaults
    scenario: Scenario
    store: Store

    def close(self) -> None:
        self.store.close()


def open_workspace(state_dir: Path, settle: Settle | None = None, scenario: Scenario = NONE) -> Workspace:
    """Open or create the workspace in `state_dir`; `settle` takes precedence over the scenario's. Raises StoreError."""
    workspace_id = _workspace_id(state_dir / "workspace_id")
    store = Store(state_dir / "workspace.db")
    clock = Clock(store)
    stamp = Stamp(USER_NAME, clock.now_ms, new_id)
    settle_rules = SettleRules(store, settle or scenario.settle or Settle(), scenario.endpoint_settle)
    faults = Faults(store, scenario.deployments)
    route_faults = RouteFaults(store, scenario.requests)
    quotas = Quotas(scenario.limits, clock.now_ms)
    access = Access(store)
    behaviours = Behaviours(store)
    known = catalogue.load()
    stored_files = StoredFiles(state_dir / "files")
    catalogs = Catalogs(store, known.catalogs, access, stamp)
    models = RegisteredModels(store, known, catalogs, access, stored_files, stamp)
    registration_faults = RegistrationFaults(store, scenario.registrations)
    versions = ModelVersions(models, stored_files, registration_faults, stamp)
    experiments = Experiments(store, clock.now_ms, new_id)
    endpoints = Endpoints(
        store,
        models,
        access,
        EndpointConduct(faults, settle_rules, quotas, scenario.capacity, behaviours),
        pay_per_token.endpoints(known.pay_per_token),
        stamp,
    )
    files = WorkspaceFiles(store, access, USER_NAME, clock.now_ms, new_id)
    return Workspace(
        id=workspace_id,
        endpoints=endpoints,
        catalogs=catalogs,
        models=models,
        versions=versions,
        checkpoints=Checkpoints(models, stored_files),
        experiments=experiments,
        runs=Runs(store, experiments, stored_files, USER_NAME, clock.now_ms, new_id),
        logged_models=LoggedModels(store, experiments, stored_files, clock.now_ms, new_id),
        stored_files=stored_files,
        access=access,
        files=files,
        clock=clock,
        behaviours=behaviours,
        settle_rules=settle_rules,
        engine_settings=EngineSettings(store),
        capacity_settings=CapacitySettings(store, scenario.endpoint_capacity),
        faults=faults,
        registration_faults=registration_faults,
        route_faults=route_faults,
        scenario=scenario,
        store=store,
    )


def new_id() -> str:
    """Return 32 random hexadecimal characters, the form of the platform's own ids."""
    return secrets.token_hex(16)


def _workspace_id(path: Path) -> str:
    # Stored apart from the database: clients store the id with their resources, so it must survive a reset.
    if not path.exists():
        made = path.with_suffix(".new")
        made.write_text(str(10**15 + secrets.randbelow(9 * 10**15)), encoding="ascii")
        made.replace(path)
    return path.read_text(encoding="ascii").strip()
