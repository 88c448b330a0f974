#!/usr/bin/env python3
"""Kills every command and every method at random times, runs them again until they are done, and compares what they
leave, byte for byte, with what a run without disturbance leaves.

  kill_campaign.py BINARY                    one kill of each job, as continuous integration does
  kill_campaign.py BINARY --kills 1000       until so many processes were killed
  kill_campaign.py BINARY --only star,eval   jobs whose names have one of these
  kill_campaign.py BINARY --only=--processes --kills 100   of several processes, one at a time

Half of the kills are SIGKILL, half SIGTERM, which must end the process within --patience seconds with 143. Of several
processes that train together one is killed, any of them, and all must end within --patience seconds. Not compared
are clocks: seconds in records, event files of TensorBoard, locks. Exits with 1 and keeps the folder where bytes differ.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from tiny_world import METHODS, World


class Job:
    """A command, and the file or folder that it makes."""

    def __init__(self, name, words, given=None, is_once=False):
        self.name, self.words, self.given = name, words, given
        # Whether it refuses to write over what it has made.
        self.is_once = is_once


# Methods, uses and measures of the start model that write texts.
WRITERS = """
method: compare
methods: [cloud, star-sft]
compute: {dtype: f32, checkpoint_steps: 2}
playground: {train: 16, test: 8, ood: 4, corpus: 60}
base:
  vocabulary_size: 320
  architecture: {hidden_size: 32, layers: 1, heads: 2, groups: 2, feed_forward_size: 64, context_tokens: 768}
