#!/usr/bin/env python3
"""transformers' sequence classification on the shapes that `assay bench score` uses.

One forward pass of AutoModelForSequenceClassification with one label over B texts of 96 random
tokens, all of one length and so without padding; random weights. Prints one JSON line.

  python Benchmarks/peer_score.py --shape q --batch 16
"""

import argparse
import statistics

import torch
from transformers import AutoModelForSequenceClassification

import peer_common as common
import peer_shapes as shapes


def main():
    arguments = parse_arguments()
    common.prepare(arguments)
    model = AutoModelForSequenceClassification.from_config(
        common.llama_config(arguments.shape, num_labels=1), dtype=common.DTYPES[arguments.dtype])
    model.to(arguments.device).eval()
    texts = common.random_texts(arguments, arguments.batch, shapes.PROMPT_TOKENS)

    def work():
        scores = model(input_ids=texts, use_cache=False).logits[:, 0].float()
        assert scores.shape == (arguments.batch,) and bool(torch.isfinite(scores).all())

    times = common.measure(arguments, work)
    tokens = arguments.batch * shapes.PROMPT_TOKENS
    common.print_result(
        arguments, bench="score", peer="transformers", shape=arguments.shape,
        dtype=arguments.dtype, batch=arguments.batch, text_tokens=shapes.PROMPT_TOKENS,
        seconds=statistics.median(times), **shapes.rates("texts_per_s", arguments.batch, times),
        **shapes.rates("tokens_per_s", tokens, times))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    shapes.add_score_arguments(parser)
    common.add_common_arguments(parser)
    return shapes.complete(parser.parse_args())


if __name__ == "__main__":
    main()
