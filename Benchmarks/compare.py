#!/usr/bin/env python3
"""Measures Assay and its peers in turn, A B A B, and prints the medians and their ratios.

Taking turns keeps a machine that slows down or is shared from favouring one side; a ratio is taken
within each round. Needs `make build` first, and for the peers what Benchmarks/README.md says.

  python3 Benchmarks/compare.py train --data pairs.jsonl
  python3 Benchmarks/compare.py generate --shape s --prompts 16 --samples 16 \\
    --peers transformers,llama.cpp,openvino
  python3 Benchmarks/compare.py score --shape q --batch 16
  python3 Benchmarks/compare.py prefix --shape q --samples 16

Prints a Markdown table and one JSON line; with --json every result line goes to standard error.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Dict, List, NamedTuple

import peer_shapes as shapes

FOLDER = Path(__file__).resolve().parent
ASSAY = FOLDER.parent / ".build" / "release" / "assay"
OURS = "Assay"
PEERS = ["transformers", "llama.cpp", "openvino"]


class Row(NamedTuple):
    """Work that every side does; a side's name leads to its command."""

    name: str
    sides: Dict[str, List[str]]


def main():
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as name:
        result = arguments.work(arguments, Path(name))
    print(json.dumps({
        "compare": arguments.what, "rounds": arguments.rounds, "threads": arguments.threads,
        "device": arguments.device, **result}))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    subparsers = parser.add_subparsers(dest="what", metavar="train|generate|score|prefix")
    subparsers.required = True

    train = subparsers.add_parser("train", help="Bradley-Terry steps against transformers")
    train.add_argument("--rows", nargs="+", help="default: all")
    train.add_argument("--data", help="pairs for the row of real pairs, JSON Lines")
    train.add_argument(
        "--pairs", type=int, default=160, help="of --data, the first N (default: 160)")
    train.set_defaults(work=compare_train)

    generate = subparsers.add_parser("generate", help="sampling against the peers")
    shapes.add_generate_arguments(generate)
    generate.set_defaults(work=compare_generate)

    score = subparsers.add_parser("score", help="one forward pass against the peers, and the peak")
    shapes.add_score_arguments(score)
    score.set_defaults(work=compare_score)
    for inner in (generate, score):
        inner.add_argument(
            "--peers", type=peers, default=["transformers"],
            help="of %s (default: transformers)" % ",".join(PEERS))
        inner.add_argument(
            "--llama", default=os.environ.get("LLAMA_BATCHED_BENCH", "llama-batched-bench"),
            help="llama-batched-bench (default: $LLAMA_BATCHED_BENCH, or found in PATH)")

    generate.add_argument(
        "--openvino-python", default=os.environ.get("ASSAY_OPENVINO_PYTHON", sys.executable),
        help="that has OpenVINO GenAI (default: $ASSAY_OPENVINO_PYTHON, or this one)")
    generate.add_argument(
        "--openvino-model", help="a folder of peer_openvino.py (default: exported for this run)")

    prefix = subparsers.add_parser("prefix", help="N samples of one prompt against their parts")
    prefix.add_argument("--shape", choices=list(shapes.NEW_TOKENS), default="q")
    prefix.add_argument("--dtype", choices=["f32", "bf16"], help="default: f32 (s), bf16 (q)")
    prefix.add_argument("--samples", type=int, default=16)
    prefix.add_argument("--prompt-tokens", type=int, default=shapes.PROMPT_TOKENS)
    prefix.add_argument("--new-tokens", type=int, help="default: 96 (s), 24 (q)")
    prefix.set_defaults(work=compare_prefix)

    for inner in (train, generate, score, prefix):
        inner.add_argument("--rounds", type=positive, default=5, help="default: 5")
        inner.add_argument(
            "--repeats", type=positive, default=5, help="of each side in a round (default: 5)")
        inner.add_argument("--threads", type=positive, default=2, help="default: 2")
        inner.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
        inner.add_argument("--assay", default=str(ASSAY), help="the binary")
        inner.add_argument(
            "--python", default=os.environ.get("ASSAY_PEERS_PYTHON", sys.executable),
            help="that has the peers (default: $ASSAY_PEERS_PYTHON, or this one)")
        inner.add_argument("--json", action="store_true", help="also print every result line")
    arguments = parser.parse_args()
    chosen = getattr(arguments, "peers", [])
    for peer in PEERS[1:]:
        if peer in chosen and arguments.device != "cpu":
            parser.error("%s is measured on the CPU only; leave it or --device out" % peer)
    if "openvino" in chosen and arguments.what != "generate":
        parser.error("openvino is measured for generate only")
    if "openvino" in chosen and (arguments.dtype or shapes.DTYPE[arguments.shape]) == "f32":
        parser.error("openvino is measured with weights in float16; add --dtype bf16")
    if "transformers" in chosen and getattr(arguments, "weights", "plain") != "plain":
        parser.error("transformers is measured with plain weights only; choose other --peers")
    if "shape" in arguments:
        shapes.complete(arguments)
    return arguments


