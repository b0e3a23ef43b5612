"""What reading a stack file costs beyond `import pulumi`: `python bench/configuration.py`.

Our own share of a whole program is in ``updates.py``.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
STACKS = (
    "example-generic",
    "example-amazon-ecr-irsa",
    "example-microsoft-acr-workload-identity",
    "example-google-gcr-direct",
)

READ = """
import json, sys, time
import pulumi
began = time.process_time()
from mendix_registry.stack_file import parse
from mendix_registry.settings.values import Surroundings
parse(json.loads(sys.argv[1]))
print(time.process_time() - began)
"""


def configuration(stack: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / "stacks" / f"Pulumi.{stack}.yaml").read_text())["config"]


def environment() -> dict[str, str]:
    """Every variable that an example takes a value from."""
    names = ("KRANE_IMAGE", "REGISTRY_PASSWORD", "KUBECONFIG_TEXT")
    return {**os.environ, **dict.fromkeys(names, f"example.com/krane@sha256:{'0' * 64}")}


def reading(stack: str) -> float:
    """CPU seconds of importing and reading, the median of five processes."""
    command = [sys.executable, "-c", READ, json.dumps(configuration(stack))]
    runs = [
        subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True)  # noqa: S603
        for _ in range(5)
    ]
    return statistics.median(float(run.stdout) for run in runs)


def main() -> None:
    print(
        "importing the configuration and reading a stack file, CPU seconds beyond `import pulumi` (goal: at most 0.5)"
    )
    for stack in STACKS:
        print(f"  {stack:<42} {reading(stack):.2f}")


if __name__ == "__main__":
    main()
