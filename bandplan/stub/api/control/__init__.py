"""The routes under /stub, which only the stand-in has: status, clock, faults, behaviour and its own description."""
