#!/usr/bin/env python3
"""Records tiny random models as GGUF files, with the logits of transformers.

    python3 -m venv VENV
    VENV/bin/pip install torch==2.11.0 transformers gguf==0.19.0
    VENV/bin/python Scripts/record_gguf_models.py

Writes to Tests/AssayModelTests/Fixtures for each architecture ARCH-tiny.gguf (matrices in Q8_0, the
output of llama in F16, names and order of rows as llama.cpp's converter has them) and
gguf-models.json: the ids that `tokenizers` gives of a text and the logits behind its last token, of
the same numbers in float32.
"""

import json
from pathlib import Path

import gguf
import numpy as np
import tokenizers
import torch
import transformers
from tokenizers import AddedToken, Regex, models, pre_tokenizers

FOLDER = Path(__file__).resolve().parent.parent / "Tests" / "AssayModelTests" / "Fixtures"
TEXT = "<|im_start|>the other 1234 hens don't\n\n  they  caf\u00e9<|im_end|>"
SPECIAL = ["<|end|>", "<|im_start|>", "<|im_end|>"]
MERGES = ["h e", "\u0120 t", "\u0120t he", "e r", "1 2", "3 4", "\u0120 \u0120", "d o"]
MODERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s"
          r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
SPLITS = {
    "smollm": [pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(False, use_regex=True)],
    "llama-bpe": [pre_tokenizers.Split(Regex(MODERN % "{1,3}"), "isolated"),
                  pre_tokenizers.ByteLevel(False, use_regex=False)],
    "qwen2": [pre_tokenizers.Split(Regex(MODERN % ""), "isolated"),
              pre_tokenizers.ByteLevel(False, use_regex=False)],
}
# Architecture, class, kind of splitting, further settings.
MODELS = [
    ("llama", transformers.LlamaConfig, "smollm", {
        "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                         "high_freq_factor": 4.0, "original_max_position_embeddings": 8192},
        "rope_theta": 500000.0}),
    ("qwen2", transformers.Qwen2Config, "qwen2", {"tie_word_embeddings": True}),
    ("qwen3", transformers.Qwen3Config, "llama-bpe", {"tie_word_embeddings": False}),
]
NAMES = {
    "model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight", "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}


def main() -> None:
    record = {"made_by": "transformers %s, torch %s, gguf 0.19.0, tokenizers %s" % (
        transformers.__version__, torch.__version__, tokenizers.__version__), "text": TEXT}
    for name, kind, split, settings in MODELS:
        record[name] = one(name, kind, split, settings)
    (FOLDER / "gguf-models.json").write_text(json.dumps(record) + "\n")


def one(name, kind, split, settings):
    torch.manual_seed(11)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = alphabet + ["".join(merge.split(" ")) for merge in MERGES] + SPECIAL
    # A vocabulary of more rows than tokens that texts give.
    tokens += ["[PAD%d]" % index for index in range(3)]
    config = kind(
        vocab_size=len(tokens), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, head_dim=16 if name == "qwen3" else 8,
        max_position_embeddings=512, rms_norm_eps=1e-5, **settings)
    model = transformers.AutoModelForCausalLM.from_config(config).float().eval()
    for parameter in model.parameters():
        parameter.data = parameter.data * 3 + 0.1 * torch.randn_like(parameter)
    writer = gguf.GGUFWriter(str(FOLDER / (name + "-tiny.gguf")), name)
    add_metadata(writer, name, config, split, tokens)
    for key, value in model.state_dict().items():
        if key == "lm_head.weight" and config.tie_word_embeddings:
            continue
        add_tensor(writer, name, config, key, value)
    if name == "llama":
        factors = llama3_factors(config)
        writer.add_tensor("rope_freqs.weight", factors)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    tokenizer = tokenizers.Tokenizer(models.BPE(
        {token: index for index, token in enumerate(tokens)},
        [tuple(merge.split(" ")) for merge in MERGES], ignore_merges=split == "llama-bpe"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(SPLITS[split])
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    ids = tokenizer.encode(TEXT, add_special_tokens=False).ids
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, -1]
    return {"ids": ids, "logits": [round(float(value), 6) for value in logits]}


def add_metadata(writer, name, config, split, tokens) -> None:
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    parameters = getattr(config, "rope_parameters", None) or {}
    writer.add_rope_freq_base(parameters.get("rope_theta", 10000.0))
    if name == "qwen3":
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(split)
    writer.add_token_list(tokens)
    kinds = gguf.TokenType
    writer.add_token_types([
        kinds.CONTROL if token in SPECIAL else kinds.UNUSED if token.startswith("[PAD")
        else kinds.NORMAL for token in tokens])
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(tokens.index("<|im_start|>"))
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_pad_token_id(tokens.index("<|end|>"))
    writer.add_chat_template(
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + "
        "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")


def add_tensor(writer, name, config, key, value) -> None:
    """Adds a weight as its file will give it, and sets the model's to the same numbers."""
    target = NAMES.get(key)
    if target is None:
        _, _, layer, path = key.split(".", 3)
        stem, kind = path.rsplit(".", 1)
        target = "blk.%s.%s.%s" % (layer, NAMES[stem], kind)
    array = value.detach().numpy().copy()
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    permuted = heads.get(target.split(".")[2]) if name == "llama" and "blk" in target else None
    if permuted and "norm" not in target:
        array = permute(array, permuted)
    if array.ndim == 1:
        writer.add_tensor(target, array)
        return
    kind = gguf.GGMLQuantizationType.F16 if target == "output.weight" and name == "llama" \
        else gguf.GGMLQuantizationType.Q8_0
    packed = gguf.quants.quantize(array, kind)
    raw = packed.view(np.uint8) if kind == gguf.GGMLQuantizationType.Q8_0 else packed
    writer.add_tensor(target, raw, raw_dtype=kind)
    stored = gguf.quants.dequantize(packed, kind)
    if permuted:
        stored = unpermute(stored, permuted)
    value.copy_(torch.from_numpy(stored.copy()))


def permute(array, heads):
    """As convert_hf_to_gguf.py's LlamaModel.permute: the numbers of a rotary pair side by side."""
    shape = array.shape
    return np.ascontiguousarray(
        array.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2).reshape(shape))


def unpermute(array, heads):
    shape = array.shape
    return array.reshape(heads, shape[0] // heads // 2, 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


def llama3_factors(config):
    """What the converter writes for Llama 3.1: the divisor of each frequency."""
    settings = config.rope_parameters
    width = config.head_dim
    frequencies = 1.0 / settings["rope_theta"] ** (np.arange(0, width, 2) / width)
    low, high = settings["low_freq_factor"], settings["high_freq_factor"]
    original = settings["original_max_position_embeddings"]
    factors = []
    for frequency in frequencies:
        wavelength = 2 * np.pi / frequency
        if wavelength < original / high:
            factors.append(1.0)
        elif wavelength > original / low:
            factors.append(settings["factor"])
        else:
            smooth = (original / wavelength - low) / (high - low)
            factors.append(1 / ((1 - smooth) / settings["factor"] + smooth))
    return np.array(factors, np.float32)


if __name__ == "__main__":
    main()
