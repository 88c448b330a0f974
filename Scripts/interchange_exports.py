"""What `assay export` writes, read by transformers, gguf, peft and llama.cpp: for
check_interchange.py."""

import subprocess

import gguf
import peft
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification

# Those that transformers reads from GGUF files.
LANGUAGE_MODELS = ["llama", "llama, RoPE of 3.1", "mistral", "qwen2", "qwen3", "gemma2"]
IDS = [1, 2, 40, 90, 200, 33, 7, 120, 3]


def export(assay, model, out, layout):
    """Exports a model; returns what was written."""
    result = subprocess.run(
        [assay, "export", "--model", str(model), "--out", str(out), "--layout", layout, "--quiet"],
        stdout=subprocess.PIPE, check=True, universal_newlines=True)
    return result.stdout.strip()


def compare(assay, root, data, rows, checkpoint, reference):
    """Yields what was compared, the difference, and what it may be at most."""
    for name in LANGUAGE_MODELS:
        folder = checkpoint(root / ("lm-" + name.replace(" ", "-")), name, AutoModelForCausalLM)
        expected = logits(AutoModelForCausalLM.from_pretrained(folder))
        for layout, limit in (("gguf-f16", 5e-3), ("gguf-q8_0", 0.1)):
            file = export(assay, folder, folder / (layout + ".gguf"), layout)
            yield from read(name, layout, limit, file, folder, expected)
    yield from adapters(assay, root, rows, checkpoint, reference)


def read(name, layout, limit, file, folder, expected):
    """One GGUF file, by every reader that is there."""
    reader = gguf.GGUFReader(file)
    kinds = sorted({tensor.tensor_type.name for tensor in reader.tensors})
    yield "%s %s: gguf reads %d tensors, %s" % (
        name, layout, len(reader.tensors), " ".join(kinds)), 0, None
    # transformers reads no width of heads from Qwen3's files, and no scale of scores from Gemma 2's:
    # they are the folder's.
    settings = {}
    if name in ("qwen3", "gemma2"):
        settings["config"] = AutoConfig.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=layout + ".gguf", **settings)
    yield "%s %s: transformers, logits" % (name, layout), spread(logits(model), expected), limit
    try:
        import xllamacpp  # noqa: F401
    except ImportError:
        yield "%s %s: llama.cpp is not here (pip install xllamacpp)" % (name, layout), 0, None
        return
    found = llama(file, expected)
    if found is None:
        yield "%s %s: llama.cpp loads it, and ends the text at once" % (name, layout), 0, None
    else:
        yield "%s %s: llama.cpp, log probabilities" % (name, layout), found, 10 * limit


def logits(model):
    """The logits behind the last of some tokens."""
    with torch.no_grad():
        return model.eval()(torch.tensor([IDS])).logits[0, -1]


def spread(a, b):
    """The largest difference, in proportion to the largest logit."""
    return ((a - b).abs().max() / b.abs().max()).item()


def llama(file, expected):
    """The largest difference of log probabilities that llama.cpp gives to the next token; None where
    that ends the text, of which it gives none."""
    import xllamacpp
    params = xllamacpp.CommonParams()
    params.model.path = file
    params.n_ctx = 256
    params.warmup = False
    server = xllamacpp.Server(params)
    answer = server.handle_completions(
        {"prompt": IDS, "n_predict": 1, "temperature": 0.0, "n_probs": 20, "max_tokens": 1})
    top = (answer.get("completion_probabilities")
           or (answer["choices"][0]["logprobs"] or {}).get("content"))
    if not top:
        return None
    probabilities = torch.log_softmax(expected, -1)
    return max(abs(entry["logprob"] - probabilities[entry["id"]].item())
               for entry in top[0]["top_logprobs"])


def adapters(assay, root, rows, checkpoint, reference):
    """An adapter of peft, scored beside its base, merged, and exported again."""
    base = checkpoint(root / "base", "llama", AutoModelForSequenceClassification)
    for kind, settings in (("LoRA", {}), ("rsLoRA", {"use_rslora": True}),
                           ("DoRA", {"use_dora": True})):
        model = AutoModelForSequenceClassification.from_pretrained(base)
        config = peft.LoraConfig(task_type="SEQ_CLS", r=4, lora_alpha=8, init_lora_weights=False,
                                 target_modules=["q_proj", "v_proj", "down_proj"],
                                 modules_to_save=["score"], **settings)
        model = peft.get_peft_model(model, config)
        folder = root / ("adapter-" + kind)
        model.save_pretrained(folder)
        expected = reference(base, rows, model)
        scale = max(1.0, max(abs(score) for score in expected))
        for layout in ("adapter", "merged"):
            out = export(assay, folder, root / (kind + layout), layout)
            if layout == "merged":
                found = reference(out, rows)
            else:
                fresh = AutoModelForSequenceClassification.from_pretrained(base)
                found = reference(base, rows, peft.PeftModel.from_pretrained(fresh, out))
            worst = max(abs(a - b) for a, b in zip(found, expected)) / scale
            yield "%s as %s: scores by %s" % (
                kind, layout, "transformers" if layout == "merged" else "peft"), worst, 1e-4
