#!/usr/bin/env python3
"""The plain PyTorch loop over transformers that `assay bench train` is measured against.

A Bradley-Terry step of LlamaForSequenceClassification with random weights: forward of chosen and
rejected in one batch, loss, backward, clipping to 1.0, fused AdamW. Attention is PyTorch's
scaled_dot_product_attention. Prints one JSON line.

  python Benchmarks/peer_train.py --shape m --dtype bf16
  python Benchmarks/peer_train.py --shape m --dtype bf16 --data pairs-ids.jsonl

In bf16 there are two ways, weights in bf16 (`pure`) and float32 weights under autocast; without
--bf16-mode both are tried for a few steps and the faster one is measured.
"""

import argparse
import contextlib
import itertools
import json
import statistics

import torch
from torch.nn.functional import logsigmoid
from transformers import LlamaForSequenceClassification

import peer_common as common
import peer_shapes as shapes

PAIRS = {"s": (32, 128), "m": (8, 256)}  # pairs a step, tokens a response
RANDOM_BATCHES = 8
REPEAT_SECONDS = 2.0  # of random tokens; a repeat over a file is one pass
TRIAL_STEPS = 6


def main():
    arguments = parse_arguments()
    common.prepare(arguments)
    batches = read_batches(arguments) if arguments.data else random_batches(arguments)
    if arguments.dtype == "bf16" and arguments.bf16_mode is None:
        arguments.bf16_mode = min(("pure", "autocast"), key=lambda m: trial(arguments, m, batches))
    step = make_step(arguments, arguments.bf16_mode)
    times, rates = measure(arguments, step, batches)
    common.print_result(
        arguments, tokens_per_s=round(statistics.median(rates), 1),
        tokens_per_s_range=[round(min(rates), 1), round(max(rates), 1)], bench="train",
        peer="transformers", shape=arguments.shape,
        dtype=arguments.dtype, bf16_mode=arguments.bf16_mode, compiled=arguments.compile,
        data="file" if arguments.data else "random",
        step_ms=round(statistics.median(times) * 1e3, 2))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shape", choices=list(PAIRS), default="s")
    parser.add_argument("--dtype", choices=list(common.DTYPES), default="f32")
    parser.add_argument("--bf16-mode", choices=["pure", "autocast"], help="default: the faster")
    parser.add_argument("--compile", action="store_true", help="use torch.compile")
    parser.add_argument(
        "--data", help='JSON Lines of {"chosen_ids": [...], "rejected_ids": [...]}')
    parser.add_argument("--steps", type=int, help="with --data: steps a repeat (default: all)")
    common.add_common_arguments(parser)
    return parser.parse_args()


# Data: a batch is (ids, mask or None, real tokens), chosen responses before rejected ones


def random_batches(arguments):
    pairs, length = PAIRS[arguments.shape]
    vocabulary = shapes.SHAPES[arguments.shape]["vocab_size"]
    return [
        (torch.randint(1, vocabulary, (2 * pairs, length), device=arguments.device), None,
         2 * pairs * length)
        for _ in range(RANDOM_BATCHES)
    ]


def read_batches(arguments):
    """Reads pairs in the file's order; each batch is padded to its longest response."""
    with open(arguments.data) as file:
        rows = [json.loads(line) for line in file if line.strip()]
    pairs = PAIRS[arguments.shape][0]
    batches = [pad_batch(rows[i:i + pairs], arguments.device) for i in range(0, len(rows), pairs)]
    return batches[:arguments.steps]


def pad_batch(rows, device):
    texts = [row["chosen_ids"] for row in rows] + [row["rejected_ids"] for row in rows]
    # transformers takes the score at the last token that is not padding.
    assert all(text[-1] != common.PAD for text in texts), "a response ends in the padding id"
    longest = max(map(len, texts))
    ids = torch.tensor([text + [common.PAD] * (longest - len(text)) for text in texts])
    lengths = torch.tensor([len(text) for text in texts])
    mask = (torch.arange(longest)[None, :] < lengths[:, None]).long()
    return ids.to(device), mask.to(device), int(lengths.sum())


# The step


def make_step(arguments, mode):
    """Returns a function that trains on one batch."""
    torch.manual_seed(arguments.seed)
    model = LlamaForSequenceClassification(common.llama_config(arguments.shape, num_labels=1))
    model.config.use_cache = False
    weights = torch.bfloat16 if mode == "pure" else torch.float32
    model.to(arguments.device, weights).train()
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0.0, fused=True)
    forward = torch.compile(model) if arguments.compile else model

    def step(batch):
        ids, mask, _ = batch
        with autocast(arguments.device) if mode == "autocast" else contextlib.nullcontext():
            scores = forward(input_ids=ids, attention_mask=mask).logits[:, 0].float()
        chosen, rejected = scores.chunk(2)
        loss = -logsigmoid(chosen - rejected).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return step


def autocast(device):
    return torch.autocast(device, dtype=torch.bfloat16)


# The measurement


def trial(arguments, mode, batches):
    """Returns the median time of a few steps in one bf16 mode."""
    step = make_step(arguments, mode)
    few = itertools.islice(itertools.cycle(batches), TRIAL_STEPS)
    times = [common.seconds(lambda: step(batch), arguments.device) for batch in few]
    return statistics.median(times[1:])


def measure(arguments, step, batches):
    """Returns the time of every step and the tokens a second of every repeat."""
    warm_up = [common.seconds(lambda: step(batch), arguments.device) for batch in batches[:4]]
    if arguments.data:
        work = batches
    else:
        steps = max(4, round(REPEAT_SECONDS / statistics.median(warm_up)))
        work = list(itertools.islice(itertools.cycle(batches), steps))
    times, rates = [], []
    for _ in range(arguments.repeats):
        repeat = [common.seconds(lambda: step(batch), arguments.device) for batch in work]
        times += repeat
        rates.append(sum(tokens for _, _, tokens in work) / sum(repeat))
    return times, rates


if __name__ == "__main__":
    main()
