"""The routes of MLflow: tracking, and the registry as MLflow's client addresses it."""
