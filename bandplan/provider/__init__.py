"""Our native Pulumi provider, package `bandplan`: resources that the published `databricks` package lacks.

Belongs here: what our resources check, wait for and report to the engine. Does not belong: comparing endpoints
(bandplan.serving.endpoint), HTTP (bandplan.serving.workspace), rules about throughput (bandplan.serving.throughput),
gRPC (plugin), resource types of the program (components). May import: `serving`, `plugin`, the Pulumi SDK's provider
types.
"""
