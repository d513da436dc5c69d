"""Put the engines of a workspace together from the options of its start."""

import os
from dataclasses import replace
from pathlib import Path

from bandplan.stub.api.queries.assignments import Assignments
from bandplan.stub.inference.engine import Engine
from bandplan.stub.inference.selection import factory
from bandplan.stub.inference.selection.factory import Circumstances
from bandplan.stub.inference.selection.machine import ThisMachine
from bandplan.stub.inference.selection.options import EngineOptions
from bandplan.stub.inference.selection.running import RunningEngines
from bandplan.stub.inference.selection.settings import Settings
from bandplan.stub.inference.selection.spec import EngineSpec
from bandplan.stub.inference.simulated import Pace, SimulatedEngine
from bandplan.stub.inference.vllm.process import reap
from bandplan.stub.state.workspace import Workspace

SHARED_OF_GPU = 0.9
"""Part of the GPU's memory that all engines together use; the default of vLLM for a single one."""


def assignments_of(workspace: Workspace, state_dir: Path, pace: Pace | None, options: EngineOptions) -> Assignments:
    """Return the engines of a workspace; none of them runs yet."""
    reap(state_dir / "engines")
    circumstances = Circumstances(state_dir / "engines", os.environ, options.python, options.allowed_hosts)

    async def make(spec: EngineSpec) -> Engine:
        sharers = await assignments.sharers(spec)
        keys = frozenset(str(row.get("key_env")) for row in workspace.engine_settings.engines().values())
        return factory.make(spec, replace(circumstances, gpu_share=SHARED_OF_GPU / sharers, keys=keys))

    async def answers(settings: Settings) -> str | None:
        return await factory.why_silent(settings, circumstances)

    assignments = Assignments(
        workspace.endpoints,
        workspace.checkpoints,
        workspace.engine_settings,
        RunningEngines(make, workspace.clock.now_ms, lambda spec: factory.log_lines(spec, circumstances.folder)),
        ThisMachine(options.python, answers),
        SimulatedEngine(pace),
        options.default,
    )
    return assignments
