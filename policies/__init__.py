"""Policies on over-provisioning: a CrossGuard pack, one module per rule. Empty until its rules are written.

Belongs here: rules that read the plain inputs of `bandplan:index:Endpoint`, known at every preview, and say with their
arithmetic what is wrong. Does not belong here: reading models.yaml or a workspace. Imports nothing of ours.
"""
