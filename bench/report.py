"""Time and peak memory of ``mendix-registry-report`` on large previews: `python bench/report.py [MEGABYTES]`.

One lists a fleet's unchanged namespaces (``--show-sames``), one creates them all. The command runs as users run it, in a separate
process; comment and page are both written. Then, where Chromium is installed: how long the page of 1,000 namespaces
x 3 stacks takes from opening until the map is drawn, and until a filter has been applied to all of it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "report"))


def write_preview(folder: Path, megabytes: float, op: str) -> Path:
    """A preview of about this size, in which ``op`` happens to almost all namespaces."""
    import previews

    one = len(json.dumps(previews.fleet(100, 1, op)[0], indent=4))
    path = folder / f"{op}.json"
    path.write_text(json.dumps(previews.fleet(round(100 * megabytes * 1e6 / one) + 1, 1, op)[0], indent=4))
    return path


RUN = """
import json, resource, subprocess, sys, time
began = time.monotonic()
subprocess.run(sys.argv[1:], check=True)
seconds = time.monotonic() - began
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]))
"""


def measure(preview: Path) -> tuple[float, float, float]:
    """Seconds, of these on a processor, and peak memory in MB of one run."""
    report = str(Path(sys.executable).with_name("mendix-registry-report"))
    outputs = ["--comment", str(preview.with_suffix(".md")), "--page", str(preview.with_suffix(".html"))]
    command = [sys.executable, "-c", RUN, report, str(preview), *outputs]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    seconds, busy, peak = json.loads(done.stdout)
    return seconds, busy, peak


def open_page(folder: Path) -> None:
    """Prints how long a large page takes in a browser."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("page: not opened, for there is no Chromium ('make chromium' installs it)")
        return
    import previews
    from playwright.sync_api import sync_playwright

    files: list[str] = []
    for number, document in enumerate(previews.fleet(1_000, 3)):
        files.append(str(folder / f"{number}.json"))
        Path(files[-1]).write_text(json.dumps(document))
    page_file = folder / "fleet.html"
    report = str(Path(sys.executable).with_name("mendix-registry-report"))
    subprocess.run([report, *files, "--page", str(page_file)], check=True)  # noqa: S603
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened: list[float] = []
        filtered: list[float] = []
        for _ in range(3):
            page = browser.new_page()
            began = time.monotonic()
            page.goto(page_file.as_uri())
            page.wait_for_selector("html[data-ready]")
            page.screenshot()  # not before it is painted
            opened.append(time.monotonic() - began)
            began = time.monotonic()
            page.fill("#filter", "fleet-2 team-0999")
            page.wait_for_function("document.getElementById('count').textContent.startsWith('1 of')")
            filtered.append(time.monotonic() - began)
            page.close()
        browser.close()
    print(
        f"page of 3,000 namespaces: drawn after {min(opened):.2f} s (worst {max(opened):.2f}, limit 2 s), "
        f"filtered in {min(filtered):.2f} s (worst {max(filtered):.2f})"
    )


def main(megabytes: float) -> None:
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    total = int(memory.split()[1]) / 2**20
    print(f"machine: {os.cpu_count()} cores, {total:.0f} GiB, Python {sys.version.split()[0]}")
    print("limits: 3 s, 300 MB; busy is time on a processor")
    columns = ("preview", "MB", "best s", "worst s", "busy s", "peak MB", "comment", "page")
    print("{:<16} {:>6} {:>7} {:>8} {:>7} {:>8} {:>9} {:>11}".format(*columns))
    with tempfile.TemporaryDirectory() as folder:
        for op, label in (("same", "mostly unchanged"), ("create", "all created")):
            preview = write_preview(Path(folder), megabytes, op)
            runs = [measure(preview) for _ in range(3)]
            sizes = [preview.with_suffix(suffix).stat().st_size for suffix in (".md", ".html")]
            best, worst = min(runs)[0], max(runs)[0]
            busy, peak = min(busy for _, busy, _ in runs), max(peak for _, _, peak in runs)
            print(
                f"{label:<16} {preview.stat().st_size / 1e6:>6.1f} {best:>7.2f} {worst:>8.2f} {busy:>7.2f} {peak:>8.0f} "
                f"{sizes[0]:>9,} {sizes[1]:>11,}",
                flush=True,
            )
        open_page(Path(folder))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 20)
