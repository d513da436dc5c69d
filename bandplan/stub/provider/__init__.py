"""The `databricks` resource types of the local stack, served by a stand-in for the published provider.

Belongs here: the types that our components use, their per-property behaviour (`fields.py`), HTTP to a workspace on a
loopback address.
Does not belong here: what a workspace holds or answers (`bandplan/stub/api`, `bandplan/stub/state`), and our own
resources.
May import: `plugin` and the Pulumi SDK, urllib3; none of our other packages.
"""
