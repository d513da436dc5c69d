"""LLM serving as code: throughput bands on Databricks provisioned throughput, deployed by Pulumi.

Belongs here: the code that runs models.yaml, one folder per room; README.md lists the rooms, .importlinter says which
may import which. Does not belong: what a team edits, which is at the root of the repository. `components`,
`policies` and `docs` are links to folders there.
"""
