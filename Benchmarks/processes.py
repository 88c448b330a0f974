#!/usr/bin/env python3
"""Training in several processes: its speed beside one process of as many threads, and what kills leave.

    Benchmarks/processes.py .build/release/assay [--rounds 5] [--kills 100] [--before BINARY] [--base FOLDER]

Speed: a base model of 1.0 M weights is trained on the Playground's corpus by one process of two threads, by
two processes of one thread, and by two that share moments, in turn, and where another binary is given by its
two processes too; the shares are medians of the training's seconds. Memory: all weights of a model, such as
SmolLM2-135M, are trained for two steps by two processes of one thread with and without sharing; what each of
them takes at its most. Kills: a small
training in two processes, one of which, drawn at random, is killed at a random time; the same command then
goes on. At the end its weights have to be those of an undisturbed run, bit for bit.
"""
import argparse, json, os, pathlib, random, shutil, signal, statistics, subprocess, sys, tempfile, time

SPEED = """method: pretrain
corpus: corpus.jsonl
compute: {device: cpu, checkpoint_steps: 100000}
base:
  vocabulary_size: 512
  batch_sequences: 48
"""
SMALL = """method: pretrain
corpus: corpus.jsonl
compute: {device: cpu, checkpoint_steps: 20}
base:
  vocabulary_size: 300
  batch_sequences: 8
  epochs: 6
  architecture: {hidden_size: 64, layers: 2, heads: 2, groups: 1, feed_forward_size: 128}
"""


def corpus(folder: pathlib.Path, count: int) -> None:
    draw = random.Random(1)
    names, things = ["Anna", "Ben", "Clara", "David"], ["apples", "books", "coins", "pens"]
    with open(folder / "corpus.jsonl", "w") as file:
        for _ in range(count):
            have, gone, name, thing = draw.randint(9, 60), draw.randint(1, 9), draw.choice(names), draw.choice(things)
            text = (f"{name} has {have} {thing} and gives {gone} of them away. {have} - {gone} = {have - gone}. "
                    f"{name} has {have - gone} {thing} left.")
            file.write(json.dumps({"text": text}) + "\n")


def train(
        binary: str, folder: pathlib.Path, out: str, processes: int, threads: int,
        shares: bool = False) -> subprocess.Popen:
    more = ["--processes", str(processes)] if processes > 1 else []
    more += ["--shard-moments"] if shares else []
    return subprocess.Popen(
        [binary, "train", "recipe.yaml", "--out", out, "--quiet", "--threads", str(threads), *more],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen) -> None:
    _, log = process.communicate()
    if process.returncode != 0:
        sys.exit(f"exit code {process.returncode}: {log}")


def seconds(folder: pathlib.Path, out: str) -> float:
    return json.loads((folder / out / "01-base" / "done.json").read_text())["seconds"]


def speed(binary: str, before: str, rounds: int) -> None:
    folder = pathlib.Path(tempfile.mkdtemp())
    corpus(folder, 6000)
    (folder / "recipe.yaml").write_text(SPEED)
    sides = {
        "one process of two threads": (binary, 1, 2, False),
        "two processes of one thread": (binary, 2, 1, False),
        "two that share moments": (binary, 2, 1, True),
    }
    if before:
        sides["two of the binary before"] = (before, 2, 1, False)
    times = {name: [] for name in sides}
    for round in range(rounds):
        for number, (name, (program, processes, threads, shares)) in enumerate(sides.items()):
            finish(train(program, folder, f"{round}-{number}", processes, threads, shares))
            times[name].append(seconds(folder, f"{round}-{number}"))
    one = statistics.median(times["one process of two threads"])
    for name, own in times.items():
        print(f"{name}: {statistics.median(own):.1f} s ({min(own):.1f} to {max(own):.1f}), "
              f"{one / statistics.median(own):.2f} of the first's speed")
    shutil.rmtree(folder)


def memory(binary: str, base: str) -> None:
    folder = pathlib.Path(tempfile.mkdtemp())
    rows = [{"prompt": f"Count to {n}.", "chosen": " ".join(map(str, range(1, n + 1))), "rejected": "No."}
            for n in range(5, 13)]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "recipe.yaml").write_text(
        f"method: classic\nmodel: {os.path.abspath(base)}\ndata: {{train: pairs.jsonl}}\n"
        "compute: {device: cpu, steps: 2}\nclassic: {batch_pairs: 4}\n")
    for shares in (False, True):
        process = train(binary, folder, f"run-{shares}", 2, 1, shares)
        most = {}
        while process.poll() is None:
            for own in [process.pid, *children(process.pid)]:
                try:
                    lines = pathlib.Path(f"/proc/{own}/status").read_text().split("\n")
                except OSError:
                    continue
                peak = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
                most[own] = max(most.get(own, 0), *peak, 0)
            time.sleep(0.02)
        finish(process)
        shown = " and ".join(f"{peak / 2**20:.2f} GiB" for peak in most.values())
        print(f"two processes {'that share moments' if shares else 'with all moments each'}: {shown}")
    shutil.rmtree(folder)


def children(process: int) -> list[int]:
    found = []
    for thread in pathlib.Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found += [int(child) for child in thread.read_text().split()]
        except OSError:
            pass
    return found


def kills(binary: str, count: int) -> None:
    draw = random.Random(2)
    folder = pathlib.Path(tempfile.mkdtemp())
    corpus(folder, 400)
    (folder / "recipe.yaml").write_text(SMALL)
    start = time.time()
    finish(train(binary, folder, "whole", 2, 1))
    length = time.time() - start
    whole = (folder / "whole/01-base/checkpoint/model.safetensors").read_bytes()
    done = runs = 0
    while done < count:
        runs += 1
        for _ in range(8):
            process = train(binary, folder, "run", 2, 1)
            time.sleep(draw.uniform(0, length))
            victims = [process.pid, *children(process.pid)]
            if process.poll() is None:
                os.kill(draw.choice(victims), signal.SIGKILL)
                done += 1
            process.communicate()
            if process.returncode == 0:
                break
        finish(train(binary, folder, "run", 2, 1))
        if (folder / "run/01-base/checkpoint/model.safetensors").read_bytes() != whole:
            sys.exit(f"after {done} kills the weights differ ({folder})")
        shutil.rmtree(folder / "run")
    print(f"{done} kills in {runs} runs: the same weights, bit for bit, after each")
    shutil.rmtree(folder)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("binary")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--kills", type=int, default=0)
    arguments.add_argument("--before", help="another binary")
    arguments.add_argument("--base", help="a model whose training's memory is measured")
    chosen = arguments.parse_args()
    path = os.path.abspath(chosen.binary)
    if chosen.rounds:
        speed(path, os.path.abspath(chosen.before) if chosen.before else "", chosen.rounds)
    if chosen.base:
        memory(path, chosen.base)
    if chosen.kills:
        kills(path, chosen.kills)
