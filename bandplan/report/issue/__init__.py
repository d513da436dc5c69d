"""Drift as one issue per stack: opened, rewritten in place while it lasts, closed when it is gone.

Belongs here: reading `bandplan drift --json`, its text, the issue on GitHub. May import:
`bandplan.report.comment.client`, `bandplan.report.markdown`, `bandplan.wire.redaction`; as the whole of `report`,
no other room.
"""
