"""The only access to a Databricks workspace: REST calls, their answers as typed values, and the reasons of failures.

Belongs here: calls, what a status means, translation of the platform's errors, the record of optimization info kept on
disk.
Does not belong: rules about throughput (`bandplan.serving.throughput`), the shape of models.yaml
(`bandplan.serving.spec`), Pulumi. May import: `bandplan.serving.throughput`, `bandplan.serving.endpoint`,
`bandplan.serving.spec`; `bandplan.rest` (HTTP), `bandplan.wire`, `bandplan.forge` (the token of a CI's job).
"""
