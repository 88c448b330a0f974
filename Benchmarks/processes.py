#!/usr/bin/env python3
"""Training in several processes: its speed beside one process of as many threads, and what kills leave.

    Benchmarks/processes.py .build/release/assay [--rounds 5] [--kills 100]

Speed: a base model of 1.0 M weights is trained on the Playground's corpus by one process of two threads and
by two processes of one thread, in turn; the shares are medians of steps' tokens a second. Kills: a small
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


def train(binary: str, folder: pathlib.Path, out: str, processes: int, threads: int) -> subprocess.Popen:
    more = ["--processes", str(processes)] if processes > 1 else []
    return subprocess.Popen(
        [binary, "train", "recipe.yaml", "--out", out, "--quiet", "--threads", str(threads), *more],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen) -> None:
    _, log = process.communicate()
    if process.returncode != 0:
        sys.exit(f"exit code {process.returncode}: {log}")


def seconds(folder: pathlib.Path, out: str) -> float:
    return json.loads((folder / out / "01-base" / "done.json").read_text())["seconds"]


def speed(binary: str, rounds: int) -> None:
    folder = pathlib.Path(tempfile.mkdtemp())
    corpus(folder, 6000)
    (folder / "recipe.yaml").write_text(SPEED)
    times = {(1, 2): [], (2, 1): []}
    for round in range(rounds):
        for (processes, threads), own in times.items():
            finish(train(binary, folder, f"{round}-{processes}", processes, threads))
            own.append(seconds(folder, f"{round}-{processes}"))
    one, two = (statistics.median(own) for own in times.values())
    print(f"one process of 2 threads {one:.1f} s, two of 1 thread {two:.1f} s: {one / two:.2f} of its speed "
          f"({rounds} rounds in turn; all: {times})")
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
    chosen = arguments.parse_args()
    path = os.path.abspath(chosen.binary)
    if chosen.rounds:
        speed(path, chosen.rounds)
    if chosen.kills:
        kills(path, chosen.kills)
