"""Shapes that cross between rooms, processes and files: one writer and one tolerant reader each.

Belongs here: a shape that two rooms read or write, with its problems as values. Does not belong here: messages of one
room, rules of models.yaml. Imports only the standard library.
"""