def peers(text):
    names = text.split(",")
    for name in names:
        if name not in PEERS:
            raise argparse.ArgumentTypeError(
                "there is no peer %r; there are %s" % (name, ", ".join(PEERS)))
    return names


def positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


# The comparisons


def compare_train(arguments, folder):
    known = {row.name: row for row in train_rows(arguments, folder)}
    chosen = arguments.rows or list(known)
    unknown = [name for name in chosen if name not in known]
    if unknown:
        sys.exit("compare: no row %s; there are %s (train-real-bf16 needs --data)."
                 % (", ".join(unknown), ", ".join(known)))
    return {"rows": compare_rows(arguments, [known[name] for name in chosen], "tokens_per_s")}


def train_rows(arguments, folder):
    def row(name, options, ours=(), theirs=()):
        return Row(name, {
            OURS: assay(arguments, "train", options + list(ours)),
            "transformers": script(arguments, "peer_train.py", options + list(theirs))})

    for shape, dtype in (("s", "f32"), ("s", "bf16"), ("m", "f32"), ("m", "bf16")):
        yield row("train-%s-%s" % (shape, dtype), ["--shape", shape, "--dtype", dtype])
    if arguments.data:
        with open(arguments.data) as file:
            (folder / "pairs.jsonl").write_text("".join(itertools.islice(file, arguments.pairs)))
        pairs, ids = str(folder / "pairs.jsonl"), str(folder / "ids.jsonl")
        # Ours writes the token ids it trains on; the peer, which runs second, reads them.
        yield row(
            "train-real-bf16", ["--shape", "m", "--dtype", "bf16"],
            ["--data", pairs, "--write-ids", ids], ["--data", ids])


def compare_generate(arguments, folder):
    options = [
        "--shape", arguments.shape, "--dtype", arguments.dtype,
        "--prompts", str(arguments.prompts), "--samples", str(arguments.samples),
        "--prompt-tokens", str(arguments.prompt_tokens), "--new-tokens", str(arguments.new_tokens),
        "--weights", arguments.weights]
    sides = {OURS: assay(arguments, "generate", options)}
    for peer in arguments.peers:
        if peer == "llama.cpp":
            sides[peer] = llama(arguments, folder, "generate", options)
        elif peer == "openvino":
            sides[peer] = openvino(arguments, folder, options)
        else:
            sides[peer] = script(arguments, "peer_generate.py", options)
    kept = arguments.dtype if arguments.weights == "plain" else arguments.weights
    name = "generate-%s-%s-%dx%d" % (
        arguments.shape, kept, arguments.prompts, arguments.samples)
    return {"rows": compare_rows(arguments, [Row(name, sides)], "tokens_per_s")}


