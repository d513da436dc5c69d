"""Pulumi resources and nothing else: the fleet, its endpoints, and the thin resource types that they consist of.

Belongs here: component resources, the inputs of the resources that they declare (`request`, pure), the program's `run`.
Does not belong: rules on models.yaml and sizing, calls to a workspace (all in bandplan/serving/), what a provider does.
May import: serving.*, the Pulumi SDK. Never pulumi_databricks, databricks.sdk or mlflow: a preview must start fast.
"""
