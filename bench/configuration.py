"""What our own code costs beside the SDK's: `python bench/configuration.py [NAMESPACES]`.

* importing ``components.configuration`` and reading each example stack, beyond ``import pulumi``;
* whose code a preview of many namespaces spends its time in, sampled (see ``programs/sampled``).
  The monitor answers at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
PROGRAM = ROOT / "bench" / "programs" / "sampled"
STACKS = (
    "example-generic",
    "example-amazon-ecr-irsa",
    "example-microsoft-acr-workload-identity",
    # The other of Google's examples makes a service account each, of which a project has 100.
    "example-google-gcr-direct",
)
sys.path.insert(0, str(ROOT))

READ = """
import json, sys, time
import pulumi
began = time.process_time()
from components.configuration import parse
from components.configuration.values import Surroundings
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


async def preview(stack: str, namespaces: int) -> dict[str, Any]:
    """Samples of one preview with ``namespaces`` namespaces."""
    from floor import run_at_floor

    from rehearsal.engine.program.process import ProgramSettings

    config = configuration(stack)
    config["mendix-registry:namespaces"] = [{"name": f"mendix-app-{index:04}"} for index in range(namespaces)]
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "samples.json"
        surroundings = {**environment(), "BENCH_SAMPLES": str(out)}
        run = await run_at_floor(
            ProgramSettings(PROGRAM, PROGRAM, "mendix-registry", "bench", texts, (), surroundings, 16, True)
        )
        return {**json.loads(out.read_text()), "resources": run.registered}


def main(namespaces: int) -> None:
    print(
        "importing the configuration and reading a stack file, CPU seconds beyond `import pulumi` (goal: at most 0.5)"
    )
    for stack in STACKS:
        print(f"  {stack:<42} {reading(stack):.2f}")
    print(f"preview of {namespaces:,} namespaces: our own code beside the SDK's (goal: at most 15 %)")
    for stack in STACKS:
        found = asyncio.run(preview(stack, namespaces))
        samples = found["samples"]
        ours, sdk = samples.get("ours", 0), samples.get("SDK", 0)
        print(f"  {stack:<42} {found['resources']:>6,} resources  {100 * ours / sdk:5.1f} %")
        for place, hits in found["places"][:4]:
            print(f"      {100 * hits / sdk:5.1f} %  {place}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 1_000)
