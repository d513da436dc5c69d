"""How fast bandplan is, and against what: each case is a whole process, timed from start to exit on this machine.

Here: making fleets of a size, the programs to compare with, running and timing them, writing the figures down. Not
here: tests; a figure never fails a build. `python -m benchmarks --help` says how to run it; `docs/performance.md` holds
the figures of a run and how they were taken.
"""
