#!/usr/bin/env python3
"""Records tiny random models as GGUF files, with the logits of transformers.

    python3 -m venv VENV
    VENV/bin/pip install torch==2.11.0 transformers gguf==0.19.0 sentencepiece==0.2.3
    VENV/bin/python Scripts/record_gguf_models.py

Writes to Tests/AssayModelTests/Fixtures for each architecture ARCH-tiny.gguf (matrices in Q8_0, the
output of llama in F16, names, norms and order of rows as llama.cpp's converter has them) and
gguf-models.json: the ids that `tokenizers` or `sentencepiece` gives of a text and the logits behind
its last token, of the same numbers in float32.
"""

import json
import re
from pathlib import Path

import gguf
import numpy as np
import sentencepiece
import tokenizers
import torch
import transformers
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, models, pre_tokenizers

TESTS = Path(__file__).resolve().parent.parent / "Tests"
FOLDER = TESTS / "AssayModelTests" / "Fixtures"
PIECES = TESTS / "AssayTextTests" / "Fixtures" / "spm-bpe.tokenizer.model"
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
LLAMA3 = {
    "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                     "high_freq_factor": 4.0, "original_max_position_embeddings": 8192},
    "rope_theta": 500000.0}
LONG = {"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0, 1.0, 1.5],
        "long_factor": [2.0, 4.0, 8.0], "partial_rotary_factor": 0.75,
        "original_max_position_embeddings": 64}
LOCAL = {"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
         "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}
SPM, PREFIXED = "spm", "spm-prefix"  # SentencePiece without and with a space before texts
# Name, architecture in the file, class, kind of splitting, further settings.
MODELS = [
    ("llama", "llama", transformers.LlamaConfig, "smollm", LLAMA3),
    ("qwen2", "qwen2", transformers.Qwen2Config, "qwen2", {"tie_word_embeddings": True}),
    ("qwen3", "qwen3", transformers.Qwen3Config, "llama-bpe",
     {"tie_word_embeddings": False, "head_dim": 16}),
    ("gemma", "gemma", transformers.GemmaConfig, SPM, {"head_dim": 16}),
    ("gemma2", "gemma2", transformers.Gemma2Config, SPM, {
        "head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 5, "attn_logit_softcapping": 2.0,
        "final_logit_softcapping": 3.0, "attn_implementation": "eager"}),
    ("gemma3", "gemma3", transformers.Gemma3TextConfig, SPM, {
        "head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 5, "num_hidden_layers": 6,
        "intermediate_size": 32, "rope_parameters": LOCAL}),
    ("phi3", "phi3", transformers.Phi3Config, PREFIXED, {
        "rope_parameters": LONG, "original_max_position_embeddings": 64, "tie_word_embeddings": False}),
    ("olmo2", "olmo2", transformers.Olmo2Config, "llama-bpe", {"tie_word_embeddings": False}),
    ("granite", "granite", transformers.GraniteConfig, "smollm", {
        "tie_word_embeddings": True, "embedding_multiplier": 3.0, "attention_multiplier": 0.2,
        "residual_multiplier": 0.4, "logits_scaling": 2.5}),
    ("smollm3", "smollm3", transformers.SmolLM3Config, "llama-bpe",
     {"num_hidden_layers": 4, "tie_word_embeddings": True, "intermediate_size": 32}),
    ("internlm2", "internlm2", transformers.LlamaConfig, PREFIXED, {"tie_word_embeddings": False}),
    ("mixtral", "llama", transformers.MixtralConfig, PREFIXED, {
        "num_local_experts": 4, "num_experts_per_tok": 2, "intermediate_size": 32}),
    ("qwen3moe", "qwen3moe", transformers.Qwen3MoeConfig, "qwen2", {
        "head_dim": 16, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32,
        "norm_topk_prob": True}),
]
PERMUTED = {"llama", "granite", "smollm3", "internlm2"}  # by architecture
NAMES = {
    "model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight", "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.qkv_proj": "attn_qkv", "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm", "pre_feedforward_layernorm": "ffn_norm",
    "post_feedforward_layernorm": "post_ffw_norm", "mlp.gate_up_proj": "ffn_up",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    "mlp.gate": "ffn_gate_inp",
}
# Where both parts have a norm behind them, the first one's is another.
BEHIND = {**NAMES, "post_attention_layernorm": "post_attention_norm"}


def main() -> None:
    record = {"made_by": "transformers %s, torch %s, gguf 0.19.0, tokenizers %s, sentencepiece %s" % (
        transformers.__version__, torch.__version__, tokenizers.__version__,
        sentencepiece.__version__), "text": TEXT, "models": {}}
    for name, architecture, kind, split, settings in MODELS:
        record["models"][name] = one(name, architecture, kind, split, settings)
    (FOLDER / "gguf-models.json").write_text(json.dumps(record) + "\n")


def one(name, architecture, kind, split, settings):
    torch.manual_seed(11)
    vocabulary = Pieces(split) if split.startswith(SPM) else Bytes(split)
    config = kind(**{**dict(
        vocab_size=len(vocabulary.tokens), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512, rms_norm_eps=1e-5,
        pad_token_id=None), **settings})
    model = transformers.AutoModelForCausalLM.from_config(
        config, attn_implementation=settings.get("attn_implementation", "sdpa")).float().eval()
    for parameter in model.parameters():
        parameter.data = parameter.data * 3 + 0.1 * torch.randn_like(parameter)
    writer = gguf.GGUFWriter(str(FOLDER / (name + "-tiny.gguf")), architecture)
    add_metadata(writer, architecture, config)
    vocabulary.add(writer)
    for key, value in model.state_dict().items():
        if key == "lm_head.weight" and config.tie_word_embeddings:
            continue
        add_tensors(writer, architecture, config, key, value)
    if name == "llama":
        writer.add_tensor("rope_freqs.weight", llama3_factors(config))
    if name == "phi3":
        for kind in ("short", "long"):
            factors = np.array(LONG[kind + "_factor"], np.float32)
            writer.add_tensor("rope_factors_%s.weight" % kind, factors)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    ids = vocabulary.ids(TEXT)
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, -1]
    return {"ids": ids, "logits": [round(float(value), 6) for value in logits]}


