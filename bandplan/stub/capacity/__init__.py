"""The capacity of an endpoint: chunks in use, requests in flight and waiting, scaling, refusals.

Pure: time is an argument, in seconds of the workspace's clock, so that hours pass in milliseconds. Nothing here knows
about HTTP, the engines or what the workspace stores. `docs/stub.md` says which rules are published and which are ours.
"""
