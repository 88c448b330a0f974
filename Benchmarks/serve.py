"""How many responses a second `assay serve` scores, for one client and for many at once.

    python3 Benchmarks/serve.py --model MODEL --data rows.jsonl [--clients 1,32] [--requests 256]

The rows are those of `assay score`. Every client sends one row a request, the next when the last is
answered, over one connection; the same rows in one request stand beside it. Rounds alternate
between the numbers of clients; told is the median.
"""

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import threading
import time


def post(connection, path, body):
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        sys.exit(f"status {answer.status}: {text.decode()}")
    return json.loads(text)


def run(port, rows, clients):
    """Returns the seconds that the rows take."""
    left = list(reversed(rows))
    lock = threading.Lock()

    def work():
        connection = http.client.HTTPConnection("127.0.0.1", port)
        while True:
            with lock:
                if not left:
                    return
                row = left.pop()
            post(connection, "/v1/rewards", row)

    threads = [threading.Thread(target=work) for _ in range(clients)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--assay", default=".build/release/assay")
    parser.add_argument("--model", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--clients", default="1,32")
    parser.add_argument("--requests", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    with open(arguments.data) as file:
        rows = [json.loads(line) for line in file if line.strip()]
    rows = [rows[index % len(rows)] for index in range(arguments.requests)]
    command = [arguments.assay, "serve", "--model", arguments.model, "--port", "0", "--json",
               "--quiet", "--threads", str(arguments.threads)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        ready = json.loads(server.stdout.readline())
        counts = [int(count) for count in arguments.clients.split(",")]
        run(ready["port"], rows, max(counts))  # warms up
        seconds = {count: [] for count in counts}
        together = []
        for _ in range(arguments.rounds):
            for count in counts:
                seconds[count].append(run(ready["port"], rows, count))
            start = time.perf_counter()
            connection = http.client.HTTPConnection("127.0.0.1", ready["port"])
            post(connection, "/v1/rewards", rows)
            together.append(time.perf_counter() - start)
        result = {
            "bench": "serve", "model": ready["model"], "kind": ready["kind"],
            "threads": arguments.threads, "requests": len(rows), "rounds": arguments.rounds,
            "responses_per_s": {
                count: round(len(rows) / statistics.median(values), 1)
                for count, values in seconds.items()
            },
            "one_request_responses_per_s": round(len(rows) / statistics.median(together), 1),
        }
        print(json.dumps(result))
    finally:
        server.terminate()
        server.wait()


main()
