"""A reviewed preview, saved in a file and compared with a later preview before anything is applied.

Belongs here: the relevant parts of a preview and its circumstances, their fingerprints, the file, the comparison. Does
not belong: running an engine (`bandplan.cli.engines`), options and messages of commands (`bandplan.cli.commands`). May
import: `bandplan.cli.errors`, `bandplan.wire.redaction`, `bandplan.serving.workspace`; no engine.
"""