instruct: {demonstrations: 40, batch_sequences: 20}
critique: {batch_responses: 12, critique_tokens: 16}
cloud: {batch_pairs: 8}
critic_rm: {prompts: playground, samples: 2, critique_tokens: 16}
star_sft: {prompts: playground, samples: 2, judgement_tokens: 8, bootstrap: oracle-always}
search: {pairs: 8}
evaluation: {votes: 4, critiques: 2, prompts: 6, responses: 3, best_of: [cloud, star-sft]}
"""


class Campaign:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.world = World(options.binary, options.folder or tempfile.mkdtemp(prefix="assay-kills-"))
        self.folder = self.world.folder
        self.whole, self.seconds, self.problems = {}, {}, []
        self.kills, self.finished, self.slowest = 0, 0, (0.0, "none")

    own = ["--threads", "1", "--quiet"]

    def jobs(self):
        out, pairs = ["--out", "out"], ["--data", "world/train.jsonl"]
        drawn = ["--temperature", "1", "--max-tokens", "24"]
        methods = [Job(f"train {method}", self.world.train(method) + out) for method in METHODS]
        held = ["data.held_out=0.25", "evaluation.every=2", "classic.epochs=2"]
        methods += [
            Job("train classic, --processes", self.world.train("classic") + ["--processes", "2"] + out),
            Job(
                "train classic, --processes, --shard-moments",
                self.world.train("classic") + ["--processes", "2", "--shard-moments"] + out,
            ),
            Job("train star-dpo, --processes", self.world.train("star-dpo") + ["--processes", "2"] + out),
            Job("train cloud, --processes", self.world.train("cloud") + ["--processes", "3"] + out),
            Job("train classic, an adapter", self.world.train("classic", [
                "compute.adapter.rank=2", "compute.recompute=true"]) + out),
            Job("train classic, evaluated", self.world.train("classic", held) + out),
        ]
        benchmark = ["--benchmark", "pairs=world/train.jsonl"]
        remote = ["--generator", self.world.endpoint, "--generator-model", "m", "--quiet"]
        compare = ["compare", "compare.yaml"] + out + self.own
        (self.folder / "compare.yaml").write_text(
            "method: compare\nworld: files\nmodel: base\nmethods: [classic, genrm]\nseeds: [1, 2]\n"
            "data: {train: world/train.jsonl, suites: {test: world/test.jsonl}}\n"
            "compute: {dtype: f32, checkpoint_steps: 2}\nclassic: {batch_pairs: 8}\ngenrm: {batch_pairs: 8}\n")
        (self.folder / "writers.yaml").write_text(WRITERS)
        writers = ["compare", "writers.yaml"] + out + self.own
        commands = [
            Job("compare", compare),
            Job("compare of methods that write", writers),
            Job("compare --jobs 2", compare + ["--jobs", "2"]),
            Job("critique", ["critique", "--model", "cloud", *pairs, *out, *drawn]),
            Job("critique --as-pairs", ["critique", "--model", "cloud", *pairs, *out, *drawn, "--as-pairs"]),
            Job("judge", ["judge", "--model", "genrm", *pairs, *out]),
            Job("judge --task chain", ["judge", "--model", "base", "--task", "chain", "--votes", "4", *pairs, *out, *drawn]),
            Job("judge --verdicts enforced", [
                "judge", "--model", "base", "--task", "chain", "--verdicts", "enforced", *pairs, *out, *drawn]),
            Job("judge --task token", ["judge", "--model", "base", "--task", "token", *pairs, *out]),
            Job("judge --generator", ["judge", *remote, *pairs, *out]),
            Job("label --generator", ["label", *remote, *pairs, *out]),
            Job("critique --generator", ["critique", *remote, *pairs, *out]),
            Job("label, a scorer", ["label", "--model", "classic", *pairs, *out]),
            Job("label, a critic", ["label", "--model", "cloud", *pairs, *out, *drawn]),
            Job("label, a judge", ["label", "--model", "genrm", *pairs, *out]),
            Job("eval, a scorer", ["eval", "--model", "classic", "--benchmark", "pairs=world/train.jsonl", *out]),
            Job("eval, a critic", ["eval", "--model", "cloud", "--benchmark", "pairs=world/train.jsonl", *out, *drawn]),
            Job("eval, a judge", ["eval", "--model", "genrm", "--benchmark", "pairs=world/train.jsonl", *out]),
            Job("eval --scores", ["eval", "--scores", "cloud-eval/scores-pairs.jsonl", *benchmark, *out]),
            Job("calibrate, a scorer", ["calibrate", "--model", "classic", *pairs, *out]),
            Job("calibrate, a judge", ["calibrate", "--model", "genrm", *pairs, *out]),
            Job("diff", ["diff", "classic-eval", "cloud-eval", *benchmark, *out]),
            Job("diff of several", ["diff", "classic-eval", "cloud-eval", "genrm-eval", *benchmark, *out]),
            Job("bon --candidates", ["bon", "--model", "classic", "--candidates", "candidates.jsonl", *out]),
            Job("refine --critic", ["refine", "--critic", self.world.endpoint, "--critic-model", "m", "--policy", "base",
                                    "--data", "questions.jsonl", "--answers", "gsm8k", "--max-tokens", "16", *out]),
            Job("bon", ["bon", "--model", "classic", "--policy", "base", "--data", "questions.jsonl", "--samples", "4",
                        "--answers", "gsm8k", *out, *drawn]),
            Job("bon, a critic", ["bon", "--model", "cloud", "--policy", "base", "--data", "questions.jsonl", "--samples", "4",
                                  "--critiques", "2", "--answers", "gsm8k", *out, *drawn]),
            Job("refine", ["refine", "--model", "cloud", "--policy", "base", "--data", "questions.jsonl", "--answers",
                           "gsm8k", "--critique-tokens", "16", "--max-tokens", "16", *out]),
            Job("playground", ["playground", "--train", "2000", "--test", "2000", *out]),
            Job("export", ["export", "--model", "classic", "--layout", "full", *out], is_once=True),
            Job("export gguf-f16", ["export", "--model", "genrm", "--layout", "gguf-f16", *out], is_once=True),
            Job("generate --grammar-choice", ["generate", "--model", "base", "--data", "prompts.jsonl", *drawn,
                                              "--grammar-choice", "it is right", "--grammar-choice", "it is wrong"]),
            Job("generate", ["generate", "--model", "base", "--data", "prompts.jsonl", "--samples", "4", *drawn]),
            Job("generate --out", ["generate", "--model", "base", "--data", "prompts.jsonl", "--samples", "4", *out, *drawn]),
            Job("score", ["score", "--model", "cloud", "--data", "responses.jsonl"]),
            Job("score --out", ["score", "--model", "cloud", "--data", "responses.jsonl", *out]),
            Job("inspect", ["inspect", "classic"]),
            Job("audit", ["audit", "--model", "classic", "--data", "responses.jsonl"]),
            Job("tokenize", ["tokenize", "--model", "base"], given="strings.jsonl"),
            Job("render", ["render", "--model", "base", "--data", "messages.jsonl"]),
        ]
        for job in commands:
            if "--quiet" not in job.words:
                job.words += self.own if job.words[0] not in ["playground", "export", "inspect", "tokenize", "render", "diff"] \
                    else ["--quiet"]
        only = self.options.only
        return [job for job in methods + commands if not only or any(part in job.name for part in only.split(","))]

    def start(self, job, place):
        place.mkdir(exist_ok=True)
        words = [str(place / "out") if word == "out" else word for word in job.words]
        # Results of commands that write none are those of standard output.
        given = self.folder / job.given if job.given else "/dev/null"
        with open(place / "stdout", "wb") as output, open(place / "stderr", "ab") as log, open(given, "rb") as rows:
            return subprocess.Popen([self.world.binary, *words], cwd=self.folder, stdin=rows, stdout=output, stderr=log,
                                    start_new_session=True)

    def undisturbed(self, job):
        place = self.folder / ("whole " + job.name)
        shutil.rmtree(place, ignore_errors=True)
        start = time.monotonic()
        status = self.start(job, place).wait(timeout=600)
        if status != 0:
            raise SystemExit(f"{job.name}: ends with {status} undisturbed: {(place / 'stderr').read_text()[-2000:]}")
        self.seconds[job.name] = time.monotonic() - start
        self.whole[job.name] = contents(place, self.folder)

    def trial(self, job, number):
        """One run that is killed some times and then left alone."""
        place = self.folder / f"trial {job.name}"
        shutil.rmtree(place, ignore_errors=True)
        times = self.random.randint(1, 3) if self.options.kills else 1
        history = []
        for _ in range(times):
            process = self.start(job, place)
            # A process that had to go on is done sooner; early times are where files are made.
            wait = self.seconds[job.name] * self.random.choice([1, 1, 0.3]) * self.random.random()
            kind = self.random.choice([signal.SIGKILL, signal.SIGTERM])
            try:
                process.wait(timeout=wait)
            except subprocess.TimeoutExpired:
                pass
            if process.poll() is not None:
                history.append("done")
                if process.returncode != 0:
                    self.report(job, place, f"ends with {process.returncode}", history)
                if job.is_once:
                    break
                continue
            history.append(f"{kind.name} at {wait:.3f} s")
            self.kills += 1
            self.end(job, place, process, kind, history)
            if job.is_once and process.returncode == 0:
                history.append("done")
                break
        if job.is_once and history[-1] == "done":
            return self.compare(job, place, history)
        process = self.start(job, place)
        try:
            status = process.wait(timeout=60 + 20 * self.seconds[job.name])
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return self.report(job, place, "hangs when it is run again", history)
        if job.is_once and status == 73:
            # It was whole when its process was killed, which had not ended yet.
            return self.compare(job, place, history, but={"stdout"})
        if status != 0:
            return self.report(job, place, f"ends with {status} when it is run again", history)
        self.compare(job, place, history)

    def compare(self, job, place, history, but=frozenset()):
        self.finished += 1
        found = contents(place, self.folder)
        for name in sorted((set(found) | set(self.whole[job.name])) - but):
            if found.get(name) != self.whole[job.name].get(name):
                return self.report(job, place, f"{name} differs", history)

    def end(self, job, place, process, kind, history):
        start = time.monotonic()
        if kind == signal.SIGKILL and "--processes" in job.name:
            return self.end_one(job, place, process, history)
        if kind == signal.SIGKILL:
            # What runs for it, as methods at once, is killed with it, as by a system without memory.
            os.killpg(process.pid, kind)
            process.wait()
            return
        process.send_signal(kind)
        try:
            status = process.wait(timeout=self.options.patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return self.report(job, place, f"does not end within {self.options.patience} s of SIGTERM", history)
        if time.monotonic() - start > self.slowest[0]:
            self.slowest = (time.monotonic() - start, job.name)
        # Before it notes signals it dies of them; at its end it may be done.
        if status not in (143, 0, -signal.SIGTERM):
            self.report(job, place, f"ends with {status} after SIGTERM", history)

    def end_one(self, job, place, process, history):
        """Kills one of the processes of a session; the others must notice."""
        members = session(process.pid) or [process.pid]
        victim = self.random.choice(members)
        history[-1] += f", process {members.index(victim)} of {len(members)}"
        os.kill(victim, signal.SIGKILL)
        try:
            status = process.wait(timeout=self.options.patience)
            deadline = time.monotonic() + self.options.patience
            while session(process.pid):
                if time.monotonic() > deadline:
                    raise subprocess.TimeoutExpired(process.args, self.options.patience)
                time.sleep(0.05)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return self.report(job, place, f"does not end within {self.options.patience} s of a kill", history)
        # It may be done when another process is killed.
        if status not in (-signal.SIGKILL, 69, 0):
            self.report(job, place, f"ends with {status} where another process is killed", history)

    def report(self, job, place, what, history):
        kept = self.folder / f"problem {len(self.problems)}"
        shutil.copytree(place, kept, dirs_exist_ok=True)
        log = (place / "stderr").read_text(errors="replace")[-600:]
        self.problems.append(f"{job.name}: {what} ({', '.join(history)}); kept in {kept}\n  {log}")
        print(self.problems[-1], flush=True)

    def campaign(self):
        jobs = self.jobs()
        for job in jobs:
            self.undisturbed(job)
        if self.options.list:
            for job in jobs:
                print(f"{self.seconds[job.name]:7.2f} s  {job.name}: {len(self.whole[job.name])} files")
            return
        number = 0
        while number < len(jobs) or self.kills < (self.options.kills or 0):
            self.trial(jobs[number % len(jobs)], number)
            number += 1
            if number % (5 * len(jobs)) == 0:
                print(f"{self.kills} kills, {self.finished} runs finished, {len(self.problems)} problems", flush=True)
        print(f"{self.kills} kills of {len(jobs)} jobs, {self.finished} runs finished, the slowest end after SIGTERM took "
              f"{self.slowest[0]:.2f} s ({self.slowest[1]}), {len(self.problems)} problems")


def session(leader):
    """The processes of a session that live, the oldest first."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as file:
                    fields = file.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            # State, parent, group, session.
            if int(fields[3]) == leader and fields[0] != "Z":
                found.append(int(entry))
    return sorted(found)


