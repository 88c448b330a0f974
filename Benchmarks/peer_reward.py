#!/usr/bin/env python3
"""TRL's RewardTrainer, with PEFT where an adapter is asked for, as `reward.py` measures it.

Trains a sequence classifier from a model folder on preference pairs in the order of the file, from a head (and
an adapter) that another run started from, and prints one JSON line: each step's loss in full, the tokens of
each step without padding, and its seconds. The model is saved in --out. With --score a model folder, or PEFT's
folder of an adapter, scores pairs in float32 in place of all that.

  python Benchmarks/peer_reward.py --model base --start start/checkpoint --data train.jsonl --steps 50 --out trl
  python Benchmarks/peer_reward.py --model base --score trl --data test.jsonl --pairs 100
"""

import argparse
import json
import os
import time

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", required=True, help="a model folder")
    parser.add_argument("--start", help="a folder with the first head, or an adapter with it")
    parser.add_argument("--out", help="where the trained model is saved")
    parser.add_argument("--score", help="a trained model or adapter, whose scores of the first --pairs are printed")
    parser.add_argument("--data", required=True, help="pairs, JSON Lines")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--pairs", type=int, default=8, help="pairs a step, or to score")
    parser.add_argument("--rate", type=float, default=1e-5)
    parser.add_argument("--tokens", type=int, default=1024, help="longest text")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=["f32", "bf16", "autocast"], default="f32",
                        help="bf16: weights in bf16; autocast: float32 weights, bf16 products")
    parser.add_argument("--rank", type=int, default=0, help="an adapter of this rank; 0 is none")
    parser.add_argument("--alpha", type=float, default=32)
    arguments = parser.parse_args()

    import torch
    torch.set_num_threads(arguments.threads)
    if arguments.score:
        print(json.dumps({"scores": scores(arguments)}))
        return
    trainer = make_trainer(arguments)
    trainer.train()
    trainer.save_model(arguments.out)
    import peft
    import transformers
    import trl
    print(json.dumps({
        "bench": "reward", "peer": "trl", "dtype": arguments.dtype, "threads": arguments.threads,
        "versions": f"trl {trl.__version__}, transformers {transformers.__version__}, "
                    f"peft {peft.__version__}, torch {torch.__version__}",
        "losses": trainer.losses, "tokens": trainer.tokens, "seconds": trainer.times}))


def make_trainer(arguments):
    import datasets
    import torch
    import trl
    from torch.utils.data import SequentialSampler
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    class Trainer(trl.RewardTrainer):
        """Keeps the file's order, and each step's figures."""

        losses, tokens, times = [], [], []

        def _get_train_sampler(self, *_, **__):
            return SequentialSampler(self.train_dataset)

        def training_step(self, model, inputs, *rest, **named):
            started = time.perf_counter()
            if self.tokens:  # what lies between two steps is the first one's: clipping, optimizer
                self.times.append(started - self.started)
            self.started = started
            self.tokens.append(int(inputs["attention_mask"].sum()))
            loss = super().training_step(model, inputs, *rest, **named)
            self.losses.append(float(loss))
            return loss

    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    model = AutoModelForSequenceClassification.from_pretrained(
        arguments.model, num_labels=1,
        dtype=torch.bfloat16 if arguments.dtype == "bf16" else torch.float32)
    adapter = start(model, arguments)
    config = trl.RewardConfig(
        output_dir="unused", per_device_train_batch_size=arguments.pairs, max_steps=arguments.steps,
        learning_rate=arguments.rate, lr_scheduler_type="constant", warmup_steps=0, weight_decay=0.0,
        adam_beta1=0.9, adam_beta2=0.95, adam_epsilon=1e-8, max_grad_norm=1.0, optim="adamw_torch_fused",
        max_length=arguments.tokens, use_cpu=True, bf16=arguments.dtype == "autocast",
        gradient_checkpointing=False, pad_to_multiple_of=None, logging_strategy="no", save_strategy="no",
        report_to="none", disable_tqdm=True, dataloader_pin_memory=False)
    rows = [json.loads(line) for line in open(arguments.data, encoding="utf-8")]
    keys = ("prompt", "chosen", "rejected")
    data = datasets.Dataset.from_list([{key: row[key] for key in keys} for row in rows])
    return Trainer(model=adapter or model, args=config, train_dataset=data, processing_class=tokenizer)


def scores(arguments):
    """Scores of chosen and rejected, one text at a time, so that none is padded."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    def load(folder):
        return AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1, dtype=torch.float32)

    if os.path.exists(os.path.join(arguments.score, "adapter_config.json")):
        import peft
        model = peft.PeftModel.from_pretrained(load(arguments.model), arguments.score)
    else:
        model = load(arguments.score)
    model.eval()
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)

    def score(prompt, response):
        turns = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        own = [{"role": "assistant", "content": response}] if isinstance(response, str) else response
        ids = tokenizer.apply_chat_template(turns + own, return_dict=True, return_tensors="pt")
        return float(model(**ids).logits[0, 0])

    with torch.no_grad(), open(arguments.data, encoding="utf-8") as file:
        rows = [json.loads(line) for line, _ in zip(file, range(arguments.pairs))]
        return [[score(row["prompt"], row[side]) for side in ("chosen", "rejected")] for row in rows]


def start(model, arguments):
    """Gives the model the first head; returns it with the first adapter where one is asked for."""
    import torch
    from safetensors.torch import load_file
    folder = arguments.start
    if arguments.rank == 0:
        head = load_file(os.path.join(folder, "model.safetensors"))["score.weight"]
        with torch.no_grad():
            model.score.weight.copy_(head)
        return None
    import peft
    adapter = peft.get_peft_model(model, peft.LoraConfig(
        task_type="SEQ_CLS", r=arguments.rank, lora_alpha=arguments.alpha, lora_dropout=0.0,
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
        modules_to_save=["score"]))
    found = peft.set_peft_model_state_dict(
        adapter, load_file(os.path.join(folder, "adapter", "adapter_model.safetensors")))
    if found.unexpected_keys:
        raise SystemExit(f"the adapter has weights that PEFT does not know: {found.unexpected_keys[:3]}")
    return adapter


if __name__ == "__main__":
    main()
