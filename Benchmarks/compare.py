#!/usr/bin/env python3
"""Measures Assay and transformers in turn, A B A B, and prints the medians and their ratio.

Taking turns keeps a machine that slows down or is shared from favouring one side; the ratio is
taken within each round. Run it with the Python that has torch and transformers:

  python Benchmarks/compare.py --data pairs.jsonl
  python Benchmarks/compare.py --rows train-s-f32 train-s-bf16 --rounds 7

Prints a Markdown table; with --json also every result line. Needs `make build` first.
"""

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import List, NamedTuple

FOLDER = Path(__file__).resolve().parent
ASSAY = FOLDER.parent / ".build" / "release" / "assay"


class Row(NamedTuple):
    name: str
    ours: List[str]
    peer: List[str]


def rows(arguments, folder):
    for shape, dtype in (("s", "f32"), ("s", "bf16"), ("m", "f32"), ("m", "bf16")):
        options = ["--shape", shape, "--dtype", dtype]
        yield Row("train-%s-%s" % (shape, dtype), ["train"] + options, ["peer_train.py"] + options)
    if arguments.data:
        options = ["--shape", "m", "--dtype", "bf16", "--data"]
        pairs, ids = str(folder / "pairs.jsonl"), str(folder / "ids.jsonl")
        # Ours writes the token ids it trains on; the peer, which runs second, reads them.
        yield Row(
            "train-real-bf16", ["train"] + options + [pairs, "--write-ids", ids],
            ["peer_train.py"] + options + [ids])
    for shape, prompts, samples in (("s", "16", "16"), ("s", "64", "1"), ("q", "4", "4")):
        options = ["--shape", shape, "--prompts", prompts, "--samples", samples]
        yield Row(
            "generate-%s-%sx%s" % (shape, prompts, samples), ["generate"] + options,
            ["peer_generate.py"] + options)


def main():
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments.data:
            with open(arguments.data) as file:
                first = "".join(itertools.islice(file, arguments.pairs))
            (folder / "pairs.jsonl").write_text(first)
        known = {row.name: row for row in rows(arguments, folder)}
        chosen = arguments.rows or [name for name in known if name.startswith("train")]
        unknown = [name for name in chosen if name not in known]
        if unknown:
            sys.exit("compare: no row %s; there are %s (train-real-bf16 needs --data)."
                     % (", ".join(unknown), ", ".join(known)))
        print("| row | Assay, tokens/s | transformers, tokens/s | ratio (lowest to highest) |")
        print("| --- | --- | --- | --- |")
        for name in chosen:
            print_row(arguments, known[name])


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", nargs="+", help="default: all train rows")
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--threads", default="2", help="default: 2")
    parser.add_argument("--device", help="cpu or cuda; give it where there is a GPU")
    parser.add_argument("--data", help="pairs for the row of real pairs, JSON Lines")
    parser.add_argument(
        "--pairs", type=int, default=160, help="of --data, the first N (default: 160)")
    parser.add_argument("--assay", default=str(ASSAY), help="the binary")
    parser.add_argument("--json", action="store_true", help="also print every result line")
    return parser.parse_args()


def print_row(arguments, row):
    common = ["--threads", arguments.threads]
    common += ["--device", arguments.device] if arguments.device else []
    script = [sys.executable, str(FOLDER / row.peer[0])] + row.peer[1:]
    ours, peer = [], []
    for _ in range(arguments.rounds):
        ours.append(run(arguments, [arguments.assay, "bench"] + row.ours + common))
        peer.append(run(arguments, script + common))
    ratios = [a / b for a, b in zip(ours, peer)]
    print("| %s | %.0f | %.0f | %.2f (%.2f to %.2f) |" % (
        row.name, statistics.median(ours), statistics.median(peer), statistics.median(ratios),
        min(ratios), max(ratios)), flush=True)


def run(arguments, command):
    """Runs one measurement and returns its tokens a second."""
    result = subprocess.run(command, stdout=subprocess.PIPE, universal_newlines=True)
    if result.returncode != 0:
        sys.exit("compare: `%s` ended with status %d." % (" ".join(command), result.returncode))
    line = result.stdout.strip().split("\n")[-1]
    if arguments.json:
        print(line, file=sys.stderr, flush=True)
    try:
        return json.loads(line)["tokens_per_s"]
    except ValueError:
        sys.exit("compare: `%s` printed no JSON line: %s" % (" ".join(command), line))


if __name__ == "__main__":
    main()
