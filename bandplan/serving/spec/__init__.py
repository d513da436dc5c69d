"""The schema of models.yaml as frozen types: shapes, loading with places, overrides per stack, JSON Schema.

Belongs here: what may be written in the file, where it was written, and rules that need the file alone. Does not belong
here: chunks, bands against a model's optimization info, anything that asks a workspace or reads a clock. May import:
pydantic, PyYAML, jsonschema (lazily); nothing else of ours. Pure, except for `loading.read_text`.
"""
