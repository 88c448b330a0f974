#!/usr/bin/env python3
"""Records what the `gguf` package reads out of a small file of every element type.

    python3 -m venv VENV && VENV/bin/pip install gguf==0.19.0 numpy
    VENV/bin/python Scripts/record_gguf.py

Writes Tests/AssayTensorTests/Fixtures/types.gguf (random blocks of each type, metadata of each value
type) and types.json: for each tensor its shape and, in base64, its elements as float32, as
`gguf.quants.dequantize` gives them.
"""

import base64
import json
from pathlib import Path

import gguf
import numpy as np

FOLDER = Path(__file__).resolve().parent.parent / "Tests" / "AssayTensorTests" / "Fixtures"
TYPES = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K",
         "Q5_K", "Q6_K"]
ROWS = 3


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(7)
    writer = gguf.GGUFWriter(str(FOLDER / "types.gguf"), "llama")
    add_metadata(writer)
    tensors = {}
    for name in TYPES:
        kind = gguf.GGMLQuantizationType[name]
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        blocks = finite_blocks(random, kind, 2 if elements > 1 else 5, size)
        values = gguf.quants.dequantize(blocks, kind)
        writer.add_tensor("t." + name, blocks, raw_shape=blocks.shape, raw_dtype=kind)
        tensors["t." + name] = {
            "shape": list(values.shape),
            "floats": base64.b64encode(values.astype("<f4").tobytes()).decode(),
        }
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    record = {"made_by": "gguf 0.19.0", "tensors": tensors}
    (FOLDER / "types.json").write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


def add_metadata(writer: gguf.GGUFWriter) -> None:
    writer.add_uint8("x.uint8", 200)
    writer.add_int8("x.int8", -100)
    writer.add_uint16("x.uint16", 60000)
    writer.add_int16("x.int16", -30000)
    writer.add_uint32("x.uint32", 4000000000)
    writer.add_int32("x.int32", -2000000000)
    writer.add_uint64("x.uint64", 1 << 40)
    writer.add_int64("x.int64", -(1 << 40))
    writer.add_float32("x.float32", 0.1)
    writer.add_float64("x.float64", 0.1)
    writer.add_bool("x.bool", True)
    writer.add_string("x.text", "caf\u00e9")
    writer.add_array("x.texts", ["a", "", "\u00e9t\u00e9"])
    writer.add_array("x.integers", [1, -2, 3])
    writer.add_array("x.numbers", [0.5, -1.5])


def finite_blocks(random, kind, count: int, size: int) -> np.ndarray:
    """Rows of random blocks whose scales are neither infinite nor NaN."""
    blocks = np.empty((ROWS, count * size), np.uint8)
    for row in blocks.reshape(-1, size):
        while True:
            row[:] = random.integers(0, 256, size, dtype=np.uint8)
            with np.errstate(all="ignore"):
                if np.isfinite(gguf.quants.dequantize(row.reshape(1, -1), kind)).all():
                    break
    return blocks


if __name__ == "__main__":
    main()
