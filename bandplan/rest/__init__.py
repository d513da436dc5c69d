"""The only access to REST APIs: connections, bounded answers, proxies, and retries.

Belongs here: what a workspace, a forge and a token service have in common. Does not belong here: tokens, paths, bodies,
and the meaning of a status, which each of them decides (`serving.workspace`, `forge`). Imports nothing of ours.
"""
