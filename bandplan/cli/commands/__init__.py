"""One module per command, each with `configure(parser)` and `run(arguments) -> exit status`.

Here: the arguments of one command and the order of its steps. Not here: what two commands share (a module of
`bandplan/cli/`). May import the rest of `bandplan/cli/` and, inside functions, every room except the tests.
"""
