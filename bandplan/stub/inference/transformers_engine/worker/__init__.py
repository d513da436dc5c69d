"""The code of the child process, which may run in another environment than the stub, one with torch and transformers.

Belongs here: loading weights, prompts and texts, both ways to generate (`continuous`, `batches`), embeddings, and the
loop that serves requests (`serving`). May import: torch, transformers, the standard library, and of bandplan only
`transformers_engine.lines` and `inference.tokens`: the environment need not have bandplan's own dependencies.
"""