def compare_score(arguments, folder):
    options = [
        "--shape", arguments.shape, "--dtype", arguments.dtype, "--batch", str(arguments.batch)]
    sides = {OURS: assay(arguments, "score", options)}
    for peer in arguments.peers:
        sides[peer] = (
            llama(arguments, folder, "score", options) if peer == "llama.cpp"
            else script(arguments, "peer_score.py", options))
    peak = [
        arguments.python, str(FOLDER / "matmul_peak.py"), "--threads", str(arguments.threads),
        "--device", arguments.device]
    name = "score-%s-%s-%d" % (arguments.shape, arguments.dtype, arguments.batch)
    rows = compare_rows(
        arguments, [Row(name, sides)], "texts_per_s", lambda: run(arguments, peak))
    row = rows[0]
    limits = [line[arguments.dtype + "_gflops"] for line in row.pop("extra")]
    reached = [line["flops_per_s"] / 1e9 for line in row[OURS]["lines"]]
    row["peak_gflops"], row["gflops"] = summary(limits), summary(reached)
    row["share_of_peak"] = summary([a / b for a, b in zip(reached, limits)])
    print("\n%s: %.0f of %.0f GFLOP/s in %s, %s of the machine's peak." % (
        OURS, row["gflops"]["median"], row["peak_gflops"]["median"], arguments.dtype,
        spread(row["share_of_peak"])))
    return {"rows": rows}


def compare_prefix(arguments, folder):
    """N samples of one prompt against what they are made of.

    `shared` is the time of N samples of one prompt; `prompt` that of reading the prompt alone, with
    its first token; `decodes` that of the steps of N sequences which share nothing: N prompts with
    one sample each, less the same with a single new token. `single` is one sample's steps.
    """
    n, new = arguments.samples, arguments.new_tokens

    def command(prompts, samples, new_tokens):
        return assay(arguments, "generate", [
            "--shape", arguments.shape, "--dtype", arguments.dtype, "--prompts", str(prompts),
            "--samples", str(samples), "--prompt-tokens", str(arguments.prompt_tokens),
            "--new-tokens", str(new_tokens)])

    parts = {
        "shared": command(1, n, new), "prompt": command(1, 1, 1), "single": command(1, 1, new),
        "apart": command(n, 1, new), "reading": command(n, 1, 1)}
    rounds = [
        {name: run(arguments, part)["seconds"] for name, part in parts.items()}
        for _ in range(arguments.rounds)]
    figures = {name: summary([times[name] for times in rounds]) for name in parts}
    whole = {
        "together": [r["prompt"] + r["apart"] - r["reading"] for r in rounds],
        "one_by_one": [r["prompt"] + n * (r["single"] - r["prompt"]) for r in rounds],
        "unshared": [r["apart"] for r in rounds]}
    shared = [times["shared"] for times in rounds]
    print("| %d samples of one prompt, %s | seconds | Assay's time over it (lowest to highest) |" % (
        n, shape_name(arguments)))
    print("| --- | --- | --- |")
    print("| Assay, prompt shared | %.3f | 1 |" % figures["shared"]["median"])
    ratios = {}
    for name, title in (
            ("together", "the prompt once + %d decodes together" % n),
            ("one_by_one", "the prompt once + %d decodes one by one" % n),
            ("unshared", "%d prompts, nothing shared" % n)):
        ratios[name] = summary([a / b for a, b in zip(shared, whole[name])])
        print("| %s | %.3f | %s |" % (title, statistics.median(whole[name]), spread(ratios[name])))
    return {
        "shape": arguments.shape, "dtype": arguments.dtype, "samples": n,
        "prompt_tokens": arguments.prompt_tokens, "new_tokens": new, "seconds": figures,
        "bounds": {name: summary(values) for name, values in whole.items()}, "ratios": ratios}


def shape_name(arguments):
    return "%s in %s, %d + %d tokens" % (
        arguments.shape, arguments.dtype, arguments.prompt_tokens, arguments.new_tokens)


# The commands of the sides


def assay(arguments, bench, options):
    return [arguments.assay, "bench", bench] + options + [
        "--device", arguments.device] + common(arguments)


def script(arguments, name, options):
    return [arguments.python, str(FOLDER / name)] + options + [
        "--device", arguments.device] + common(arguments)


