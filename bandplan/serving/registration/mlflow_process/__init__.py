"""MLflow in its own process: the side that starts it and listens, and the side that logs and uploads."""
