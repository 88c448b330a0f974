#!/usr/bin/env python3
"""Records adapters that `peft` saved, with the scores that it computes with them.

    python3 -m venv VENV
    VENV/bin/pip install torch==2.11.0 transformers peft
    VENV/bin/python Scripts/record_peft.py

Writes to Tests/AssayModelTests/Fixtures/peft a folder for each kind (LoRA, rank-stabilised, DoRA, and
LoRA of every projection) with a head of its own (modules_to_save) over the fixture llama-reward, and
expected.json: the score of each of its sequences, by peft with the adapter beside the base.
"""

import json
import shutil
from pathlib import Path

import peft
import torch
import transformers

FIXTURES = Path(__file__).resolve().parent.parent / "Tests" / "AssayModelTests" / "Fixtures"
BASE = FIXTURES / "llama-reward"
KINDS = {
    "lora": {},
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True},
    "wide": {"target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj",
                                "down_proj"]},
}


def main():
    sequences = json.loads((BASE / "expected.json").read_text())["sequences"]
    record = {"made_by": "peft %s, transformers %s, torch %s" % (
        peft.__version__, transformers.__version__, torch.__version__)}
    folder = FIXTURES / "peft"
    shutil.rmtree(folder, ignore_errors=True)
    for seed, (name, settings) in enumerate(KINDS.items()):
        record[name] = one(folder / name, sequences, seed, settings)
    (folder / "expected.json").write_text(json.dumps(record, indent=1) + "\n")


def one(folder, sequences, seed, settings):
    """Saves an adapter of random numbers, and returns peft's scores."""
    torch.manual_seed(seed)
    base = transformers.AutoModelForSequenceClassification.from_pretrained(BASE)
    settings = {"target_modules": ["q_proj", "v_proj"], **settings}
    config = peft.LoraConfig(task_type="SEQ_CLS", r=2, lora_alpha=6, init_lora_weights=False,
                             modules_to_save=["score"], **settings)
    model = peft.get_peft_model(base, config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "modules_to_save" in name:
                weight.normal_()
            if "magnitude" in name:
                weight.mul_(torch.rand_like(weight) + 0.5)
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    # Where the base lies is the reader's to know: beside, in the fixtures.
    file = folder / "adapter_config.json"
    document = json.loads(file.read_text())
    document["base_model_name_or_path"] = "../../llama-reward"
    file.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    model.eval()
    with torch.no_grad():
        return [model(torch.tensor([ids])).logits[0, 0].item() for ids in sequences]


if __name__ == "__main__":
    main()
