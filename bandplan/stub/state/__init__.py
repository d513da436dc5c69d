"""What the workspace holds: endpoints, models, permissions, faults; their rules and transitions; the SQLite store.

Belongs here: values (frozen dataclasses), pure transitions and rules, the data file of models, the store.
Does not belong here: HTTP, routes, status lines, text generation.
May import: the standard library, PyYAML and jsonschema; none of our other packages.
"""
