"""A small Pulumi engine in Python, for stacks whose workspace is on this machine.

Belongs here: receiving a program's resource registrations, deciding the steps by Pulumi's own rules, calling providers
in process, and keeping the state in the layout of the CLI's file backend, so that either engine can continue where the
other stopped. Does not belong here: anything about Databricks, models.yaml or throughput; the caller supplies the
program and the providers. Imports: the Pulumi SDK, `plugin`.
"""
