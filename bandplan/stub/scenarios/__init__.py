"""Scenarios: how the workspace is to misbehave during one run, a YAML file each.

Belongs here: files of the form of `bandplan/stub/state/scenario_schema.yaml`, read by `bandplan.stub.state.scenario`;
no code.
"""
