"""Proves who may push and who may not, once a stack is up.

The emulators decide every attempt, and every refusal has to be theirs, with a reason that names the cause. ``matrix`` is
what is tried and what came of it; ``registry`` pushes and reads back over the distribution API; ``aws``, ``azure``, ``gcp``,
``openshift`` and ``generic`` know what to try at a kind of registry, ``nodes`` how a node pulls; ``stack`` reads from the stack
file and the cluster who pushes where; ``emptying`` deletes images so that a stack can be
destroyed; ``page`` makes a page of the matrices.
"""
