"""MLflow in a process of its own: the side that starts it and listens, and the side that logs and uploads."""
