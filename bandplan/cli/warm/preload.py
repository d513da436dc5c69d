"""What a warm process imports. Code of a project, such as its program and its own rules, is never among it."""

from importlib import import_module
from typing import Final

MODULES: Final = (
    "bandplan.bench.target",
    "bandplan.cli.answer_stream",
    "bandplan.cli.diagnosis",
    "bandplan.cli.endpoints",
    "bandplan.cli.engines.embedded",
    "bandplan.cli.engines.pulumi",
    "bandplan.cli.examples",
    "bandplan.cli.judged_entry",
    "bandplan.cli.live_endpoint",
    "bandplan.cli.local_workspace",
    "bandplan.cli.measured_file",
    "bandplan.cli.overview",
    "bandplan.cli.policies",
    "bandplan.cli.policy_subjects",
    "bandplan.cli.query",
    "bandplan.cli.rightsize_patch",
    "bandplan.cli.rightsizing",
    "bandplan.cli.sizing",
    "bandplan.cli.stack_configuration",
    "bandplan.cli.stack_fleet",
    "bandplan.cli.workflow_files",
    "bandplan.components.program",
    "bandplan.drift.recorded",
    "bandplan.drift.registry",
    "bandplan.drift.stack",
    "bandplan.drift.text",
    "bandplan.embedded.display",
    "bandplan.embedded.loopback",
    "bandplan.embedded.run",
    "bandplan.embedded.tree",
    "bandplan.planner.ladder",
    "bandplan.policies.analyzer",
    "bandplan.policies.own",
    "bandplan.policies.pack",
    "bandplan.provider.native",
    "bandplan.report.load",
    "bandplan.report.markdown.page",
    "bandplan.report.threshold",
    "bandplan.serving.planning.plan",
    "bandplan.serving.workspace.endpoint_survey",
    "bandplan.serving.workspace.registry",
    "bandplan.stub.process",
    "bandplan.stub.provider.databricks",
    "bandplan.usage.text",
    "encodings.idna",
    "encodings.utf_8_sig",
)
"""What the most used commands import when they run; nothing that is large and rarely used. A command imports what is
missing here.
"""

FLEET: Final = """\
version: 1
models:
  - name: example
    task: llm/v1/chat
    model: system.ai.example
    version: "1"
    throughput: {bands: {min: 1, max: 1}}
"""


def preload() -> None:
    """Import what the most used commands use, and build what validates models.yaml."""
    from bandplan.cli.main import COMMANDS, load_command
    from bandplan.plugin.lean_sdk import import_late

    import_late()
    for name in COMMANDS:
        load_command(name)
    for name in MODULES:
        import_module(name)
    from bandplan.serving.spec.loading import load_text
    from bandplan.serving.spec.schema import schema_problems

    loaded = load_text(FLEET, "models.yaml", None)
    schema_problems(loaded.data, loaded.source)
