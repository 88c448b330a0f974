"""The shapes of `assay bench`, as `assay help bench` lists them, and what every peer prints."""

import json
import statistics

SHAPES = {
    "s": dict(
        hidden_size=128, num_hidden_layers=4, num_attention_heads=4, num_key_value_heads=4,
        intermediate_size=512, vocab_size=512),
    "m": dict(
        hidden_size=384, num_hidden_layers=6, num_attention_heads=6, num_key_value_heads=6,
        intermediate_size=1024, vocab_size=4096),
    "q": dict(
        hidden_size=896, num_hidden_layers=24, num_attention_heads=14, num_key_value_heads=2,
        intermediate_size=4864, vocab_size=151936),
    "r": dict(
        hidden_size=576, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3,
        intermediate_size=1536, vocab_size=49152),
}
# Of `generate` and `score`.
PROMPT_TOKENS = 96
NEW_TOKENS = {"s": 96, "q": 24, "r": 48}
DTYPE = {"s": "f32", "q": "bf16", "r": "bf16"}


def add_common_arguments(parser):
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: 2)")
    parser.add_argument("--repeats", type=int, default=5, help="timed repeats (default: 5)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and tokens (default: 0)")


def add_weights_argument(parser):
    parser.add_argument(
        "--weights", choices=["plain", "int8", "int4"], default="plain",
        help="how weights of products are kept (default: plain)")


def add_generate_arguments(parser):
    parser.add_argument("--shape", choices=list(NEW_TOKENS), default="s")
    parser.add_argument("--dtype", choices=["f32", "bf16"], help="default: f32 (s), bf16 (q, r)")
    parser.add_argument("--prompts", type=int, default=16)
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--prompt-tokens", type=int, default=PROMPT_TOKENS, help="default: 96")
    parser.add_argument("--new-tokens", type=int, help="default: 96 (s), 24 (q), 48 (r)")
    add_weights_argument(parser)


def add_score_arguments(parser):
    parser.add_argument("--shape", choices=list(NEW_TOKENS), default="q")
    parser.add_argument("--dtype", choices=["f32", "bf16"], help="default: f32 (s), bf16 (q, r)")
    parser.add_argument("--batch", type=int, default=16)


def complete(arguments):
    """Fills in what depends on the shape."""
    arguments.dtype = arguments.dtype or DTYPE[arguments.shape]
    if "new_tokens" in arguments:
        arguments.new_tokens = arguments.new_tokens or NEW_TOKENS[arguments.shape]
    return arguments


def rates(name, amount, times):
    """Returns the fields of a rate: the median counts."""
    values = [amount / time for time in times]
    return {
        name: round(statistics.median(values), 2),
        name + "_range": [round(min(values), 2), round(max(values), 2)],
    }


def print_line(**fields):
    print(json.dumps(fields), flush=True)
