"""What stops a benchmark, for the user: place, finding, rule, next step."""


class BenchProblem(Exception):
    """The benchmark cannot start or continue as requested; one line for each problem."""
