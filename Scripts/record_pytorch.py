#!/usr/bin/env python3
"""Records small PyTorch checkpoints and what is in them.

    VENV/bin/python Scripts/record_pytorch.py     (torch 2.11.0 in the environment)

Writes to Tests/AssayTensorTests/Fixtures: plain.bin (every element type, views, shared storages, a
module's state_dict), wrapped.pt (a training run's), deflated.pt (plain.bin packed again by Python's
zipfile, as some tools do), legacy.pt (the format before 1.6), program.pt (TorchScript), and
pytorch.json: each tensor's type, shape and elements.
"""

import json
import zipfile
from pathlib import Path

import torch

FOLDER = Path(__file__).resolve().parent.parent / "Tests" / "AssayTensorTests" / "Fixtures"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    state = tensors()
    torch.save(state, FOLDER / "plain.bin")
    wrapped = {"epoch": 3, "state_dict": state, "optimizer": {"state": {0: {"step": 1}}, "lr": 0.1}}
    torch.save(wrapped, FOLDER / "wrapped.pt")
    with zipfile.ZipFile(FOLDER / "plain.bin") as source, zipfile.ZipFile(
            FOLDER / "deflated.pt", "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(zipfile.ZipInfo(name), source.read(name), zipfile.ZIP_DEFLATED)
    torch.save({"a": torch.ones(2)}, FOLDER / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.jit.script(torch.nn.Linear(1, 1)).save(str(FOLDER / "program.pt"))
    record = {name: {
        "dtype": str(tensor.dtype).replace("torch.", ""),
        "shape": list(tensor.shape),
        "values": tensor.detach().to(torch.float64).flatten().tolist(),
    } for name, tensor in state.items()}
    text = json.dumps({"made_by": "torch " + torch.__version__, "tensors": record}, indent=1)
    (FOLDER / "pytorch.json").write_text(text + "\n")


def tensors():
    torch.manual_seed(3)
    layer = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2))
    state = layer.state_dict()  # an OrderedDict with _metadata
    base = torch.arange(24, dtype=torch.float32)
    for dtype in ("float32", "bfloat16", "float16", "float64", "int64", "int32", "uint8", "bool"):
        state["t." + dtype] = torch.tensor([0, 1, 2.5, 3]).to(getattr(torch, dtype))
    state["view.transposed"] = base.reshape(4, 6).t()
    state["view.offset"] = base[5:11].reshape(2, 3)
    state["view.step"] = base.reshape(2, 3, 4)[:, :, 1:4:2]
    state["scalar"] = torch.tensor(7.0)
    state["empty"] = torch.zeros(0, 4)
    state["parameter"] = torch.nn.Parameter(torch.tensor([[1.5, -2.0]]))
    state["tied.a"] = layer[0].weight.detach()
    state["tied.b"] = state["tied.a"]
    return state


if __name__ == "__main__":
    main()
