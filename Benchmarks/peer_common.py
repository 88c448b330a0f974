"""What the measurements of peers share: the shapes, the models, the clock and the result line."""

import json
import platform
import resource
import statistics
import time

import torch
import transformers
from transformers import LlamaConfig

# The shapes of `assay bench`: what `assay help bench` lists.
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
}
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}
PAD = 0  # never drawn as a random token


def llama_config(shape, **more):
    return LlamaConfig(
        max_position_embeddings=2048, pad_token_id=PAD, bos_token_id=None, eos_token_id=None,
        tie_word_embeddings=False, attn_implementation="sdpa", **SHAPES[shape], **more)


def add_common_arguments(parser):
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: 2)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--repeats", type=int, default=5, help="timed repeats (default: 5)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and tokens (default: 0)")


def prepare(arguments):
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    transformers.logging.set_verbosity_error()


def seconds(work, device):
    """Returns how long `work` takes, waiting for the device before and after."""
    synchronize(device)
    start = time.perf_counter()
    work()
    synchronize(device)
    return time.perf_counter() - start


def synchronize(device):
    if device == "cuda":
        torch.cuda.synchronize()


def peak_memory_mb(device):
    if device == "cuda":
        return round(torch.cuda.max_memory_allocated() / 2**20)
    unit = 1 if platform.system() == "Darwin" else 1024  # bytes there, KiB elsewhere
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20)


def print_result(arguments, tokens_per_s, **fields):
    """Prints the result line; `tokens_per_s` has one figure a repeat, and the median counts."""
    print(json.dumps({
        **fields,
        "threads": arguments.threads,
        "tokens_per_s": round(statistics.median(tokens_per_s), 1),
        "tokens_per_s_range": [round(min(tokens_per_s), 1), round(max(tokens_per_s), 1)],
        "repeats": len(tokens_per_s),
        "peak_memory_mb": peak_memory_mb(arguments.device),
        "versions": {
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "python": platform.python_version(),
        },
    }))
