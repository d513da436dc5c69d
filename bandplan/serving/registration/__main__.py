"""`python -m bandplan.serving.registration`: run MLflow for one registration; `process.py` starts it."""

from bandplan.serving.registration.mlflow_process.child import main

if __name__ == "__main__":
    main()
