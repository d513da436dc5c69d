"""Compare the endpoint that is wanted with the live one: differences, readiness, shortfalls, and what to send.

Values in, values out. The calls are in `bandplan.serving.workspace`, the Pulumi resource is in `bandplan.provider`.
"""
