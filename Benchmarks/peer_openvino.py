#!/usr/bin/env python3
"""OpenVINO GenAI's continuous batching on the shapes of `assay bench generate`, weights in float16 or in few bits.

`export` writes the model, random weights behind a tokenizer of the same number of words, by optimum-intel (as
`optimum-cli export openvino --weight-format fp16` does). `generate` reads P prompts of random tokens, other
ones in every repeat, and draws N samples of each (`num_return_sequences`), temperature 1, no stop. All other
settings are OpenVINO's own: on processors with bfloat16 it multiplies in that, and keys and values are kept in
8 bits. On the CPU only. Prints one JSON line.

  python Benchmarks/peer_openvino.py export --shape r --out exported
  python Benchmarks/peer_openvino.py generate --shape r --model exported --prompts 4 --samples 4
"""

import argparse
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import peer_shapes as shapes

FORMATS = {"plain": "fp16", "int8": "int8", "int4": "int4"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", metavar="export|generate", required=True)
    export = commands.add_parser("export", help="writes the model")
    export.add_argument("--shape", choices=list(shapes.NEW_TOKENS), default="r")
    shapes.add_weights_argument(export)
    export.add_argument("--out", required=True, help="the folder; one that is there is kept")
    export.set_defaults(work=write)
    generate = commands.add_parser("generate", help="reads prompts and writes new tokens")
    shapes.add_generate_arguments(generate)
    shapes.add_common_arguments(generate)
    generate.add_argument("--model", required=True, help="the folder that export wrote")
    generate.set_defaults(work=measure)
    arguments = parser.parse_args()
    arguments.work(arguments)


def write(arguments):
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    if (Path(arguments.out) / "openvino_model.xml").exists():
        return
    shape = shapes.SHAPES[arguments.shape]
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        configuration = LlamaConfig(
            max_position_embeddings=2048, tie_word_embeddings=False, pad_token_id=0, bos_token_id=None,
            eos_token_id=1, **shape)
        LlamaForCausalLM(configuration).to(torch.bfloat16).save_pretrained(folder)
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        words = ["<pad>", "<end>"] + alphabet
        words += ["<%d>" % number for number in range(len(words), shape["vocab_size"])]
        tokenizer = Tokenizer(models.BPE(vocab={word: i for i, word in enumerate(words)}, merges=[]))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<end>").save_pretrained(folder)
        command = [
            str(Path(sys.executable).parent / "optimum-cli"), "export", "openvino", "--model", folder, "--task",
            "text-generation-with-past", "--weight-format", FORMATS[arguments.weights], arguments.out]
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if result.returncode != 0:
            shutil.rmtree(arguments.out, ignore_errors=True)
            sys.exit(result.stdout[-3000:] + "\npeer_openvino: the export ended with status %d"
                     % result.returncode)


def measure(arguments):
    import numpy
    import openvino
    import openvino_genai

    shapes.complete(arguments)
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.enable_prefix_caching = True
    sequences = arguments.prompts * arguments.samples
    scheduler.max_num_seqs = max(256, sequences)
    # Room for every sequence, whatever it shares.
    scheduler.cache_size = 2
    pipeline = openvino_genai.ContinuousBatchingPipeline(
        arguments.model, scheduler, "CPU", {"INFERENCE_NUM_THREADS": arguments.threads})
    draws = openvino_genai.GenerationConfig()
    draws.do_sample, draws.temperature, draws.top_k, draws.top_p = True, 1.0, 0, 1.0
    draws.num_return_sequences = arguments.samples
    draws.max_new_tokens = draws.min_new_tokens = arguments.new_tokens
    draws.ignore_eos = True
    vocabulary = shapes.SHAPES[arguments.shape]["vocab_size"]
    numbers = random.Random(arguments.seed)

    def work():
        prompts = [
            openvino.Tensor(numpy.array(
                [[numbers.randrange(2, vocabulary) for _ in range(arguments.prompt_tokens)]], numpy.int64))
            for _ in range(arguments.prompts)]
        start = time.perf_counter()
        results = pipeline.generate(prompts, [draws] * len(prompts))
        seconds = time.perf_counter() - start
        counts = [len(text) for result in results for text in result.m_generation_ids]
        assert counts == [arguments.new_tokens] * sequences, counts
        return seconds

    work()
    times = [work() for _ in range(arguments.repeats)]
    shapes.print_line(
        bench="generate", peer="openvino", shape=arguments.shape, dtype=arguments.dtype, prompts=arguments.prompts,
        samples=arguments.samples, prompt_tokens=arguments.prompt_tokens, new_tokens=arguments.new_tokens,
        seconds=statistics.median(times), **shapes.rates("tokens_per_s", sequences * arguments.new_tokens, times),
        threads=arguments.threads, repeats=arguments.repeats,
        peak_memory_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10),
        versions={"openvino": openvino.__version__, "openvino-genai": openvino_genai.__version__})


if __name__ == "__main__":
    main()
