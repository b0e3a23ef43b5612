"""The project's own program, with a look at its main thread every five milliseconds: whose code is it in?

A sample belongs to the innermost frame that is ours (``components/``) or the SDKs'; what either calls (pydantic, JSON, protobuf) is
counted to its caller. The SDK's calls on other threads are not seen, so our share is reported too large rather than too small.
"""

import json
import os
import runpy
import sys
import threading
import time
from collections import Counter
from pathlib import Path

ROOT = Path(os.environ["BENCH_ROOT"])
OURS, SDK = f"{ROOT}/components/", f"{os.sep}site-packages{os.sep}pulumi"
samples: Counter[str] = Counter()
places: Counter[str] = Counter()


def look(frame) -> None:
    inner = frame
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(OURS):
            samples["ours"] += 1
            places[f"{name.removeprefix(str(ROOT) + '/')}:{frame.f_code.co_name}"] += 1
            return
        if SDK in name:
            samples["SDK"] += 1
            return
        frame = frame.f_back
    samples["waiting" if inner.f_code.co_name == "select" else "SDK"] += 1


def watch(main: int, out: Path) -> None:
    last = time.monotonic()
    while True:
        time.sleep(0.005)
        look(sys._current_frames()[main])
        if time.monotonic() - last > 0.2:
            last = time.monotonic()
            out.with_suffix(".part").write_text(json.dumps({"samples": samples, "places": places.most_common(8)}))
            out.with_suffix(".part").replace(out)


threading.Thread(
    target=watch, args=(threading.main_thread().ident, Path(os.environ["BENCH_SAMPLES"])), daemon=True
).start()
sys.path.insert(0, str(ROOT))
runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")
