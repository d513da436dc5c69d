"""A preview that was reviewed, kept in a file, and held against a later preview before anything is applied.

Belongs here: what of a preview and of its surroundings decides, its fingerprints, the file, the comparison.
Does not belong: running an engine (`bandplan.cli.engines`), options and messages of commands (`bandplan.cli.commands`).
May import: `bandplan.cli.errors`, `bandplan.wire.redaction`, `bandplan.serving.workspace`; no engine.
"""
