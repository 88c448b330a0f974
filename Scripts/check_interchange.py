#!/usr/bin/env python3
"""Checks that models score the same here and elsewhere, however they are stored; writes the table.

    python3 -m venv VENV
    VENV/bin/pip install torch==2.11.0 transformers peft gguf    # and xllamacpp, for llama.cpp
    VENV/bin/python Scripts/check_interchange.py [--assay .build/release/assay] [--out TABLE.md]

Makes tiny checkpoints of random weights in each layout and compares `assay audit` with transformers:
each row alone, in a batch, and padded on both sides, in float32, bfloat16 and int8. Then exports a
model in every layout and reads it with transformers (`gguf_file`), the gguf package, peft and, where
xllamacpp is there, llama.cpp. Fails where float32 is off by more than 1e-4, or batches by 1e-5.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, decoders, trainers
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

import interchange_exports as exports

SPECIAL = ["<pad>", "<s>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = ("{{ bos_token }}{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' "
            "+ m['content'] + '<|im_end|>\\n' }}{% endfor %}")
CORPUS = ["the other hens don't count to 1234", "how many apples are left of the seven", "caf\u00e9"]
COMMON = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "vocab_size": 320,
          "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "pad_token_id": 0,
          "bos_token_id": 1, "eos_token_id": 3, "max_position_embeddings": 512,
          "initializer_range": 0.1}
LAYOUTS = {
    "llama": ("LlamaConfig", {}),
    "llama, RoPE of 3.1": ("LlamaConfig", {"rope_scaling": {
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192}, "rope_theta": 500000.0,
        "max_position_embeddings": 16384}),
    "mistral": ("MistralConfig", {"sliding_window": None}),
    "qwen2": ("Qwen2Config", {}),
    "qwen3": ("Qwen3Config", {}),
    "gemma": ("GemmaConfig", {}),
    "gemma2": ("Gemma2Config", {"query_pre_attn_scalar": 16, "sliding_window": 512}),
    "phi3": ("Phi3Config", {}),
    "olmo2": ("Olmo2Config", {}),
    "mixtral": ("MixtralConfig", {"num_local_experts": 4, "num_experts_per_tok": 2}),
    "smollm3": ("SmolLM3Config", {}),
}
# Tolerances of the table: float32 against transformers, and ways of one model among themselves.
PARITY, AMONG = 1e-4, 1e-5


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--assay", default=".build/release/assay", help="the binary")
    parser.add_argument("--out", help="the file of the table (default: standard output alone)")
    parser.add_argument("--rows", type=int, default=64, help="rows of the batch (default: 64)")
    arguments = parser.parse_args()
    assay = str(Path(arguments.assay).resolve())
    table, failures = [], []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        data = root / "rows.jsonl"
        rows = [{"id": str(n), "prompt": "how many apples " * (1 + n % 7),
                 "response": "%d, the other hens don't" % n} for n in range(arguments.rows)]
        data.write_text("".join(json.dumps(row) + "\n" for row in rows))
        for name in LAYOUTS:
            model = checkpoint(root / name.replace(" ", "-"), name, AutoModelForSequenceClassification)
            line, failed = parity(assay, model, data, rows, name)
            table.append(line)
            failures += failed
        for name, found, limit in exports.compare(assay, root, data, rows, checkpoint, reference):
            print("%-60s %s" % (name, found), flush=True)
            if limit is not None and not found <= limit:
                failures.append("%s: %g is above %g" % (name, found, limit))
    head = ("| layout | f32 against transformers | bf16 | int8 | batch of %d, padding |\n"
            "| --- | --- | --- | --- | --- |\n" % arguments.rows)
    text = head + "".join(line + "\n" for line in table)
    print(text)
    if arguments.out:
        Path(arguments.out).write_text(text)
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def checkpoint(folder, name, kind):
    """Saves a model of random weights with a tokenizer and a template; returns its folder."""
    torch.manual_seed(len(name))
    config, settings = LAYOUTS[name]
    settings = {**COMMON, **settings}
    if kind is AutoModelForSequenceClassification:
        settings["num_labels"] = 1
    model = kind.from_config(getattr(transformers, config)(**settings)).float()
    if hasattr(model, "score"):
        torch.nn.init.normal_(model.score.weight)
    model.save_pretrained(folder)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(CORPUS * 3, trainers.BpeTrainer(
        vocab_size=320, special_tokens=SPECIAL, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=SPECIAL[0], bos_token=SPECIAL[1],
        eos_token=SPECIAL[3], chat_template=TEMPLATE).save_pretrained(folder)
    return folder


def reference(folder, rows, model=None):
    """The scores that transformers computes of rows, one at a time."""
    model = model or AutoModelForSequenceClassification.from_pretrained(folder)
    # The automatic class would split words as the first model of its architecture does.
    tokenizer = transformers.PreTrainedTokenizerFast.from_pretrained(folder)
    scores = []
    for row in rows:
        ids = tokenizer.apply_chat_template(
            [{"role": "user", "content": row["prompt"]},
             {"role": "assistant", "content": row["response"]}], return_dict=True,
            return_tensors="pt")["input_ids"]
        with torch.no_grad():
            scores.append(model.eval()(ids).logits[0, 0].item())
    return scores


def audit(assay, folder, data, *options):
    """The rows of an audit in which nothing fails."""
    result = subprocess.run(
        [assay, "audit", "--model", str(folder), "--data", str(data), "--json", "--quiet",
         "--tolerance", "1e9", "--threads", "1", *options], stdout=subprocess.PIPE, check=True)
    return json.loads(result.stdout)["rows"]


def off(a, b):
    """The difference of two scores in proportion, below one as it is."""
    return abs(a - b) / max(1.0, abs(b))


def parity(assay, folder, data, rows, name):
    """A line of the table, and what failed."""
    expected = reference(folder, rows)
    worst = {}
    for kind, options in (("f32", []), ("bf16", ["--dtype", "bf16"]),
                          ("int8", ["--weights", "int8"])):
        found = audit(assay, folder, data, "--device", "cpu", *options)
        worst[kind] = max(off(row["scores"]["alone"], score)
                          for row, score in zip(found, expected))
        if kind == "f32":
            among = max(off(value, row["scores"]["alone"])
                        for row in found for value in row["scores"].values())
    failures = []
    if worst["f32"] > PARITY:
        failures.append("%s: float32 is %g off transformers" % (name, worst["f32"]))
    if among > AMONG:
        failures.append("%s: batches and padding move a score by %g" % (name, among))
    line = "| %s | %.1e | %.1e | %.1e | %.1e |" % (
        name, worst["f32"], worst["bf16"], worst["int8"], among)
    print(line, flush=True)
    return line, failures


if __name__ == "__main__":
    sys.exit(main())
