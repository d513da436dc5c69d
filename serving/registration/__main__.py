"""`python -m serving.registration`: the process that runs MLflow for one registration; `process.py` starts it."""

from serving.registration.child import main

if __name__ == "__main__":
    main()
