"""The one door to REST APIs, whoever answers: connections, bounded answers, proxies, and when to send again.

Belongs here: what holds for a workspace, a forge and a token service alike. Does not belong here: tokens, paths,
bodies, and what a status means, which each of them decides (`serving.workspace`, `forge`). Imports nothing of ours.
"""