class Bytes:
    """A byte-level vocabulary, of more rows than tokens that texts give."""

    def __init__(self, split):
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        self.tokens = alphabet + ["".join(merge.split(" ")) for merge in MERGES] + SPECIAL
        self.tokens += ["[PAD%d]" % index for index in range(3)]
        self.split = split

    def add(self, writer):
        kinds = gguf.TokenType
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(self.split)
        writer.add_token_list(self.tokens)
        writer.add_token_types([
            kinds.CONTROL if token in SPECIAL else kinds.UNUSED if token.startswith("[PAD")
            else kinds.NORMAL for token in self.tokens])
        writer.add_token_merges(MERGES)
        add_special(writer, self.tokens)

    def ids(self, text):
        tokenizer = tokenizers.Tokenizer(models.BPE(
            {token: index for index, token in enumerate(self.tokens)},
            [tuple(merge.split(" ")) for merge in MERGES], ignore_merges=self.split == "llama-bpe"))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(SPLITS[self.split])
        tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
        return tokenizer.encode(text, add_special_tokens=False).ids


class Pieces:
    """SentencePiece's vocabulary, with special tokens behind it."""

    def __init__(self, split):
        self.has_prefix = split == PREFIXED
        proto = sentencepiece_model_pb2.ModelProto.FromString(PIECES.read_bytes())
        proto.normalizer_spec.add_dummy_prefix = self.has_prefix
        self.processor = sentencepiece.SentencePieceProcessor(model_proto=proto.SerializeToString())
        self.pieces = list(proto.pieces)
        self.tokens = [piece.piece for piece in self.pieces] + SPECIAL

    def add(self, writer):
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_list(self.tokens)
        writer.add_token_scores([piece.score for piece in self.pieces] + [-1000.0] * len(SPECIAL))
        writer.add_token_types(
            [piece.type for piece in self.pieces] + [gguf.TokenType.CONTROL] * len(SPECIAL))
        if not self.has_prefix:
            writer.add_add_space_prefix(False)
        add_special(writer, self.tokens)

    def ids(self, text):
        found = []
        for part in re.split("(<\\|[a-z_]+\\|>)", text):
            if part in SPECIAL:
                found.append(self.tokens.index(part))
            elif part:
                found += self.processor.encode(part)
        return found


