#!/usr/bin/env python3
"""transformers' `generate` on the shapes that `assay bench generate` uses.

P prompts of 96 random tokens, N samples of each in one batch, temperature 1 without truncation, no
stop token, random weights. Prints one JSON line; tokens a second are new tokens over the whole
time, prefill included.

  python Benchmarks/peer_generate.py --shape s --prompts 16 --samples 16
"""

import argparse
import statistics

import torch
from transformers import AutoModelForCausalLM

import peer_common as common
import peer_shapes as shapes


def main():
    arguments = parse_arguments()
    common.prepare(arguments)
    model = AutoModelForCausalLM.from_config(
        common.llama_config(arguments.shape), dtype=common.DTYPES[arguments.dtype])
    model.to(arguments.device).eval()
    prompts = common.random_texts(arguments, arguments.prompts, arguments.prompt_tokens)
    mask = torch.ones_like(prompts)
    expected = (
        arguments.prompts * arguments.samples, arguments.prompt_tokens + arguments.new_tokens)

    def work():
        output = model.generate(
            input_ids=prompts, attention_mask=mask, num_return_sequences=arguments.samples,
            do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
            max_new_tokens=arguments.new_tokens)
        assert tuple(output.shape) == expected, (output.shape, expected)

    times = common.measure(arguments, work)
    new_tokens = arguments.prompts * arguments.samples * arguments.new_tokens
    common.print_result(
        arguments, bench="generate", peer="transformers", shape=arguments.shape,
        dtype=arguments.dtype, prompts=arguments.prompts, samples=arguments.samples,
        prompt_tokens=arguments.prompt_tokens, new_tokens=arguments.new_tokens,
        seconds=statistics.median(times), **shapes.rates("tokens_per_s", new_tokens, times))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    shapes.add_generate_arguments(parser)
    common.add_common_arguments(parser)
    arguments = shapes.complete(parser.parse_args())
    if arguments.weights != "plain":
        parser.error("--weights is for the other peers: transformers keeps them plain")
    return arguments


if __name__ == "__main__":
    main()
