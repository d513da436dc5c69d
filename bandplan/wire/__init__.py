"""Shapes that cross between rooms and files: one reader each, so that no two rooms read the same file differently.

Belongs here: a shape that two rooms read or write, with what is wrong with it as values. Does not belong here:
messages of one room, rules of models.yaml. Imports the standard library alone.
"""
