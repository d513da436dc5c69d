"""MLflow tracking: experiments, runs and logged models."""
