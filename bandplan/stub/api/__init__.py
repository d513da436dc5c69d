"""The wire form of the workspace: a Starlette application, a folder per API family.

Belongs here: paths, JSON in and out, status codes, headers, server-sent events.
Does not belong here: rules about what a workspace allows (`bandplan.stub.state`) and how text is made
(`bandplan.stub.inference`). May import: `bandplan.stub.state` and `bandplan.stub.inference`, the standard library,
Starlette.
"""
