#!/usr/bin/env python3
"""Writes a GGUF file with random weights and the shape of a model of `assay bench`, for llama.cpp.

Matrices are in the type asked for, norms in float32 as llama.cpp wants them. `--weights int8` and `int4` write
Q8_0 and Q4_1. There is no tokenizer:
the measurement feeds token ids. Needs `pip install gguf`.

  python Benchmarks/write_gguf.py --shape s --dtype f32 --out s.gguf
"""

import argparse

import gguf
import numpy

import peer_shapes as shapes

TYPES = {"f32": gguf.GGMLQuantizationType.F32, "bf16": gguf.GGMLQuantizationType.BF16}
PACKED = {"int8": gguf.GGMLQuantizationType.Q8_0, "int4": gguf.GGMLQuantizationType.Q4_1}
DEVIATION = 0.02
CONTEXT_TOKENS = 2048
NORM_EPSILON = 1e-6


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shape", choices=list(shapes.NEW_TOKENS), default="s")
    parser.add_argument("--dtype", choices=list(TYPES), help="default: f32 (s), bf16 (q, r)")
    shapes.add_weights_argument(parser)
    parser.add_argument("--seed", type=int, default=0, help="of the weights (default: 0)")
    parser.add_argument("--out", required=True, help="the file")
    write(shapes.complete(parser.parse_args()))


def write(arguments):
    shape = shapes.SHAPES[arguments.shape]
    hidden, heads = shape["hidden_size"], shape["num_attention_heads"]
    width = hidden // heads
    writer = gguf.GGUFWriter(arguments.out, "llama")
    writer.add_name("assay-bench-" + arguments.shape)
    writer.add_context_length(CONTEXT_TOKENS)
    writer.add_embedding_length(hidden)
    writer.add_block_count(shape["num_hidden_layers"])
    writer.add_feed_forward_length(shape["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(shape["num_key_value_heads"])
    writer.add_key_length(width)
    writer.add_value_length(width)
    writer.add_rope_dimension_count(width)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(NORM_EPSILON)
    writer.add_vocab_size(shape["vocab_size"])
    writer.add_tokenizer_model("no_vocab")
    random = numpy.random.default_rng(arguments.seed)
    for name, size in tensors(shape, width):
        if len(size) == 1:
            writer.add_tensor(name, numpy.ones(size, numpy.float32))
            continue
        values = random.standard_normal(size, numpy.float32) * numpy.float32(DEVIATION)
        kind = PACKED.get(arguments.weights, TYPES[arguments.dtype])
        writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def tensors(shape, width):
    """Yields the name and the size of every weight, rows first."""
    hidden, inner = shape["hidden_size"], shape["intermediate_size"]
    queries = shape["num_attention_heads"] * width
    keys = shape["num_key_value_heads"] * width
    yield "token_embd.weight", (shape["vocab_size"], hidden)
    yield "output.weight", (shape["vocab_size"], hidden)
    yield "output_norm.weight", (hidden,)
    for block in range(shape["num_hidden_layers"]):
        for name, size in (
                ("attn_norm", (hidden,)), ("attn_q", (queries, hidden)),
                ("attn_k", (keys, hidden)), ("attn_v", (keys, hidden)),
                ("attn_output", (hidden, queries)), ("ffn_norm", (hidden,)),
                ("ffn_gate", (inner, hidden)), ("ffn_up", (inner, hidden)),
                ("ffn_down", (hidden, inner))):
            yield "blk.%d.%s.weight" % (block, name), size


if __name__ == "__main__":
    main()
