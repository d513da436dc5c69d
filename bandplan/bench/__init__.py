"""Load on an endpoint, measured: events of requests -> the throughput-latency curve of the endpoint.

Belongs here: load generators, the client that stamps each chunk, metrics, `bench.json` and what else shows a curve.
Not here: which endpoint, token and demand (the command gives them); what a curve means for a band (the planner says).
Imports no other room.
"""
