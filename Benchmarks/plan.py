#!/usr/bin/env python3
"""Holds what `assay plan` says against the memory that `assay train` takes: the most that was resident (VmHWM) of
short runs of several methods and settings.

  python3 Benchmarks/plan.py --base base
  python3 Benchmarks/plan.py --base base --base other --only classic --only star-dpo

--base is a model folder with a chat template; several are tried one behind the other. Texts are random words of one
token each, about, all of one length, so that few steps are as large as any. Texts that a method writes itself are
planned as long as they may be, and end earlier where the model ends them. Prints a line of JSON a run; without a ratio
where a method found nothing to learn, as Critic-RM does in critiques without scores.
"""

import argparse
import json
import os
import random
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORDS = "the a of to and in that it is was for on are as with his they at be this from have or by one had not".split()
MIB = 1 << 20


def cases(pairs, tokens):
    """Recipes by name: the method, its settings, and how it computes."""
    star = {"star": {"iterations": 1, "samples": 4, "judgement_tokens": tokens, "verdicts": "enforced",
                     "batch_items": pairs}}
    cloud = {"cloud": {"batch_pairs": pairs},
             "critique": {"critique_tokens": tokens, "batch_responses": 2 * pairs}}
    classic = ("classic", {"classic": {"batch_pairs": pairs}})
    adapter = {"adapter": {"rank": 16}}
    return {
        "classic": (*classic, {}),
        "classic-bf16": (*classic, {"dtype": "bf16"}),
        "classic-recompute": (*classic, {"recompute": True}),
        "classic-lora": (*classic, adapter),
        "classic-lora-bf16": (*classic, {"dtype": "bf16", **adapter}),
        "classic-lora-recompute": (*classic, {"dtype": "bf16", "recompute": True, **adapter}),
        "pair": ("pair", {"verdict": {"batch_pairs": pairs}}, {}),
        "genrm": ("genrm", {"verdict": {"batch_pairs": pairs}}, {}),
        "cloud": ("cloud", cloud, {}),
        "cloud-lora": ("cloud", cloud, {"dtype": "bf16", **adapter}),
        "star-sft": ("star-sft", star, {}),
        "star-dpo": ("star-dpo", star, {}),
        "grpo": ("grpo", {"grpo": {"rounds": 1, "samples": 4, "judgement_tokens": tokens, "verdicts": "enforced",
                                   "batch_items": 2 * pairs}}, {}),
        "critic-rm-rank": ("critic-rm-rank", {"critic_rm": {
            "samples": 2, "ratings": 1, "critique_tokens": tokens, "filter": "none", "batch_pairs": pairs}}, {}),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--base", required=True, action="append", help="a model folder; again for more")
    parser.add_argument("--only", action="append", help="a run of these; again for more; default: all")
    parser.add_argument("--assay", default=str(HERE.parent / ".build" / "release" / "assay"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=4, help="pairs a step")
    parser.add_argument("--words", type=int, default=200, help="words of a response")
    parser.add_argument("--tokens", type=int, default=64, help="tokens of texts that are written")
    parser.add_argument("--steps", type=int, default=3)
    arguments = parser.parse_args()
    all_cases = cases(arguments.pairs, arguments.tokens)
    for base in arguments.base:
        for name in arguments.only or all_cases:
            with tempfile.TemporaryDirectory() as folder:
                print(json.dumps(held(arguments, Path(folder), base, name, *all_cases[name])), flush=True)


def held(arguments, folder, base, name, method, settings, compute):
    write_pairs(arguments, folder / "pairs.jsonl")
    recipe = {"method": method, "model": str(Path(base).resolve()), "data": {"train": str(folder / "pairs.jsonl")},
              "compute": {"steps": arguments.steps, "checkpoint_steps": 1000000, **compute}, **settings}
    path = folder / "recipe.yaml"
    path.write_text(json.dumps(recipe))  # JSON is YAML
    common = [str(path), "--out", str(folder / "run"), "--threads", str(arguments.threads)]
    planned = json.loads(subprocess.run(
        [arguments.assay, "plan", *common, "--json", "--quiet"], check=True, stdout=subprocess.PIPE).stdout)
    largest = max(planned["trainings"], key=lambda stage: stage["memory_bytes"])
    done = subprocess.Popen([arguments.assay, "train", *common, "--quiet"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(done.pid, 0)
    done.returncode = os.waitstatus_to_exitcode(status)
    measured = usage.ru_maxrss << 10
    return {
        "bench": "plan", "base": Path(base).name, "run": name, "exit": done.returncode, "stage": largest["stage"],
        "planned_mib": largest["memory_bytes"] // MIB, "measured_mib": measured // MIB,
        "ratio": round(largest["memory_bytes"] / measured, 3) if done.returncode == 0 else None,
        "parts_mib": {part: size // MIB for part, size in largest["memory"].items() if size >= MIB}}


def write_pairs(arguments, path):
    source = random.Random(1)

    def text(count):
        return " ".join(source.choice(WORDS) for _ in range(count))

    with open(path, "w", encoding="utf-8") as file:
        for pair in range(arguments.steps * arguments.pairs):
            row = {"id": str(pair), "prompt": text(20)}
            for side in ("chosen", "rejected"):
                row[side], row[side + "_critique"] = text(arguments.words), text(arguments.tokens // 2)
            file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
