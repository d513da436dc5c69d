"""One module per command, each with `configure(parser)` and `run(arguments) -> exit status`.

Here: arguments of one command and the order of its steps. Not here: what two commands share (that is a noun of
`bandplan/cli/`). May import the rest of `bandplan/cli/` and, inside functions, every room but the tests.
"""