def add_special(writer, tokens):
    writer.add_bos_token_id(tokens.index("<|im_start|>"))
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_pad_token_id(tokens.index("<|end|>"))
    writer.add_chat_template(
        "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + "
        "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")


def add_metadata(writer, architecture, config) -> None:
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    parameters = config.rope_parameters
    parameters = parameters.get("full_attention", parameters)
    writer.add_rope_freq_base(parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    if architecture in ("qwen3", "qwen3moe", "gemma", "gemma2", "gemma3"):
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)
    if architecture in ("gemma2", "gemma3"):
        writer.add_sliding_window(config.sliding_window)
    if architecture == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    if parameters["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(parameters["factor"])
    if architecture == "phi3":
        width = config.hidden_size // config.num_attention_heads
        original = parameters["original_max_position_embeddings"]
        longer = config.max_position_embeddings / original
        writer.add_rope_dimension_count(int(width * parameters["partial_rotary_factor"]))
        writer.add_rope_scaling_orig_ctx_len(original)
        writer.add_rope_scaling_attn_factors((1 + np.log(longer) / np.log(original)) ** 0.5)
        writer.add_sliding_window(0)
    if architecture == "granite":
        writer.add_attention_scale(config.attention_multiplier)
        writer.add_embedding_scale(config.embedding_multiplier)
        writer.add_residual_scale(config.residual_multiplier)
        writer.add_logit_scale(config.logits_scaling)
    if experts := getattr(config, "num_local_experts", None):
        writer.add_expert_count(experts)
        writer.add_expert_used_count(config.num_experts_per_tok)
    if architecture == "qwen3moe":
        writer.add_expert_feed_forward_length(config.moe_intermediate_size)


def add_tensors(writer, architecture, config, key, value) -> None:
    """Adds a weight as its file will give it, and sets the model's to the same numbers."""
    names = BEHIND if architecture in ("gemma2", "gemma3", "olmo2") else NAMES
    if ".mlp.experts." in key:
        stem = "blk.%s." % key.split(".")[2]
        if key.endswith("down_proj"):
            add(writer, stem + "ffn_down_exps.weight", value)
        else:
            for name, half in zip(("gate", "up"), value.chunk(2, dim=1)):
                add(writer, stem + "ffn_%s_exps.weight" % name, half)
        return
    target = names.get(key)
    if target is None:
        _, _, layer, path = key.split(".", 3)
        stem, kind = path.rsplit(".", 1)
        target = "blk.%s.%s.%s" % (layer, names[stem], kind)
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    heads = heads.get(target.split(".")[-2]) if architecture in PERMUTED else None
    offset = 1 if architecture.startswith("gemma") and key.endswith("norm.weight") else 0
    exact = architecture == "llama" and target == "output.weight"
    add(writer, target, value, heads=heads, offset=offset, exact=exact)


def add(writer, target, value, heads=None, offset=0, exact=False) -> None:
    array = value.detach().numpy().copy() + np.float32(offset)
    if heads:
        array = permute(array, heads)
    if array.ndim == 1 or target.endswith("ffn_gate_inp.weight"):
        writer.add_tensor(target, array)
        return
    kind = gguf.GGMLQuantizationType.F16 if exact else gguf.GGMLQuantizationType.Q8_0
    packed = gguf.quants.quantize(array, kind)
    raw = packed.view(np.uint8) if kind == gguf.GGMLQuantizationType.Q8_0 else packed
    writer.add_tensor(target, raw, raw_dtype=kind)
    stored = gguf.quants.dequantize(packed, kind)
    if heads:
        stored = unpermute(stored, heads)
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
