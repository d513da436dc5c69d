"""Compare the declared endpoint with the live one: differences, readiness, shortfalls, and the requests to send.

Everything here takes and returns values. The calls are in `bandplan.serving.workspace`, the Pulumi resource is in
`bandplan.provider`.
"""
