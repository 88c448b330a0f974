#!/usr/bin/env python3
"""llama.cpp's `llama-batched-bench` on the shapes of `assay bench generate` and `score`.

`generate`: the tool reads B different prompts and then feeds B random tokens a step. P prompts with
N samples each are put together from its two times: reading P prompts, and the steps of P N
sequences. So every prompt is read once, copying it to its samples costs nothing, and no token is
sampled: all in llama.cpp's favour. M new tokens take M - 1 steps, since reading the prompt gives
the first.

`score`: reading B texts, with the logits of each text's last token in place of a label.

Keys and values are f16 (`--kv-type` changes that); with and without flash attention are both tried,
and the faster one is measured. On the CPU only. Prints one JSON line.

  python Benchmarks/peer_llama.py generate --binary llama-batched-bench --shape s
"""

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import peer_shapes as shapes

MOST_SEQUENCES = 256  # LLAMA_MAX_SEQ
PROMPT_BATCH = 2048  # tokens; the tool's own default


def main():
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as folder:
        if not arguments.model:
            arguments.model = str(Path(folder) / "model.gguf")
            writer = Path(__file__).resolve().parent / "write_gguf.py"
            subprocess.run(
                [sys.executable, str(writer), "--shape", arguments.shape, "--dtype",
                 arguments.dtype, "--weights", getattr(arguments, "weights", "plain"), "--seed",
                 str(arguments.seed), "--out", arguments.model],
                check=True, stdout=subprocess.DEVNULL)
        measure_generate(arguments) if arguments.bench == "generate" else measure_score(arguments)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    benches = parser.add_subparsers(dest="bench", metavar="generate|score")
    benches.required = True
    generate = benches.add_parser("generate", help="reads prompts and writes new tokens")
    shapes.add_generate_arguments(generate)
    score = benches.add_parser("score", help="reads texts")
    shapes.add_score_arguments(score)
    for inner in (generate, score):
        shapes.add_common_arguments(inner)
        inner.add_argument(
            "--binary", default=os.environ.get("LLAMA_BATCHED_BENCH", "llama-batched-bench"),
            help="llama-batched-bench (default: $LLAMA_BATCHED_BENCH, or found in PATH)")
        inner.add_argument(
            "--model", help="a file of write_gguf.py (default: written for this run)")
        inner.add_argument(
            "--kv-type", default="f16", choices=["f16", "bf16", "f32"],
            help="of keys and values (default: f16)")
        inner.add_argument(
            "--flash-attention", choices=["on", "off"], help="default: the faster here")
    arguments = shapes.complete(parser.parse_args())
    if not shutil.which(arguments.binary):
        parser.error("there is no program %s; see Benchmarks/README.md" % arguments.binary)
    if "new_tokens" in arguments and arguments.new_tokens < 2:
        parser.error("--new-tokens must be at least 2: the tool measures steps")
    return arguments


def measure_generate(arguments):
    sequences = arguments.prompts * arguments.samples
    runs = run(
        arguments, arguments.prompt_tokens, arguments.new_tokens - 1,
        sorted({arguments.prompts, sequences}))
    reading = [line["t_pp"] for line in runs if line["pl"] == arguments.prompts]
    stepping = [line["t_tg"] for line in runs if line["pl"] == sequences]
    times = [prompts + steps for prompts, steps in zip(reading, stepping)]
    print_result(
        arguments, runs[0], prompts=arguments.prompts, samples=arguments.samples,
        prompt_tokens=arguments.prompt_tokens, new_tokens=arguments.new_tokens,
        prefill_s=statistics.median(reading), seconds=statistics.median(times),
        **shapes.rates("tokens_per_s", sequences * arguments.new_tokens, times))


def measure_score(arguments):
    length = shapes.PROMPT_TOKENS
    runs = run(arguments, length, 1, [arguments.batch])
    times = [line["t_pp"] for line in runs]
    print_result(
        arguments, runs[0], batch=arguments.batch, text_tokens=length,
        seconds=statistics.median(times), **shapes.rates("texts_per_s", arguments.batch, times),
        **shapes.rates("tokens_per_s", arguments.batch * length, times))


def run(arguments, prompt_tokens, steps, counts):
    """Returns the tool's lines, for each number of sequences as many as there are repeats."""
    if max(counts) > MOST_SEQUENCES:
        sys.exit("peer_llama: llama.cpp has at most %d sequences, not %d." % (
            MOST_SEQUENCES, max(counts)))
    if arguments.flash_attention is None:
        # On some processors the plain way is the faster one: one untimed run of each decides.
        arguments.flash_attention = min(
            ("on", "off"), key=lambda choice: sum(
                line["t"] for line in lines(arguments, prompt_tokens, steps, counts, choice)))
    work = counts * (1 + arguments.repeats)  # one to warm up
    choice = arguments.flash_attention
    return lines(arguments, prompt_tokens, steps, work, choice)[len(counts):]


def lines(arguments, prompt_tokens, steps, counts, flash_attention):
    """Runs the tool and returns its line for each number of sequences, in their order."""
    context = max(counts) * rounded(prompt_tokens + steps, 256)  # a sequence gets whole 256s
    # The tool may exit before its log is written out, so a run of no meaning comes last.
    work = counts + [1]
    command = [
        arguments.binary, "-m", arguments.model, "-c", str(context), "-b", str(PROMPT_BATCH),
        "-npp", str(prompt_tokens), "-ntg", str(steps), "-npl", ",".join(map(str, work)),
        "-t", str(arguments.threads), "-tb", str(arguments.threads), "-fa", flash_attention,
        "-ctk", arguments.kv_type, "-ctv", arguments.kv_type, "--output-format", "jsonl",
    ]
    result = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    found = [json.loads(line) for line in result.stdout.split("\n") if line.startswith("{")]
    found = found[:len(counts)]
    if result.returncode != 0 or [line["pl"] for line in found] != counts:
        sys.stderr.write(result.stderr[-2000:])
        sys.exit("peer_llama: `%s` ended with status %d and %d of %d lines." % (
            " ".join(command), result.returncode, len(found), len(counts)))
    return found


def rounded(number, multiple):
    return -(-number // multiple) * multiple


def print_result(arguments, line, **fields):
    unit = 1 if platform.system() == "Darwin" else 1024  # bytes there, KiB elsewhere
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 2**20
    shapes.print_line(
        bench=arguments.bench, peer="llama.cpp", shape=arguments.shape, dtype=arguments.dtype,
        **fields, kv_type=arguments.kv_type, flash_attention=arguments.flash_attention,
        threads=line["n_threads"], repeats=arguments.repeats, peak_memory_mb=round(peak),
        versions={"llama.cpp": version(arguments.binary)})


def version(binary):
    """Returns what the tool says of itself, such as `version: 0.5.0`."""
    result = subprocess.run(
        [binary, "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        universal_newlines=True)
    found = [line for line in result.stdout.split("\n") if line.startswith("version")]
    return found[0] if found else "unknown"


if __name__ == "__main__":
    main()
