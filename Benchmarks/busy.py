#!/usr/bin/env python3
"""How much of its quiet speed Assay keeps on a machine that others use as well.

    python3 Benchmarks/busy.py [--before OTHER_ASSAY] [--neighbours 0,1,3] [--rounds 5]
    python3 Benchmarks/busy.py --work serve --model MODEL --data rows.jsonl

Neighbours are empty loops of a shell, one a process, which each keep a core busy; this script starts
and stops them. Binaries and numbers of neighbours take turns in each round; told are medians, and
shares of the quiet speed. The work: `train` and `generate` (shape s, float32), `pair` (two trainings
side by side, their sum), and `serve` (the 99th percentile of requests of eight clients, in ms).
The machine must be free of anything else.
"""

import argparse
import contextlib
import http.client
import json
import signal
import statistics
import subprocess
import sys
import threading
import time

CLIENTS = 8


def bench(binary, arguments, name):
    """Starts one benchmark."""
    command = [binary, "bench", name, "--shape", "s", "--quiet",
               "--repeats", str(arguments.repeats), "--threads", str(arguments.threads)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def speed(process):
    """Waits for a benchmark; returns its tokens a second."""
    output, _ = process.communicate()
    return json.loads(output)["tokens_per_s"]


def train(binary, arguments):
    return speed(bench(binary, arguments, "train"))


def generate(binary, arguments):
    return speed(bench(binary, arguments, "generate"))


def pair(binary, arguments):
    both = [bench(binary, arguments, "train") for _ in range(2)]
    return sum(speed(process) for process in both)


def serve(binary, arguments):
    """Returns the 99th percentile of the milliseconds that requests of one row take."""
    with open(arguments.data) as file:
        rows = [json.loads(line) for line in file if line.strip()]
    rows = [rows[index % len(rows)] for index in range(arguments.requests)]
    command = [binary, "serve", "--model", arguments.model, "--port", "0", "--json", "--quiet",
               "--threads", str(arguments.threads)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        port = json.loads(server.stdout.readline())["port"]
        ask(port, rows[:2 * CLIENTS])  # warms up
        return statistics.quantiles(ask(port, rows), n=100)[98]
    finally:
        server.terminate()
        server.wait()


def ask(port, rows):
    """Returns the milliseconds of every request; each client sends its next behind the last answer."""
    left, times, lock = list(reversed(rows)), [], threading.Lock()

    def client():
        connection = http.client.HTTPConnection("127.0.0.1", port)
        while True:
            with lock:
                if not left:
                    return
                row = left.pop()
            start = time.perf_counter()
            connection.request("POST", "/v1/rewards", json.dumps(row),
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"status {answer.status}: {text.decode()}")
            with lock:
                times.append(1000 * (time.perf_counter() - start))

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


WORK = {"train": train, "generate": generate, "pair": pair, "serve": serve}


@contextlib.contextmanager
def neighbours(count):
    running = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--assay", default=".build/release/assay")
    parser.add_argument("--before", help="another binary to compare with")
    parser.add_argument("--work", default="train,generate")
    parser.add_argument("--neighbours", default="0,1,3")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=1, help="of a benchmark in one round")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", help="what is served")
    parser.add_argument("--data", help="rows that are scored")
    parser.add_argument("--requests", type=int, default=256)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # neighbours are stopped then, too
    binaries = {"now": arguments.assay}
    if arguments.before:
        binaries = {"before": arguments.before, "now": arguments.assay}
    counts = [int(count) for count in arguments.neighbours.split(",")]
    works = arguments.work.split(",")
    figures = {}
    for _ in range(arguments.rounds):
        for work in works:
            for count in counts:
                with neighbours(count):
                    for name, binary in binaries.items():
                        figure = WORK[work](binary, arguments)
                        figures.setdefault((work, name, count), []).append(figure)
    print("| work | binary | neighbours | median | lowest | highest | of the quiet |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for (work, name, count), values in figures.items():
        median = statistics.median(values)
        quiet = statistics.median(figures.get((work, name, 0), [0]))
        share = f"{median / quiet:.2f}" if quiet else ""
        print(f"| {work} | {name} | {count} | {median:.0f} | {min(values):.0f} "
              f"| {max(values):.0f} | {share} |")
    print(json.dumps([{"work": work, "binary": name, "neighbours": count, "figures": values}
                      for (work, name, count), values in figures.items()]))


if __name__ == "__main__":
    main()
