"""A program of BENCH_RESOURCES resources: every tenth one a component, the others its children."""

import os

import pulumi


class Thing(pulumi.CustomResource):
    def __init__(self, name: str, size: int, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            "bench:index:Thing",
            name,
            {"label": name, "size": size, "tags": {"team": "orders", "tier": "test"}, "token": None},
            opts,
        )


class Group(pulumi.ComponentResource):
    def __init__(self, name: str) -> None:
        super().__init__("bench:index:Group", name)
        self.register_outputs({})


group = None
for index in range(int(os.environ["BENCH_RESOURCES"])):
    if index % 10 == 0:
        group = Group(f"group-{index}")
    else:
        Thing(f"thing-{index}", index, pulumi.ResourceOptions(parent=group))
