"""A preview that was reviewed, kept in a file, and held against a later preview before anything is applied.

Belongs here: what of a preview and of its surroundings decides, its fingerprints, the file, the comparison.
Does not belong: running an engine (`cli.engines`), options and messages of commands (`cli.commands`).
May import: `cli.errors`, `report.redaction`, `serving.workspace`; no engine.
"""
