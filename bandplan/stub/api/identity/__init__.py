"""The routes that identify the workspace and its caller, and issue tokens."""
