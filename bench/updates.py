"""What users run: `pulumi preview` and `pulumi up` of stacks of many namespaces, by Pulumi's own CLI.

    python bench/updates.py [--namespaces 10 30 100 300] [--checkpoints-up-to 100] [--kinds generic amazon-ecr]

The program is the project's own, with the builders' Jobs. The provider plugin agrees to everything at once (``bench/plugin``), so
that CLI, SDK, program and state are measured, and neither a cloud nor a cluster. Beside it the floor: a program of as many trivial
resources, every tenth of them a component. All of it in one run, medians where there are several rounds, so that the ratios hold on
a machine whose speed drifts. CPU seconds are those of all processes of a command.

A self-managed backend (here ``file://``) is given the whole state again whenever a resource is about to be created and when it has
been, one time after the other: the *checkpoints*. A first preview makes them too, and throws them away. *Without* them is
`PULUMI_SKIP_CHECKPOINTS`: it costs a preview nothing, but a killed update loses what it has made. Writes are counted by
`PULUMI_RETAIN_CHECKPOINTS`, in their own runs.

Last, whose code the program spends its time in, sampled (see ``programs/sampled``).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
PROGRAMS = ROOT / "bench" / "programs"
sys.path.insert(0, str(ROOT))

from tests.pulumi_cli import PulumiProject  # noqa: E402 - found by the line above

STACKS = {
    "generic": "example-generic",
    "amazon-ecr": "example-amazon-ecr-irsa",
    "microsoft-acr": "example-microsoft-acr-workload-identity",
    # The other of Google's examples makes a service account each, of which a project has 100.
    "google-gcr": "example-google-gcr-direct",
}
"""By registry kind."""
TIMED = ("generic", "amazon-ecr")
ROUNDS = {10: 3, 30: 3}
"""By namespaces; once for more."""
COUNTED = (10, 30)
SAMPLED = 100
ENVIRONMENT = {"KRANE_IMAGE": f"example.com/krane@sha256:{'0' * 64}", "REGISTRY_PASSWORD": "of no registry"}
WITHOUT = {"PULUMI_SKIP_CHECKPOINTS": "true"}
FIRST, FIRST_WITHOUT, UP, UP_WITHOUT, UNCHANGED = (
    "first preview",
    "… without checkpoints",
    "up",
    "… without checkpoints ",
    "unchanged preview",
)


@dataclass(frozen=True, slots=True)
class Run:
    """Of one command: seconds, and those of all its processes on a processor."""

    seconds: float
    cpu: float


@dataclass(slots=True)
class Series:
    """All runs of one program in one size, by what was run. ``state`` is the size of its state in bytes."""

    resources: int = 0
    state: int = 0
    runs: dict[str, list[Run]] = field(default_factory=dict[str, list[Run]])

    def add(self, what: str, run: Run) -> None:
        self.runs.setdefault(what, []).append(run)

    def median(self, what: str) -> Run:
        runs = self.runs[what]
        return Run(statistics.median(run.seconds for run in runs), statistics.median(run.cpu for run in runs))


@contextmanager
def project() -> Iterator[PulumiProject]:
    with tempfile.TemporaryDirectory(prefix="bench-updates-") as folder:
        yield PulumiProject(Path(folder), ENVIRONMENT)


def configuration(kind: str, namespaces: int) -> dict[str, Any]:
    content = yaml.safe_load((ROOT / "stacks" / f"Pulumi.{STACKS[kind]}.yaml").read_text())
    named = [{"name": f"mendix-app-{index:04}"} for index in range(namespaces)]
    return {**content["config"], "mendix-registry:namespaces": named}


def timed(made: PulumiProject, *arguments: str, **environment: str) -> Run:
    began, before = time.monotonic(), _cpu()
    made.run(*arguments, environment=environment)
    return Run(time.monotonic() - began, _cpu() - before)


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def state_of(made: PulumiProject, stack: str) -> Path:
    return next((made.root / "state" / ".pulumi" / "stacks").glob(f"*/{stack}.json"))


def count_resources(state: Path) -> int:
    """Without the stack itself."""
    return len(json.loads(state.read_text())["checkpoint"]["latest"]["resources"]) - 1


def measure(config: Mapping[str, Any], rounds: int, *, checkpoints: bool, floor: int = 0) -> Series:
    """``floor`` is the number of trivial resources to register instead of the project's. ``checkpoints``: with them too."""
    series = Series()
    for _ in range(rounds):
        with project() as made:
            if floor:
                made.install("bench", "1.0.0")
                made.program((PROGRAMS / "many" / "__main__.py").read_text())
                made.environment["BENCH_RESOURCES"] = str(floor)
            for stack in ("with", "without"):
                made.stack(stack, config)
            if checkpoints:
                series.add(FIRST, timed(made, "preview", "--stack", "with"))
                series.add(UP, timed(made, "up", "--yes", "--skip-preview", "--stack", "with"))
            series.add(FIRST_WITHOUT, timed(made, "preview", "--stack", "without", **WITHOUT))
            series.add(UP_WITHOUT, timed(made, "up", "--yes", "--skip-preview", "--stack", "without", **WITHOUT))
            series.add(UNCHANGED, timed(made, "preview", "--expect-no-changes", "--stack", "without"))
            state = state_of(made, "without")
            series.resources, series.state = count_resources(state), state.stat().st_size
    return series


