"""The page of the workspace at `/`: its files, and who may see it.

The page reads the routes of `stub.api.control.overview` and sends queries like any client; others are closed to it.
`assets/` holds plain HTML, CSS and ES modules, served as they are. May import what `bandplan.stub.api` may.
"""
