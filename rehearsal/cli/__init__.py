"""The command line ``rehearse``.

Nothing here decides what happens to a resource: the engine does, and tells it in events; this room asks, shows, and
turns the end into an exit code. Imports of the engine, the cluster and gRPC wait until a command needs them, so that
usage errors and ``--help`` answer at once.
"""
