"""Provider plugins: processes that speak Pulumi's ``ResourceProvider`` protocol.

Each is started by Pulumi's plugin contract (first argument: the engine's address; its port is the first and only line
on stdout), so the embedded engine and the Pulumi CLI drive the same executables.
"""
