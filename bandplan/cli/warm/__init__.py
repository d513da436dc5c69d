"""A process that has imported everything: it forks one child per command, so that a command starts in milliseconds.

Here: when it is used (`switch`), where its socket is (`place`), what a process inherits and must therefore be equal
(`inherited`), what crosses the socket (`request`), the caller's side (`client`), the process itself (`server`,
`__main__`), what it imports (`preload`) and when that is out of date (`files`), the two processes of a command
(`monitor`, `command`), and questions to it (`ask`). `switch`, `place`, `inherited`, `request` and `client` import small
modules of the standard library only, and not `dataclasses` or `typing`: every command in a terminal loads them.

Linux only: forking without `exec` is unsafe on macOS, where the system's frameworks start threads.
"""
