#!/usr/bin/env python3
"""Measures what a machine can do at most: matrix products in f32 and bf16, and memory bandwidth.

A benchmark's tokens a second mean little without these. Prints one JSON line.

  python Benchmarks/matmul_peak.py --threads 2
"""

import argparse
import json
import statistics
import time

import torch

REPEATS = 5
BANDWIDTH_BYTES = 512 << 20  # far beyond any cache


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2, help="default: 2")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--size", type=int, default=2048, help="of the square matrices")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(json.dumps({
        "bench": "peak",
        "threads": arguments.threads,
        "device": arguments.device,
        "size": arguments.size,
        "f32_gflops": matmul_gflops(arguments, torch.float32),
        "bf16_gflops": matmul_gflops(arguments, torch.bfloat16),
        "copy_gb_per_s": copy_gigabytes(arguments),
        "repeats": REPEATS,
        "torch": torch.__version__,
    }))


def matmul_gflops(arguments, dtype):
    size = arguments.size
    a = torch.randn(size, size, device=arguments.device).to(dtype)
    b = torch.randn(size, size, device=arguments.device).to(dtype)
    out = torch.empty_like(a)
    return round(2 * size**3 / median_seconds(arguments, lambda: torch.mm(a, b, out=out)) / 1e9, 1)


def copy_gigabytes(arguments):
    """Returns the bytes read and written a second by a copy, in GB."""
    source = torch.ones(BANDWIDTH_BYTES // 4, device=arguments.device)
    target = torch.empty_like(source)
    elapsed = median_seconds(arguments, lambda: target.copy_(source))
    return round(2 * BANDWIDTH_BYTES / elapsed / 1e9, 1)


def median_seconds(arguments, work):
    work()
    times = []
    for _ in range(REPEATS):
        synchronize(arguments.device)
        start = time.perf_counter()
        work()
        synchronize(arguments.device)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def synchronize(device):
    if device == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
