"""The command line: prepares the sandbox, hands the terminal to Pulumi's CLI, prints what came of it.

``main`` declares commands and options; every other module carries one out, or prints a part of it. What costs time to import (the
cluster, PyYAML, httpx) waits until a command needs it.
"""
