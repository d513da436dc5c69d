"""Our native Pulumi provider, package `bandplan`: resources that the published `databricks` package lacks.

Belongs here: what a resource of ours compares, decides, sends and waits for. Does not belong: HTTP
(bandplan.serving.workspace), rules about throughput (bandplan.serving.throughput), gRPC (plugin), resource types of
the program (components). May import: `serving`, `plugin`, the Pulumi SDK's provider types.
"""
