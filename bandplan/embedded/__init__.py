"""A small Pulumi engine in Python, for stacks whose workspace is on this machine.

Belongs here: receiving a program's resource registrations, deciding the steps by Pulumi's own rules, calling providers
in process, and keeping the state in the layout of the CLI's file backend, so that either engine carries on where the
other stopped. Does not belong here: anything about Databricks, models.yaml or throughput; the engine is handed a
program and providers. Imports: the Pulumi SDK, `plugin`.
"""
