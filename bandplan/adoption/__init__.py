"""Existing endpoints as entries of models.yaml and as resources of a stack's state.

Here: which endpoints of a workspace can be taken over and what their entries say (`entry`, `eligibility`), the file
with the entries added (`draft`), the resources added to a state (`state`), and the way from legacy workloads to
provisioned throughput (`migration`). Pure: a command reads, previews and writes. May import `serving` (`editing` writes
the text) and `wire`; never an engine, Pulumi, or anything that speaks HTTP.
"""