def print_series(kind: str, namespaces: int, found: Series, floor: Series) -> None:
    for what in (FIRST, FIRST_WITHOUT, UP, UP_WITHOUT, UNCHANGED):
        if what not in found.runs:
            continue
        all_seconds = [run.seconds for run in found.runs[what]]
        middle, least = found.median(what), floor.median(what)
        spread = f"{min(all_seconds):.1f}-{max(all_seconds):.1f}" if all_seconds[1:] else ""
        print(
            f"{kind:<11} {namespaces:>5} {found.resources:>9} {found.state / 1e6:>5.1f}  {what:<22} {middle.seconds:>7.1f} "
            f"{spread:>11} {middle.cpu:>6.1f} {middle.seconds / namespaces:>9.2f} {least.seconds:>8.1f} "
            f"{middle.seconds / least.seconds:>7.2f} {middle.cpu / least.cpu:>7.2f}",
            flush=True,
        )


def writes(kind: str, namespaces: int) -> int:
    """How often a first `up` writes the state."""
    with project() as made:
        made.stack("counted", configuration(kind, namespaces))
        made.run(
            *("up", "--yes", "--skip-preview", "--stack", "counted"), environment={"PULUMI_RETAIN_CHECKPOINTS": "true"}
        )
        return len(list(state_of(made, "counted").parent.glob("counted.json.[0-9]*")))


def sample(kind: str, namespaces: int) -> dict[str, Any]:
    """Where the program is during a first preview."""
    with project() as made:
        made.stack("sampled", configuration(kind, namespaces))
        (made.root / "__main__.py").unlink()
        (made.root / "__main__.py").write_text((PROGRAMS / "sampled" / "__main__.py").read_text())
        out = made.root / "samples.json"
        asked = {"BENCH_SAMPLES": str(out), "BENCH_ROOT": str(ROOT)}
        made.run("preview", "--stack", "sampled", environment={**asked, **WITHOUT})
        return json.loads(out.read_text())


def print_samples(kind: str, found: Mapping[str, Any]) -> None:
    samples: Mapping[str, int] = found["samples"]
    ours, sdk, waiting = (samples.get(whose, 0) for whose in ("ours", "SDK", "waiting"))
    busy = ours + sdk
    print(
        f"  {kind:<12} ours {100 * ours / busy:.1f} %, the SDK's {100 * sdk / busy:.1f} %; "
        f"beside that it waits {100 * waiting / (busy + waiting):.0f} % of the time"
    )
    for place, hits in found["places"][:4]:
        print(f"    {100 * hits / busy:5.1f} %  {place}")


def main(sizes: Sequence[int], most_checkpoints: int, kinds: Sequence[str]) -> None:
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    print(
        f"machine: {os.cpu_count()} cores, {int(memory.split()[1]) / 2**20:.0f} GiB, Python {sys.version.split()[0]}, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    columns = ("kind", "names", "resources", "MB", "", "seconds", "from-to", "CPU s", "s / name", "floor s", "x floor")
    print("{:<11} {:>5} {:>9} {:>5}  {:<22} {:>7} {:>11} {:>6} {:>9} {:>8} {:>7} {:>7}".format(*columns, "x CPU"))
    checkpointed: list[tuple[str, int, Series]] = []
    for namespaces in sizes:
        rounds, checkpoints = ROUNDS.get(namespaces, 1), namespaces <= most_checkpoints
        found = {kind: measure(configuration(kind, namespaces), rounds, checkpoints=checkpoints) for kind in kinds}
        # The kinds have as many resources within a hundredth.
        most = max(series.resources for series in found.values())
        floor = measure({}, rounds, checkpoints=checkpoints, floor=most)
        for kind, series in found.items():
            print_series(kind, namespaces, series, floor)
            if checkpoints:
                checkpointed.append((kind, namespaces, series))
    fewer, more = COUNTED
    each = {kind: (writes(kind, more) - writes(kind, fewer)) / (more - fewer) for kind in kinds}
    print("a first up writes the state (of which the size is on average half of the last)")
    for kind, namespaces, series in checkpointed:
        count = each[kind] * namespaces
        seconds = series.median(UP).seconds - series.median(UP_WITHOUT).seconds
        megabytes = series.state / 2e6
        print(
            f"  {kind:<11} {namespaces:>5} namespaces: {each[kind]:g} times for each, {megabytes:.1f} MB, "
            f"{1000 * seconds / count:.0f} ms, {1000 * seconds / count / megabytes:.0f} ms for each MB"
        )
    print(f"whose code the program is in, first preview of {SAMPLED} namespaces:")
    for kind in STACKS:
        print_samples(kind, sample(kind, SAMPLED))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--namespaces", type=int, nargs="+", default=[10, 30, 100, 300])
    parser.add_argument("--checkpoints-up-to", type=int, default=100, metavar="NAMESPACES")
    parser.add_argument("--kinds", nargs="+", choices=TIMED, default=TIMED)
    options = parser.parse_args()
    main(options.namespaces, options.checkpoints_up_to, options.kinds)
