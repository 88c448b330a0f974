#!/usr/bin/env python3
"""What reading beginnings once saves in training: CLoud's joint step on pairs with a long prompt and two critiques
of each response, with `compute.share_prefixes` and without, in turn.

  python3 Benchmarks/shared_prefix.py --base base
  python3 Benchmarks/shared_prefix.py --base base --dtype bf16 --prompt 400 --response 100 --critique 60

--base is a model folder with a chat template. Texts are random words of one token each, about. Prints one JSON
line: milliseconds of a step either way, their ratio, and how far the losses are apart.
"""

import argparse
import json
import random
import statistics
import subprocess
import tempfile
from pathlib import Path

from reward import wall_times

HERE = Path(__file__).resolve().parent
WORDS = "the a of to and in that it is was for on are as with his they at be this from have or by one had not".split()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--base", required=True, help="a model folder")
    parser.add_argument("--assay", default=str(HERE.parent / ".build" / "release" / "assay"))
    parser.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--prompt", type=int, default=400, help="words of a prompt")
    parser.add_argument("--response", type=int, default=100, help="words of a response")
    parser.add_argument("--critique", type=int, default=60, help="words of a critique")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write_pairs(arguments, folder / "pairs.jsonl")
        rounds = [
            {shares: run(arguments, folder, number, shares) for shares in (False, True)}
            for number in range(arguments.rounds)]
    losses = [rounds[0][shares][1] for shares in (False, True)]
    ratios = [each[False][0] / each[True][0] for each in rounds]
    print(json.dumps({
        "bench": "shared-prefix", "dtype": arguments.dtype, "threads": arguments.threads,
        "unshared_step_ms": round(1e3 * statistics.median(each[False][0] for each in rounds), 1),
        "shared_step_ms": round(1e3 * statistics.median(each[True][0] for each in rounds), 1),
        "ratio": round(statistics.median(ratios), 3), "ratios": [round(ratio, 3) for ratio in ratios],
        "largest_loss_difference": max(abs(a - b) for a, b in zip(*losses))}))


def write_pairs(arguments, path):
    """Two rows a pair, with other critiques, one behind the other."""
    source = random.Random(1)

    def text(count):
        return " ".join(source.choice(WORDS) for _ in range(count))

    with open(path, "w", encoding="utf-8") as file:
        for pair in range(2 * arguments.steps):
            row = {"prompt": text(arguments.prompt), "chosen": text(arguments.response),
                   "rejected": text(arguments.response)}
            for critique in range(2):
                file.write(json.dumps({
                    "id": f"{pair}-{critique}", **row, "chosen_critique": text(arguments.critique),
                    "rejected_critique": text(arguments.critique)}) + "\n")


def run(arguments, folder, number, shares):
    """Seconds of a step of the joint training, the first one left out, and the losses."""
    out = folder / f"{number}-{shares}"
    recipe = {
        "method": "cloud", "model": str(Path(arguments.base).resolve()),
        "data": {"train": str(folder / "pairs.jsonl"), "shuffle": False},
        "compute": {"dtype": arguments.dtype, "share_prefixes": shares, "steps": 2 * arguments.steps,
                    "checkpoint_steps": 1000000},
        "critique": {"batch_responses": 1, "critique_tokens": 2 * arguments.critique},
        "cloud": {"on_policy": False, "batch_pairs": 2}}
    path = folder / f"{number}-{shares}.yaml"
    path.write_text(json.dumps(recipe))  # JSON is YAML
    subprocess.run(
        [arguments.assay, "train", str(path), "--out", str(out), "--threads", str(arguments.threads), "--quiet"],
        check=True, stdout=subprocess.DEVNULL)
    stage = out / "02-cloud"
    times = wall_times(stage / "tensorboard")
    losses = [json.loads(line)["loss"] for line in open(stage / "metrics.jsonl")]
    return statistics.median(after - before for before, after in zip(times[1:], times[2:])), losses


if __name__ == "__main__":
    main()
