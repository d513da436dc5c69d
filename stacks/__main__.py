"""The Pulumi program of every stack: models.yaml, with this stack's overrides, as serving endpoints."""

from bandplan.components.program import run

run()
