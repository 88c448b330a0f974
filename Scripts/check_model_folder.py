#!/usr/bin/env python3
"""Checks that transformers reads a model folder of Assay's, and gives its golden scores.

  python3 -m venv .venv
  .venv/bin/pip install torch==2.11.0 transformers==5.23.0
  .venv/bin/python Scripts/check_model_folder.py MODEL_FOLDER

A classic model with a linear head is loaded as a sequence classifier; any other as a causal
language model, whose reward head is then applied to the hidden state of the last token. Prints
versions and the largest difference from the golden scores in assay.json, and how the folder's own
chat template renders a conversation against the golden text. Fails where a score differs by more
than 1e-4 of its size, or 1e-4.
"""

import json
import sys
from pathlib import Path

import torch
import transformers
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

TOLERANCE = 1e-4
# The turns of Sources/AssayModel/Model+Golden.swift.
TURNS = [
    ("What is 2 + 3?", "2 + 3 = 5."),
    ("Name a color.", "I had eggs for breakfast."),
]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    manifest = json.loads((folder / "assay.json").read_text())
    config = json.loads((folder / "config.json").read_text())
    print(f"torch {torch.__version__}, transformers {transformers.__version__}")
    print(f"{config['architectures'][0]}, {manifest['kind']}, stored in {config['dtype']}")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    golden = manifest.get("golden", [])
    failures = check_template(tokenizer, golden)
    if config["architectures"][0].endswith("ForSequenceClassification"):
        scorer = classifier(folder)
    else:
        scorer = language_model(folder, config)
    largest = 0.0
    for item in golden:
        ids = tokenizer(item["text"], add_special_tokens=False, return_tensors="pt")["input_ids"]
        score = scorer(ids)
        difference = abs(score - item["score"])
        print(f"golden {item['score']:+.6f}, transformers {score:+.6f}")
        largest = max(largest, difference)
        if not difference <= TOLERANCE * max(1, abs(item["score"])):
            failures.append(f"a score differs by {difference:.3g}")
    print(f"largest difference {largest:.3g} of {len(golden)} golden scores")
    if failures:
        sys.exit("\n".join(failures))


def check_template(tokenizer, golden):
    """The folder's Jinja text must render what Assay renders."""
    failures = []
    for item, (prompt, response) in zip(golden, TURNS):
        messages = [
            {"role": "user", "content": prompt}, {"role": "assistant", "content": response}]
        text = tokenizer.apply_chat_template(messages, tokenize=False).rstrip("\n")
        if not item["text"].startswith(text):
            failures.append(f"the chat template renders {text!r}, Assay {item['text']!r}")
    if golden:
        print(f"chat template: {'differs' if failures else 'equal'}")
    return failures


def classifier(folder):
    model, info = AutoModelForSequenceClassification.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True)
    check_loading(info, allowed=())
    model.eval()

    def score(ids):
        with torch.no_grad():
            return model(ids).logits[0, 0].item()

    return score


def language_model(folder, config):
    model, info = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True)
    # The reward head has names of its own, which a language model passes over.
    check_loading(info, allowed=("score.", "reward_head."))
    model.eval()
    head = reward_head(folder)

    def score(ids):
        with torch.no_grad():
            hidden = model.model(ids).last_hidden_state[0, -1]
            if "score.weight" in head:
                return (head["score.weight"] @ hidden).item()
            inner = torch.tanh(
                head["reward_head.dense.weight"] @ hidden + head["reward_head.dense.bias"])
            return (head["reward_head.out_proj.weight"] @ inner
                    + head["reward_head.out_proj.bias"]).item()

    return score


def reward_head(folder):
    head = {}
    for path in folder.glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            for name in file.keys():
                if name.startswith(("score.", "reward_head.")):
                    head[name] = file.get_tensor(name).float()
    return head


def check_loading(info, allowed):
    """No weight may be drawn anew, and none but the reward head's may be passed over."""
    if info["missing_keys"]:
        sys.exit(f"transformers misses {sorted(info['missing_keys'])}")
    extra = [name for name in info["unexpected_keys"] if not name.startswith(allowed)]
    if extra:
        sys.exit(f"transformers does not know {sorted(extra)}")


if __name__ == "__main__":
    main()
