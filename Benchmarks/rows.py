#!/usr/bin/env python3
"""How long a training waits for its first batch where its pairs are read while they are learnt, and what memory it
takes, whatever the file's size.

  python3 Benchmarks/rows.py --base base --data ten_million.parquet
  python3 Benchmarks/rows.py --base base --rows 10000000 --duckdb duckdb    # makes such a file first

--base is a model folder; an adapter is trained beside it, so that memory is that of reading more than of training.
Prints one JSON line: seconds from the start of `assay` to the start of training and to the end of the first step, the
most that was resident, and that of DuckDB, which reads Parquet in a process of its own.
"""

import argparse
import json
import os
import subprocess
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROWS = """COPY (SELECT i::VARCHAR AS id, 'What is ' || i || ' plus ' || (i * 7) % 1000 || '?' AS prompt,
'The sum is ' || (i + (i * 7) % 1000) || ', since both are added.' AS chosen,
'It may be ' || (i * 13) % 100000 || ', but that is not known here.' AS rejected
FROM range({rows}) numbers(i)) TO '{path}' (FORMAT parquet)"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--base", required=True, help="a model folder")
    parser.add_argument("--data", help="pairs; default: a file of --rows is made")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--duckdb", default=os.environ.get("ASSAY_DUCKDB", "duckdb"))
    parser.add_argument("--assay", default=str(HERE.parent / ".build" / "release" / "assay"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--window", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        data = arguments.data
        if data is None:
            data = str(folder / "pairs.parquet")
            subprocess.run([arguments.duckdb, "-c", ROWS.format(rows=arguments.rows, path=data)], check=True,
                           stdout=subprocess.DEVNULL)
        print(json.dumps({"bench": "rows", "threads": arguments.threads, "window": arguments.window,
                          "file_mib": os.path.getsize(data) >> 20, **measured(arguments, folder, data)}))


def measured(arguments, folder, data):
    recipe = {"method": "classic", "model": str(Path(arguments.base).resolve()),
              "data": {"train": data, "window": arguments.window},
              "compute": {"steps": arguments.steps, "dtype": "bf16", "adapter": {"rank": 8}},
              "classic": {"batch_pairs": 4}}
    path = folder / "recipe.yaml"
    path.write_text(json.dumps(recipe))  # JSON is YAML
    metrics = folder / "run" / "01-classic" / "metrics.jsonl"
    started = time.perf_counter()
    program = subprocess.Popen(
        [arguments.assay, "train", str(path), "--out", str(folder / "run"), "--threads", str(arguments.threads),
         "--quiet"], stdout=subprocess.DEVNULL, env={**os.environ, "ASSAY_DUCKDB": arguments.duckdb})
    seen = {"duckdb_mib": 0}
    watcher = threading.Thread(target=watch, args=(program, metrics, started, seen))
    watcher.start()
    _, status, usage = os.wait4(program.pid, 0)
    program.returncode = os.waitstatus_to_exitcode(status)
    watcher.join()
    return {"exit": program.returncode, **seen, "assay_mib": usage.ru_maxrss >> 10}


def watch(program, metrics, started, seen):
    """Looks when the first step is there, and how large DuckDB grows."""
    while program.returncode is None:
        seconds = round(time.perf_counter() - started, 2)
        if metrics.exists():
            seen.setdefault("training_s", seconds)
            if metrics.stat().st_size > 0:
                seen.setdefault("first_step_s", seconds)
        for child in children(program.pid):
            seen["duckdb_mib"] = max(seen["duckdb_mib"], resident(child))
        time.sleep(0.02)


def children(process):
    found = []
    for thread in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found += thread.read_text().split()
        except OSError:
            pass  # it ended
    return found


def resident(process):
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM")), 0)


if __name__ == "__main__":
    main()