# Parts of paths that are of a process, not of the work.
PASSING = re.compile(r"(^|/)(\.lock|stderr|spend\.jsonl|tensorboard/.*|.*\.log)$")


def contents(place, root):
    """The files of a folder, without clocks and without where the folder is."""
    found = {}
    for path in sorted(place.rglob("*")):
        name = str(path.relative_to(place))
        if path.is_file() and not PASSING.search(name):
            found[name] = plain(name, path.read_bytes(), str(place).encode())
    return found


def plain(name, data, place):
    data = data.replace(place, b"PLACE")
    if name.endswith((".json", ".jsonl")) or name == "out":
        lines = [data] if name.endswith(".json") else data.split(b"\n")
        try:
            values = [without_clocks(json.loads(line)) for line in lines if line]
            # Answers of an endpoint are kept as they come.
            return sorted(values, key=str) if name.endswith("requests.jsonl") else values
        except ValueError:
            return data
    data = re.sub(rb"(Seconds of all stages</dt>\s*<dd[^>]*>)\d+", rb"\1", data)
    # Durations of reports, and what a machine has free.
    return re.sub(rb"\d+(\.\d+)? (ms|s|min|h|seconds|GiB)\b|\d+:\d\d(:\d\d)?", b"TIME", data) \
        if name.endswith((".html", ".md", "stdout")) else data


def without_clocks(value):
    if isinstance(value, dict):
        return {key: without_clocks(item) for key, item in value.items() if key not in ("seconds", "tokens_per_second")}
    return [without_clocks(item) for item in value] if isinstance(value, list) else value


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--kills", type=int, help="kills in all; default: each job is killed once")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="jobs whose names have one of these parts")
    parser.add_argument("--folder", help="where to work, which is kept; default: a temporary one")
    parser.add_argument("--patience", type=float, default=10, help="seconds that a signal may take")
    parser.add_argument("--list", action="store_true", help="run each job undisturbed, and list them")
    campaign = Campaign(parser.parse_args())
    campaign.campaign()
    if campaign.problems:
        sys.exit(1)
    if not campaign.options.folder:
        shutil.rmtree(campaign.folder)


if __name__ == "__main__":
    main()
