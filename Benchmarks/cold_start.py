#!/usr/bin/env python3
"""From a cold start to the first score: `assay score` against transformers, each a process of its own, in turn.

  cold_start.py --folder DIR [--rounds 5] [--threads 2] [--dtype bf16]

DIR gets a reward model of the shape of Qwen3-0.6B with random weights in bfloat16 (0.49 B parameters: the
vocabulary is SmolLM2's, whose tokenizer `assay pull smollm2` has brought), if it is not there. The system's cache holds the
files for both. Needs torch, transformers and gguf. Prints a JSON line: seconds and peak memory of each, and
their ratios.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ASSAY = Path(__file__).resolve().parent.parent / ".build" / "release" / "assay"
ROW = {"id": "1", "prompt": "What is two plus three?", "response": "Two plus three is five."}


def make(folder, gguf):
    import torch
    from transformers import AutoTokenizer, Qwen3Config, Qwen3ForSequenceClassification
    torch.manual_seed(0)
    configuration = Qwen3Config(
        hidden_size=1024, num_hidden_layers=28, num_attention_heads=16, num_key_value_heads=8, head_dim=128,
        intermediate_size=3072, vocab_size=49152, max_position_embeddings=4096, tie_word_embeddings=True,
        num_labels=1, pad_token_id=2, eos_token_id=2, bos_token_id=1)
    Qwen3ForSequenceClassification(configuration).to(torch.bfloat16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)


def peer(folder, threads, dtype):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    torch.set_num_threads(threads)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, dtype={"bf16": torch.bfloat16, "f32": torch.float32}[dtype]).eval()
    messages = [{"role": "user", "content": ROW["prompt"]}, {"role": "assistant", "content": ROW["response"]}]
    ids = tokenizer.apply_chat_template(messages, return_tensors="pt", return_dict=True)["input_ids"]
    with torch.inference_mode():
        print(json.dumps({"score": model(input_ids=ids).logits.item()}))


def timed(command, given):
    start = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    process.stdin.write(given.encode())
    process.stdin.close()
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit("%s ended with %d" % (command[0], status))
    return time.perf_counter() - start, usage.ru_maxrss / 1024, json.loads(output)["score"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", default="bf16", choices=["bf16", "f32"])
    parser.add_argument("--gguf", type=Path, help="SmolLM2's GGUF file, to make the folder with")
    parser.add_argument("--peer", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        return peer(arguments.folder, arguments.threads, arguments.dtype)
    if not (arguments.folder / "model.safetensors").exists():
        if not arguments.gguf:
            sys.exit("give --gguf, the file that `assay pull smollm2` prints")
        make(arguments.folder, arguments.gguf)
    ours = [str(ASSAY), "score", "--model", str(arguments.folder), "--data", "-", "--dtype", arguments.dtype,
            "--threads", str(arguments.threads), "--quiet"]
    theirs = [sys.executable, __file__, "--peer", "--folder", str(arguments.folder), "--threads",
              str(arguments.threads), "--dtype", arguments.dtype]
    rounds = []
    for _ in range(arguments.rounds):
        rounds.append((timed(ours, json.dumps(ROW)), timed(theirs, "")))
    seconds = [statistics.median(entry[side][0] for entry in rounds) for side in (0, 1)]
    memory = [max(entry[side][1] for entry in rounds) for side in (0, 1)]
    weights = sum(path.stat().st_size for path in arguments.folder.glob("*.safetensors")) / 2**20
    print(json.dumps({
        "bench": "cold-start", "dtype": arguments.dtype, "threads": arguments.threads, "weights_mb": round(weights),
        "assay_s": round(seconds[0], 2), "transformers_s": round(seconds[1], 2),
        "ratio": round(statistics.median(a[0] / b[0] for a, b in rounds), 3),
        "assay_peak_mb": round(memory[0]), "transformers_peak_mb": round(memory[1]),
        "assay_peak_over_weights": round(memory[0] / weights, 2), "scores": [rounds[0][0][2], rounds[0][1][2]],
        "rounds": len(rounds)}))


if __name__ == "__main__":
    main()
