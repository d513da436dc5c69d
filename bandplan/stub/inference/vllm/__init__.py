"""The engine `vllm`: `vllm serve` as a child of the workspace, behind the engine `openai`.

Belongs here: its command, its process from start to end, what its log says.
"""
