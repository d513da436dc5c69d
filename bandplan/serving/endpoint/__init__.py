"""Compare the declared endpoint with the live one: differences, readiness, shortfalls, and the requests to send.

Values in, values out. The calls are in `bandplan.serving.workspace`, the Pulumi resource is in `bandplan.provider`.
"""
