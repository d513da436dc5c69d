"""The policy pack `bandplan-policies`: what a fleet must not be, checked on plain inputs before anything is deployed.

Belongs here: one module per rule (`rules/`), what a rule sees (`endpoint`, `fleet`), the pack's configuration, and its
two interfaces to an engine: `analyzer`, in process, and `server`, Pulumi's own protocol. Does not belong here: rules of
models.yaml that always hold (bandplan/serving/), reading a workspace. Imports nothing of ours but `wire`; only `server`
imports the Pulumi SDK, so that a preview in process does not pay for it.
"""
