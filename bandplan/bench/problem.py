"""What stops a benchmark, for the user: place, finding, rule, next step."""


class BenchProblem(Exception):
    """The benchmark cannot start or go on as it was asked; one line for each problem."""
