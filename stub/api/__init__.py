"""The wire form of the workspace: a Starlette application, one file per API family.

Belongs here: paths, JSON in and out, status codes, headers, server-sent events.
Does not belong here: rules about what a workspace allows (`stub.state`) and how text is made (`stub.inference`).
May import: `stub.state` and `stub.inference`, the standard library, Starlette.
"""
