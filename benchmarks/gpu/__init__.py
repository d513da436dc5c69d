"""The engine with torch on a GPU: is what it answers right, and how close is it to what the GPU can do.

Belongs here: the checks (`correctness`), the models to time (`shapes`), timing them directly and through a workspace
(`direct`, `through_stub`), and the report. `make gpu-check` runs it; `docs/performance.md` explains the figures.
May import: the standard library; torch and transformers; of bandplan the stub workspace. It runs in a Python that has
torch, which need not have bandplan's dependencies.
"""
