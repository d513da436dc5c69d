"""Endpoints that exist already, as entries of models.yaml and as resources of a stack's state.

Here: which endpoints of a workspace can be taken over and what their entries say (`entry`, `eligibility`), writing
entries into a file that people keep (`insertion`, `yaml_text`), the resources that a state gets (`state`), and the way
from legacy workloads to provisioned throughput (`migration`). Pure: a command reads, previews and writes. May import
`serving` and `provider`; never an engine, Pulumi, or anything that speaks HTTP.
"""
