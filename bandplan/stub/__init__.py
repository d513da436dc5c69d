"""The stand-in workspace: a process on 127.0.0.1 that answers like a Databricks workspace, for LLM serving.

Belongs here: starting and stopping that process (`process`), its command line (`__main__`), and five rooms: `api` (wire
form), `state` (what the workspace holds), `inference` (token engines), `scenarios` (misbehaviour as data) and
`provider` (resource types over HTTP).
Does not belong here: anything from the other rooms. The platform's rules are repeated here on purpose, so that one
mistake cannot hide on both sides of the wire.
May import: the standard library, uvicorn, Starlette, PyYAML and jsonschema; only `provider` may import `plugin`.
"""
