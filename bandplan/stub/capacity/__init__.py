"""What an endpoint gives: chunks in use, requests in flight and waiting, scaling, refusals.

Pure: time is an argument, in seconds of the workspace's clock, so that hours pass in milliseconds. Nothing here knows
of HTTP, of the engines or of what the workspace stores. `docs/stub.md` says which rule is published and which is ours.
"""
