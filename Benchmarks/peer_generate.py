#!/usr/bin/env python3
"""transformers' `generate` on the shapes that `assay bench generate` uses.

P prompts of 96 random tokens, N samples of each in one batch, temperature 1 without truncation, no
stop token, random weights. Prints one JSON line; tokens a second are new tokens over the whole
time, prefill included.

  python Benchmarks/peer_generate.py --shape s --prompts 16 --samples 16
"""

import argparse

import torch
from transformers import AutoModelForCausalLM

import peer_common as common

PROMPT_TOKENS = 96
NEW_TOKENS = {"s": 96, "q": 24}
DTYPE = {"s": "f32", "q": "bf16"}


def main():
    arguments = parse_arguments()
    common.prepare(arguments)
    dtype = arguments.dtype or DTYPE[arguments.shape]
    model = AutoModelForCausalLM.from_config(
        common.llama_config(arguments.shape), dtype=common.DTYPES[dtype])
    model.to(arguments.device).eval()
    new_tokens = NEW_TOKENS[arguments.shape]
    vocabulary = common.SHAPES[arguments.shape]["vocab_size"]
    prompts = torch.randint(
        1, vocabulary, (arguments.prompts, PROMPT_TOKENS), device=arguments.device)
    mask = torch.ones_like(prompts)

    def work():
        output = model.generate(
            input_ids=prompts, attention_mask=mask, num_return_sequences=arguments.samples,
            do_sample=True, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=new_tokens)
        expected = (arguments.prompts * arguments.samples, PROMPT_TOKENS + new_tokens)
        assert tuple(output.shape) == expected, (output.shape, expected)

    with torch.inference_mode():
        common.seconds(work, arguments.device)
        times = [common.seconds(work, arguments.device) for _ in range(arguments.repeats)]
    total = arguments.prompts * arguments.samples * new_tokens
    common.print_result(
        arguments, [total / time for time in times], bench="generate", peer="transformers",
        shape=arguments.shape, dtype=dtype, prompts=arguments.prompts, samples=arguments.samples)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shape", choices=list(NEW_TOKENS), default="s")
    parser.add_argument("--dtype", choices=list(common.DTYPES), help="default: f32 (s), bf16 (q)")
    parser.add_argument("--prompts", type=int, default=16)
    parser.add_argument("--samples", type=int, default=16)
    common.add_common_arguments(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()
