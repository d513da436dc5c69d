"""The engine behind another server: any that speaks the OpenAI protocol.

Belongs here: the connection to it, its requests and answers, what is found out about it at the start.
May import: the standard library and `httptools`.
"""
