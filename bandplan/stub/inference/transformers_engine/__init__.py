"""The engine that runs a checkpoint with torch and transformers, in a child process.

Belongs here: the engine (`engine`), its child process (`child`), what both say to one another (`lines`), what can be
told of a checkpoint without torch (`weights`), and `worker`, the code of the child.
Does not belong here: when an engine is chosen (`bandplan.stub.inference.selection`).
May import: the standard library; only `worker` imports torch and transformers, in the child alone.
"""
