"""What the measurements of transformers share: the models, the clock and the result line."""

import platform
import resource
import time

import torch
import transformers
from transformers import LlamaConfig

import peer_shapes as shapes

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}
PAD = 0  # never drawn as a random token


def llama_config(shape, **more):
    return LlamaConfig(
        max_position_embeddings=2048, pad_token_id=PAD, bos_token_id=None, eos_token_id=None,
        tie_word_embeddings=False, attn_implementation="sdpa", **shapes.SHAPES[shape], **more)


def add_common_arguments(parser):
    shapes.add_common_arguments(parser)
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")


def prepare(arguments):
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    transformers.logging.set_verbosity_error()


def random_texts(arguments, count, length):
    vocabulary = shapes.SHAPES[arguments.shape]["vocab_size"]
    return torch.randint(1, vocabulary, (count, length), device=arguments.device)


def measure(arguments, work):
    """Returns the time of every repeat, behind one to warm up."""
    with torch.inference_mode():
        seconds(work, arguments.device)
        return [seconds(work, arguments.device) for _ in range(arguments.repeats)]


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


def print_result(arguments, **fields):
    shapes.print_line(
        **fields,
        threads=arguments.threads,
        device=arguments.device,
        repeats=arguments.repeats,
        peak_memory_mb=peak_memory_mb(arguments.device),
        versions={
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "python": platform.python_version(),
        })
