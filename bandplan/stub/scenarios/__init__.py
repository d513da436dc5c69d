"""Scenarios: how the workspace misbehaves during one run, one YAML file each.

Belongs here: files that match `bandplan/stub/state/scenario_schema.yaml`, read by `bandplan.stub.state.scenario`; no
code.
"""
