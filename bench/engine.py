"""Engine time and memory beside the SDK's own floor: `python bench/engine.py [RESOURCES …]`.

The floor is the same program, run by the same runner, against a monitor that answers at once and keeps nothing. Both
are measured in turn in one run, each in a fresh process, so that a ratio holds on a machine whose speed drifts. CPU seconds
are those of the engine (or the floor's monitor) and of its children, program and plugin; they hold on a busy machine too.

Both run as an update does, scheduled for throughput (`rehearsal/engine/scheduling.py`): that took a seventh of the floor's time
away and a sixth of the engine's.

What was tried on the floor, 2,000 resources, 2 cores: byte code of the SDK that is there (4 times as fast as without); source
positions by one frame instead of the SDK's whole stack (a fifth of the program's CPU); the wait for outputs in linear time and
debug messages dropped (see `run_program.py`). Without effect, within a tenth: a threaded server of 1, 4 or 16 threads instead
of the asyncio one, 4 or 64 parallel calls instead of 16, a Unix socket, the interpreter's switch interval, uvloop, gRPC's event
engine switched off.

And on the engine, at 10,000 resources (by trials whose figures this benchmark does not print): about a fifth of its CPU for a
resource are its own decisions, properties and journal; the rest is three gRPC calls, one served and two made, and what they
wake. A call costs nearly three times as much where two are under way as where sixteen are: but a program that waits for its
interpreter's lock seldom has more than four at the engine, of the sixteen that it may. Without effect: gathering calls for 0.1 to
2 ms (slower), gRPC's lower, private interface, its minimal stack, retries or bandwidth probes switched off, 32 to 128 parallel
calls (at most a twentieth), encoders and copies of the engine's own (a fiftieth). A synchronous client costs more (2.2 times the
CPU on threads, 1.3 times by futures).

The provider agrees to everything at once. It is measured as a Go program, which the clouds' real providers are, and as a
Python program, which the rehearsal's own are: there program, engine and provider share the processors as Pythons.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROGRAM = ROOT / "bench" / "programs" / "many"
PYTHON_PLUGIN = ROOT / "bench" / "plugin" / "pulumi-resource-bench"
FLOOR = "SDK floor"
ROWS = {
    ("floor", "go"): FLOOR,
    ("up", "go"): "first up, Go provider",
    ("preview", "go"): "unchanged preview, Go provider",
    ("up", "python"): "first up, Python provider",
    ("preview", "python"): "unchanged preview, Python provider",
}
sys.path.insert(0, str(ROOT))


async def floor() -> None:
    """Run the program against a monitor that keeps nothing."""
    from floor import run_at_floor

    from rehearsal.engine.program.process import ProgramSettings

    await run_at_floor(ProgramSettings(PROGRAM, PROGRAM, "many", "bench", {}, (), dict(os.environ), 16, False))


def go_plugin() -> Path:
    """The provider's executable, from the cache if it was built before."""
    from rehearsal.cluster.build import GoProgram, ensure_program
    from rehearsal.cluster.paths import cache_directory

    program = GoProgram("pulumi-resource-bench", ROOT / "bench" / "plugin" / "go", described="the benchmark's provider")
    return ensure_program(program, cache_directory(), lambda _: None)


async def engine(kind: str, home: Path, plugin: Path) -> None:
    """Run the program against the engine."""
    from rehearsal.engine import Update, run_update
    from rehearsal.engine.project import load_project

    # As the CLI does: it names the plugins that a stack will need by the place its registry is in.
    update = Update(load_project(PROGRAM), "bench", kind, home, stand_ins={"bench": plugin}, expected=("bench",))  # type: ignore[arg-type]
    finished = await run_update(update, lambda event: None)
    if not finished.ok:
        raise SystemExit(finished.error)


def one(what: str, count: int, home: Path, plugin: Path) -> dict[str, float]:
    """Seconds and peak memory of one run in a process of its own."""
    environment = {
        **os.environ,
        "BENCH_RESOURCES": str(count),
        "PULUMI_CONFIG_PASSPHRASE": "bench",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    command = [sys.executable, __file__, "--run", what, str(home), str(plugin)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise SystemExit(done.stdout + done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main(counts: list[int]) -> None:
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    print(f"machine: {os.cpu_count()} cores, {int(memory.split()[1]) / 2**20:.0f} GiB, Python {sys.version.split()[0]}")
    print(
        f"{'resources':>9}  {'what':<34} {'seconds':>8} {'x floor':>8} {'CPU s':>7} {'x floor':>8} {'engine CPU':>11} "
        f"{'engine MB':>10} {'children MB':>12}"
    )
    plugins = {"go": go_plugin(), "python": PYTHON_PLUGIN}
    medians: dict[tuple[int, str, str], float] = {}
    for count in counts:
        rounds = 3 if count <= 1000 else 1
        results: dict[str, list[dict[str, float]]] = {label: [] for label in ROWS.values()}
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                for (what, language), label in ROWS.items():
                    results[label].append(one(what, count, Path(folder, language), plugins[language]))

        def middle(label: str, key: str, results: dict[str, list[dict[str, float]]] = results) -> float:
            return statistics.median(item[key] for item in results[label])

        floor_cpu = middle(FLOOR, "own_cpu") + middle(FLOOR, "children_cpu")
        for label in ROWS.values():
            medians[count, label, "seconds"] = seconds = middle(label, "seconds")
            medians[count, label, "cpu"] = cpu = middle(label, "own_cpu") + middle(label, "children_cpu")
            own, children = (max(item[key] for item in results[label]) for key in ("own_mb", "children_mb"))
            print(
                f"{count:>9}  {label:<34} {seconds:>8.2f} {seconds / middle(FLOOR, 'seconds'):>8.2f} {cpu:>7.2f} "
                f"{cpu / floor_cpu:>8.2f} {middle(label, 'own_cpu'):>11.2f} {own:>10.0f} {children:>12.0f}",
                flush=True,
            )
    if len(counts) > 1:
        first, last = counts[0], counts[-1]
        for label in ROWS.values():
            seconds, cpu = (medians[last, label, key] / medians[first, label, key] for key in ("seconds", "cpu"))
            print(
                f"{last // first} times the resources, {label}: {seconds:.1f} times the time, {cpu:.1f} times the CPU"
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        began = time.monotonic()
        what, home, plugin = sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
        asyncio.run(floor() if what == "floor" else engine(what, home, plugin))
        figures = {"seconds": time.monotonic() - began}
        for name, who in (("own", resource.RUSAGE_SELF), ("children", resource.RUSAGE_CHILDREN)):
            usage = resource.getrusage(who)
            figures[f"{name}_mb"] = usage.ru_maxrss / 1024
            figures[f"{name}_cpu"] = usage.ru_utime + usage.ru_stime
        print(json.dumps(figures))
    else:
        main([int(item) for item in sys.argv[1:]] or [1_000, 10_000])
        shutil.rmtree(PROGRAM / "__pycache__", ignore_errors=True)
