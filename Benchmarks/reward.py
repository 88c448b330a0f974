#!/usr/bin/env python3
"""Trains a classic reward model on real pairs with Assay and with TRL in turn: same pairs, order, template,
head, rate and steps. Prints how far apart the losses are, and tokens a second; with --test the accuracy of both
trained models with 95 % intervals, and how far apart Assay's and transformers' scores of each of them are.

  python Benchmarks/reward.py --base base --data train.jsonl --steps 50            # losses in f32
  python Benchmarks/reward.py --base base --data train.jsonl --dtype bf16 --steps 30 --rounds 3
  python Benchmarks/reward.py --base base --data train.jsonl --rank 16 --rate 1e-4 --test test.jsonl

--base is a model folder, such as `assay export --layout full` writes of `assay pull smollm2`. The Python is
that of --python or ASSAY_PEERS_PYTHON, with torch==2.11.0, transformers, trl and peft. In bf16 TRL runs with
weights in bf16 and under autocast; the faster one counts. TRL recomputes no activations (its default does).
The first step of a side warms up and is not timed. Close other programs first. Scores are float32; Assay's model is
read by transformers (an adapter by PEFT), and TRL's, as it saves it, by Assay.
"""

import argparse
import json
import os
import random
import statistics
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--base", required=True, help="a model folder")
    parser.add_argument("--data", required=True, help="pairs, JSON Lines")
    parser.add_argument("--assay", default=str(HERE.parent / ".build" / "release" / "assay"))
    parser.add_argument("--python", default=os.environ.get("ASSAY_PEERS_PYTHON", sys.executable))
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--rate", type=float, default=1e-5)
    parser.add_argument("--tokens", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--rank", type=int, default=0)
    parser.add_argument("--alpha", type=float, default=32)
    parser.add_argument("--test", help="pairs that both trained models are evaluated on, JSON Lines")
    parser.add_argument("--test-pairs", type=int, help="how many of them; default: all")
    parser.add_argument("--no-sharing", action="store_true", help="read the prompt of a pair twice, as TRL does")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        # A step that moves nothing leaves the head, and the adapter, that every run starts from.
        assay(arguments, folder / "start", steps=1, rate=1e-30, dtype="f32")
        first = folder / "start" / "01-classic" / "checkpoint"
        rounds = [one_round(arguments, folder / str(number), first) for number in range(arguments.rounds)]
        tested = test(arguments, folder) if arguments.test else {}
    ours, theirs = rounds[0]
    differences = [abs(a - b) for a, b in zip(ours["losses"], theirs["losses"])]
    result = {
        "bench": "reward", "dtype": arguments.dtype, "rank": arguments.rank, "steps": arguments.steps,
        "pairs": arguments.pairs, "threads": arguments.threads, "versions": theirs["versions"],
        "tokens_equal": ours["tokens"] == theirs["tokens"],
        "largest_loss_difference": max(differences), "first_losses": [ours["losses"][0], theirs["losses"][0]],
        "last_losses": [ours["losses"][-1], theirs["losses"][-1]],
        "assay_tokens_per_s": statistics.median(speed(a) for a, _ in rounds),
        "trl_tokens_per_s": statistics.median(speed(b) for _, b in rounds),
        "ratio": statistics.median(speed(a) / speed(b) for a, b in rounds), **tested}
    print(json.dumps(result, indent=1))


def one_round(arguments, folder, first):
    ours = assay(arguments, folder, arguments.steps, arguments.rate, arguments.dtype)
    ways = ["f32"] if arguments.dtype == "f32" else ["bf16", "autocast"]
    runs = {way: trl(arguments, first, way, folder / way) for way in ways}
    fastest = max(runs, key=lambda way: speed(runs[way]))
    (folder / fastest).rename(folder / "trl")
    return ours, runs[fastest]


def test(arguments, folder):
    """Both models of the first round on the test pairs, each read by both programs."""
    rows = [json.loads(line) for line in open(arguments.test, encoding="utf-8")][:arguments.test_pairs]
    stage = folder / "0" / "01-classic" / "checkpoint"
    own = stage / "adapter" if arguments.rank > 0 else stage
    mine, theirs = ours_of(arguments, folder, own, rows), peers_of(arguments, folder / "0" / "trl", rows)
    crossed = peers_of(arguments, own, rows), ours_of(arguments, folder, folder / "0" / "trl", rows)

    def apart(a, b):
        return max(abs(x - y) for one, other in zip(a, b) for x, y in zip(one, other))

    right = [[(a > b) + 0.5 * (a == b) for a, b in scores] for scores in (mine, theirs)]
    return {
        "test_pairs": len(rows), "assay_accuracy": interval(right[0]), "trl_accuracy": interval(right[1]),
        "accuracy_difference": interval([a - b for a, b in zip(*right)]),
        "longer_wins": interval([(len(text(row["chosen"])) > len(text(row["rejected"]))) + 0.0 for row in rows]),
        "largest_score_difference": {
            "assay_model_by_transformers": apart(mine, crossed[0]), "trl_model_by_assay": apart(theirs, crossed[1])}}


def text(response):
    return response if isinstance(response, str) else response[-1]["content"]


def interval(values, draws=2000):
    """The mean, and its 95 % interval by bootstrap over pairs."""
    source = random.Random(1)
    means = sorted(statistics.fmean(source.choices(values, k=len(values))) for _ in range(draws))
    return [round(x, 4) for x in (statistics.fmean(values), means[draws // 40], means[-(draws // 40) - 1])]


def ours_of(arguments, folder, model, rows):
    """Assay's scores of chosen and rejected by a model folder."""
    data, out = folder / "responses.jsonl", folder / "scores.jsonl"
    with open(data, "w", encoding="utf-8") as file:
        for row in rows:
            for side in ("chosen", "rejected"):
                file.write(json.dumps({"prompt": row["prompt"], "response": text(row[side])}) + "\n")
    out.unlink(missing_ok=True)
    subprocess.run(
        [arguments.assay, "score", "--model", str(model), "--data", str(data), "--out", str(out), "--dtype", "f32",
         "--threads", str(arguments.threads), "--quiet"], check=True, stdout=subprocess.DEVNULL)
    scores = [json.loads(line)["score"] for line in open(out)]
    return list(zip(scores[::2], scores[1::2]))


def peers_of(arguments, model, rows):
    """Transformers' scores of chosen and rejected by a model folder, or by PEFT of an adapter's."""
    done = subprocess.run(
        [arguments.python, str(HERE / "peer_reward.py"), "--model", arguments.base, "--score", str(model),
         "--data", arguments.test, "--pairs", str(len(rows)), "--threads", str(arguments.threads)],
        stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout.strip().splitlines()[-1])["scores"]


def speed(run):
    """Tokens a second of the steps behind the first one whose time is known."""
    tokens = run["tokens"][1:1 + len(run["seconds"])]
    return sum(tokens) / sum(run["seconds"])


def assay(arguments, folder, steps, rate, dtype):
    recipe = {
        "method": "classic", "model": str(Path(arguments.base).resolve()),
        "data": {"train": str(Path(arguments.data).resolve()), "shuffle": False, "too_long": "skip",
                 "maximum_tokens": arguments.tokens},
        "compute": {"dtype": dtype, "steps": steps, "checkpoint_steps": 1000000,
                    "share_prefixes": not arguments.no_sharing,
                    "adapter": {"rank": arguments.rank, "alpha": arguments.alpha}},
        "classic": {"batch_pairs": arguments.pairs, "optimizer": {
            "weight_decay": 0.0,
            "schedule": {"learning_rate": rate, "shape": "constant", "warmup_steps": 0}}}}
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = folder.parent / (folder.name + ".yaml")
    path.write_text(json.dumps(recipe))  # JSON is YAML
    subprocess.run(
        [arguments.assay, "train", str(path), "--out", str(folder), "--threads", str(arguments.threads),
         "--quiet"], check=True, stdout=subprocess.DEVNULL)
    lines = [json.loads(line) for line in open(folder / "01-classic" / "metrics.jsonl")]
    times = wall_times(folder / "01-classic" / "tensorboard")
    return {"losses": [line["loss"] for line in lines], "tokens": [int(line["tokens"]) for line in lines],
            "seconds": [after - before for before, after in zip(times, times[1:])]}


def wall_times(folder):
    """When each step ended, of TensorBoard's events: records of a length, its checksum, an event that begins
    with field 1, a double, and field 2, the step; and a checksum."""
    times = {}
    for path in sorted(folder.iterdir()):
        data, place = path.read_bytes(), 0
        while place < len(data):
            (length,) = struct.unpack_from("<Q", data, place)
            event = data[place + 12:place + 12 + length]
            place += length + 16
            if event[0] != 0x09 or event[9:10] != b"\x10":
                continue
            step, shift, index = 0, 0, 10
            while True:
                step |= (event[index] & 0x7F) << shift
                if event[index] < 0x80:
                    break
                shift, index = shift + 7, index + 1
            times[step] = struct.unpack_from("<d", event, 1)[0]
    return [times[step] for step in sorted(times) if step > 0]


def trl(arguments, first, dtype, out):
    command = [
        arguments.python, str(HERE / "peer_reward.py"), "--model", arguments.base, "--start", str(first),
        "--data", arguments.data, "--steps", str(arguments.steps), "--pairs", str(arguments.pairs),
        "--rate", str(arguments.rate), "--tokens", str(arguments.tokens), "--threads", str(arguments.threads),
        "--dtype", dtype, "--rank", str(arguments.rank), "--alpha", str(arguments.alpha), "--out", str(out)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    result = json.loads(done.stdout.strip().splitlines()[-1])
    result["seconds"] = result["seconds"][1:]
    return result


if __name__ == "__main__":
    main()
