"""LLM serving as code: throughput bands on Databricks provisioned throughput, deployed by Pulumi.

Belongs here: what runs models.yaml, a folder per room; README.md lists them, .importlinter says which may import which.
Does not belong: what a team edits, at the root of the repository. `components` and `policies` are links to folders
there.
"""