def llama(arguments, folder, bench, options):
    """Writes the model once, and returns the command that measures it."""
    model = str(folder / "model.gguf")
    writer = [
        arguments.python, str(FOLDER / "write_gguf.py"), "--shape", arguments.shape, "--dtype",
        arguments.dtype, "--weights", getattr(arguments, "weights", "plain"), "--out", model]
    if subprocess.run(writer, stdout=subprocess.DEVNULL).returncode != 0:
        sys.exit("compare: `%s` failed; it needs `pip install gguf`." % " ".join(writer))
    return [arguments.python, str(FOLDER / "peer_llama.py"), bench] + options + [
        "--binary", arguments.llama, "--model", model] + common(arguments)


def openvino(arguments, folder, options):
    """Exports the model once, and returns the command that measures it."""
    peer = [arguments.openvino_python, str(FOLDER / "peer_openvino.py")]
    model = arguments.openvino_model or str(folder / "openvino")
    writer = peer + [
        "export", "--shape", arguments.shape, "--weights", arguments.weights, "--out", model]
    if subprocess.run(writer, stdout=subprocess.DEVNULL).returncode != 0:
        sys.exit("compare: `%s` failed; see Benchmarks/README.md." % " ".join(writer))
    return peer + ["generate", "--model", model] + options + common(arguments)


def common(arguments):
    return ["--threads", str(arguments.threads), "--repeats", str(arguments.repeats)]


# Running and counting


def compare_rows(arguments, rows, metric, extra=None):
    """Measures all sides of each row in turn, and prints the row.

    `extra` runs once a round, and what it returns is kept under that name.
    """
    others = [name for name in rows[0].sides if name != OURS]
    unit = metric.replace("_per_s", "/s")
    print("| row | %s, %s |%s" % (OURS, unit, "".join(
        " %s | ratio (lowest to highest) |" % name for name in others)))
    print("| --- | --- |" + " --- | --- |" * len(others), flush=True)
    results = []
    for row in rows:
        lines = {name: [] for name in row.sides}
        extras = []
        for _ in range(arguments.rounds):
            for name, command in row.sides.items():
                lines[name].append(run(arguments, command))
            if extra:
                extras.append(extra())
        rates = {name: [line[metric] for line in lines[name]] for name in lines}
        result = {"name": row.name, "metric": metric}
        text = "| %s | %s |" % (row.name, figure(statistics.median(rates[OURS])))
        for name, values in rates.items():
            result[name] = summary(values)
            result[name]["lines"] = lines[name]
            if name != OURS:
                ratio = summary([a / b for a, b in zip(rates[OURS], values)])
                result[name]["ratio"] = ratio
                text += " %s | %s |" % (figure(statistics.median(values)), spread(ratio))
        print(text, flush=True)
        if extra:
            result["extra"] = extras
        results.append(result)
    return results


def summary(values):
    return {
        "median": digits(statistics.median(values)),
        "range": [digits(min(values)), digits(max(values))]}


def digits(value):
    return float("%.5g" % value)


def spread(figures):
    return "%.2f (%.2f to %.2f)" % (figures["median"], *figures["range"])


def figure(value):
    return "%.0f" % value if value >= 100 else "%.2f" % value


def run(arguments, command):
    """Runs one measurement and returns its result line."""
    try:
        result = subprocess.run(command, stdout=subprocess.PIPE, universal_newlines=True)
    except OSError as error:
        sys.exit("compare: cannot run %s: %s." % (command[0], error.strerror))
    if result.returncode != 0:
        sys.exit("compare: `%s` ended with status %d." % (" ".join(command), result.returncode))
    line = result.stdout.strip().split("\n")[-1]
    if arguments.json:
        print(line, file=sys.stderr, flush=True)
    try:
        return json.loads(line)
    except ValueError:
        sys.exit("compare: `%s` printed no JSON line: %s" % (" ".join(command), line))


if __name__ == "__main__":
    main()
