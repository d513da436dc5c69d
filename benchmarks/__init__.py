"""How fast bandplan is, and compared with what: each case is a whole process, timed from start to exit on this machine.

Belongs here: creating fleets of a given size, the programs to compare with, running and timing them, writing the
figures. Does not belong here: tests; a figure never fails a build. `python -m benchmarks --help` says how to run it;
`docs/performance.md` holds the figures of a run and how they were measured.
"""
