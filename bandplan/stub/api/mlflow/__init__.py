"""The routes of MLflow: tracking, and the registry as MLflow's client speaks to it."""
