#!/usr/bin/env python3
"""Records what PyTorch, transformers and TRL compute, for the parity tests to hold Assay to.

  python3 -m venv .venv
  .venv/bin/pip install torch==2.11.0 transformers==5.23.0 trl==1.16.0
  .venv/bin/python Scripts/record_transformers.py

Writes tiny random models with what they give, each a folder in Tests/AssayModelTests/Fixtures (with
names of such folders as arguments, only those):

  config.json, model.safetensors   the model, in the Hugging Face layout
  expected.json                    inputs, losses, optimizer steps, sums and norms, versions
  expected.safetensors             logits or scores, gradients.<parameter>, and final.<parameter>
                                   (of small ones) after the optimizer steps

and Tests/AssayTrainTests/Fixtures/losses.json, the preference losses of TRL's own trainers on fixed
numbers. Float32 on the CPU, one thread, seeded: a second run writes the same bytes. Weights are
drawn wider than usual, so that attention is not uniform and every gradient is far from zero. Git
ignores *.safetensors: add the new files with `git add --force`.
"""

import copy
import json
import shutil
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import tokenizers
import torch
import transformers
import trl
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification
from transformers import DebertaV2Config, DebertaV2ForSequenceClassification
from transformers import Gemma2Config, Gemma2ForCausalLM, GraniteConfig, GraniteForCausalLM
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, GemmaConfig, GemmaForCausalLM
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification
from transformers import MistralConfig, MistralForCausalLM, Olmo2Config, Olmo2ForCausalLM
from transformers import MixtralConfig, MixtralForCausalLM, Qwen3MoeConfig, Qwen3MoeForCausalLM
from transformers import Phi3Config, Phi3ForCausalLM, SmolLM3Config, SmolLM3ForCausalLM
from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.reward_trainer import RewardTrainer

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "Tests" / "AssayModelTests" / "Fixtures"
LOSSES = ROOT / "Tests" / "AssayTrainTests" / "Fixtures" / "losses.json"
PAD = 0
SHAPE = dict(
    hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    intermediate_size=64, vocab_size=96, max_position_embeddings=128, pad_token_id=PAD,
    bos_token_id=1, eos_token_id=2, attn_implementation="sdpa")
ADAMW = dict(lr=1e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
CLIP = 1.0
STEPS = 10
SMALL = ("model.norm.weight", "model.layers.0.self_attn.k_proj.weight")
VERSIONS = {
    "torch": torch.__version__.split("+")[0], "transformers": transformers.__version__,
    "trl": trl.__version__,
}


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    parts = {
        "llama": record_llama, "qwen2": record_qwen2, "llama-reward": record_llama_reward,
        "qwen3": record_qwen3, "mistral": record_mistral, "gemma2": record_gemma2,
        "granite": record_granite, "internlm2": record_internlm2, "olmo2": record_olmo2,
        "phi3": record_phi3, "smollm3": record_smollm3, "yarn": record_yarn,
        "gemma": record_gemma, "gemma3": record_gemma3, "phi4-mini": record_phi4_mini,
        "mixtral": record_mixtral, "qwen3-moe": record_qwen3_moe,
        "deberta-v3": record_deberta_v3, "deberta-v2": record_deberta_v2,
        "losses": record_losses,
    }
    for name in sys.argv[1:] or parts:
        parts[name]()


# Models


def record_llama():
    """Llama: grouped-query attention, untied embeddings; its config.json in the layout before 5."""
    config = LlamaConfig(
        tie_word_embeddings=False, rope_parameters=default_rotary(1e4), **SHAPE)
    model = random_model(LlamaForCausalLM, config, seed=1)
    record(MODELS / "llama", model, language_model_inputs(seed=11), AutoModelForCausalLM)


def record_qwen2():
    """Qwen2: biases in the query, key and value projections, tied embeddings, another base."""
    config = Qwen2Config(
        tie_word_embeddings=True, rope_parameters=default_rotary(1e6), **SHAPE)
    model = random_model(Qwen2ForCausalLM, config, seed=2)
    record(
        MODELS / "qwen2", model, language_model_inputs(seed=12), AutoModelForCausalLM,
        old_layout=False)


def record_qwen3():
    """Qwen3: norms of each head's query and key, heads wider than the stream divided by them."""
    config = Qwen3Config(
        tie_word_embeddings=True, rope_parameters=default_rotary(1e6), head_dim=16, **SHAPE)
    model = random_model(Qwen3ForCausalLM, config, seed=4)
    record(
        MODELS / "qwen3", model, language_model_inputs(seed=14), AutoModelForCausalLM,
        old_layout=False)


def record_mistral():
    """Mistral: a window that is shorter than the two longer sequences, one head of keys for four."""
    shape = {**SHAPE, "num_key_value_heads": 1}
    config = MistralConfig(
        tie_word_embeddings=True, rope_parameters=default_rotary(1e4), sliding_window=4,
        head_dim=8, **shape)
    model = random_model(MistralForCausalLM, config, seed=5)
    record(MODELS / "mistral", model, language_model_inputs(seed=15), AutoModelForCausalLM)


def record_gemma2():
    """Gemma 2: norms of 1 + w on both sides, caps that bend, a window in the first block only."""
    config = Gemma2Config(
        tie_word_embeddings=True, rope_parameters=default_rotary(1e4), sliding_window=4, head_dim=16,
        query_pre_attn_scalar=20, attn_logit_softcapping=2.0, final_logit_softcapping=3.0,
        **{**SHAPE, "attn_implementation": "eager"})  # the only one that bounds scores
    model = random_model(Gemma2ForCausalLM, config, seed=6, norms=(-0.5, 0.5))
    record_outputs(MODELS / "gemma2", model, language_model_inputs(seed=16))


def record_granite():
    """Granite: four multipliers."""
    config = GraniteConfig(
        tie_word_embeddings=True, rope_parameters=default_rotary(1e4), embedding_multiplier=3.0,
        attention_multiplier=0.2, residual_multiplier=0.4, logits_scaling=2.5, **SHAPE)
    model = random_model(GraniteForCausalLM, config, seed=7)
    record_outputs(MODELS / "granite", model, language_model_inputs(seed=17))


def record_internlm2():
    """InternLM 2, which transformers lacks: Llama's arithmetic, its weights laid out otherwise."""
    config = LlamaConfig(tie_word_embeddings=False, rope_parameters=default_rotary(1e4), **SHAPE)
    model = random_model(LlamaForCausalLM, config, seed=8)
    folder = MODELS / "internlm2"
    record_outputs(folder, model, language_model_inputs(seed=18))
    names = {
        "embed_tokens": "tok_embeddings", "self_attn.o_proj": "attention.wo",
        "input_layernorm": "attention_norm", "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "feed_forward.w1", "mlp.up_proj": "feed_forward.w3",
        "mlp.down_proj": "feed_forward.w2", "lm_head": "output"}
    groups, width = config.num_key_value_heads, config.head_dim

    def renamed(tensors, prefix=""):
        made = {}
        for name, value in tensors.items():
            if "q_proj" in name:
                parts = [
                    tensors[name.replace("q_proj", part)].unflatten(0, (groups, -1, width))
                    for part in ("q_proj", "k_proj", "v_proj")]
                joined = torch.cat(parts, dim=1).flatten(0, 2).contiguous()
                made[name.replace("self_attn.q_proj", "attention.wqkv")] = joined
            elif "k_proj" not in name and "v_proj" not in name:
                for old, new in names.items():
                    name = name.replace(old, new)
                made[name] = value.detach().clone()
        return made

    parameters = dict(model.named_parameters())
    save_file(renamed(parameters), folder / "model.safetensors")
    (folder / "model.safetensors").chmod(0o644)
    gradients = renamed({name: value.grad for name, value in parameters.items()})
    rewrite(folder / "expected.json", gradients=norms(gradients))
    rewrite(
        folder / "config.json", model_type="internlm2", architectures=["InternLM2ForCausalLM"],
        bias=False)


def record_olmo2():
    """OLMo 2: norms behind each part, and of all queries and keys together."""
    config = Olmo2Config(tie_word_embeddings=False, rope_parameters=default_rotary(5e5), **SHAPE)
    model = random_model(Olmo2ForCausalLM, config, seed=9)
    record_outputs(MODELS / "olmo2", model, language_model_inputs(seed=19))


def record_phi3():
    """Phi 3: joined projections, a window, half of each head rotated, by LongRoPE's short factors."""
    rotary = dict(
        rope_type="longrope", rope_theta=1e4, short_factor=[1.0, 1.5], long_factor=[2.0, 8.0],
        partial_rotary_factor=0.5, original_max_position_embeddings=32)
    config = Phi3Config(
        tie_word_embeddings=False, rope_parameters=rotary, original_max_position_embeddings=32,
        sliding_window=6, **SHAPE)
    model = random_model(Phi3ForCausalLM, config, seed=10)
    record_outputs(MODELS / "phi3", model, language_model_inputs(seed=20))


def record_smollm3():
    """SmolLM 3: the second block rotates nothing."""
    config = SmolLM3Config(
        tie_word_embeddings=True, rope_parameters=default_rotary(1e4), no_rope_layers=[1, 0],
        **SHAPE)
    model = random_model(SmolLM3ForCausalLM, config, seed=21)
    record_outputs(MODELS / "smollm3", model, language_model_inputs(seed=22))


def record_yarn():
    """Qwen2 with YaRN whose blend covers the middle frequencies."""
    rotary = dict(
        rope_type="yarn", rope_theta=1e4, factor=4.0, original_max_position_embeddings=32,
        beta_fast=4.0, beta_slow=1.0)
    config = Qwen2Config(tie_word_embeddings=True, rope_parameters=rotary, **SHAPE)
    model = random_model(Qwen2ForCausalLM, config, seed=23)
    record_outputs(MODELS / "yarn", model, language_model_inputs(seed=24))


def record_gemma():
    """Gemma 1: norms of 1 + w before each part, scaled embeddings, one head of keys for four."""
    config = GemmaConfig(
        tie_word_embeddings=True, rope_parameters=default_rotary(1e4), head_dim=16,
        **{**SHAPE, "num_key_value_heads": 1})
    model = random_model(GemmaForCausalLM, config, seed=25, norms=(-0.5, 0.5))
    record_outputs(MODELS / "gemma", model, language_model_inputs(seed=26))


def record_gemma3():
    """Gemma 3: a window and another base in the first block, a stretched base in the second."""
    rotary = {
        "sliding_attention": default_rotary(1e4),
        "full_attention": dict(rope_type="linear", factor=8.0, rope_theta=1e6)}
    config = Gemma3TextConfig(
        tie_word_embeddings=True, rope_parameters=rotary, sliding_window=4, head_dim=16,
        query_pre_attn_scalar=20, layer_types=["sliding_attention", "full_attention"],
        **{**SHAPE, "vocab_size": 96})
    model = random_model(Gemma3ForCausalLM, config, seed=27, norms=(-0.5, 0.5))
    record_outputs(MODELS / "gemma3", model, language_model_inputs(seed=28))


def record_phi4_mini():
    """Phi 4 mini: three quarters of each head rotated, LongRoPE, tied; keys as released."""
    scaling = dict(
        type="longrope", short_factor=[1.0, 1.0, 1.1, 1.2, 1.5, 2.0],
        long_factor=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    config = Phi3Config(
        tie_word_embeddings=True, rope_scaling=dict(scaling), partial_rotary_factor=0.75,
        original_max_position_embeddings=32, sliding_window=262144,
        **{**SHAPE, "num_attention_heads": 2, "num_key_value_heads": 1})
    model = random_model(Phi3ForCausalLM, config, seed=29)
    folder = MODELS / "phi4-mini"
    record_outputs(folder, model, language_model_inputs(seed=30))
    settings = json.loads((folder / "config.json").read_text())
    settings.pop("rope_parameters")
    write_json(folder / "config.json", {
        **settings, "rope_theta": 1e4, "rope_scaling": scaling, "partial_rotary_factor": 0.75,
        "attention_bias": False, "mlp_bias": False, "lm_head_bias": False})


def record_mixtral():
    """Mixtral: two of four experts a token."""
    config = MixtralConfig(
        tie_word_embeddings=False, rope_parameters=default_rotary(1e6), num_local_experts=4,
        num_experts_per_tok=2, **{**SHAPE, "intermediate_size": 16})
    model = random_model(MixtralForCausalLM, config, seed=31)
    record_outputs(MODELS / "mixtral", model, language_model_inputs(seed=32))
    rewrite_expert_gradients(
        MODELS / "mixtral", model, "block_sparse_moe.gate", "block_sparse_moe.experts",
        ("w1", "w3", "w2"))


def record_qwen3_moe():
    """Qwen3 MoE: three of five experts a token, shares as they are, the first block dense."""
    config = Qwen3MoeConfig(
        tie_word_embeddings=False, rope_parameters=default_rotary(1e6), head_dim=16, num_experts=5,
        num_experts_per_tok=3, moe_intermediate_size=16, mlp_only_layers=[0], norm_topk_prob=False,
        **SHAPE)
    model = random_model(Qwen3MoeForCausalLM, config, seed=33)
    record_outputs(MODELS / "qwen3-moe", model, language_model_inputs(seed=34))
    rewrite_expert_gradients(
        MODELS / "qwen3-moe", model, "mlp.gate", "mlp.experts", ("gate_proj", "up_proj", "down_proj"))


def rewrite_expert_gradients(folder, model, router, experts, names):
    """Gives gradients of joined experts the names that checkpoints have."""
    made = {}
    for name, parameter in model.named_parameters():
        gradient = parameter.grad
        if ".mlp.experts." in name:
            stem = name.rsplit(".mlp.experts.", 1)[0]
            for index, one in enumerate(gradient):
                halves = one.chunk(2) if "gate_up" in name else [one]
                for part, half in zip(names[:2] if "gate_up" in name else names[2:], halves):
                    made["%s.%s.%d.%s.weight" % (stem, experts, index, part)] = half
        else:
            made[name.replace("mlp.gate.", router + ".")] = gradient
    rewrite(folder / "expected.json", gradients=norms(made))


def record_deberta_v3():
    """DeBERTa V3: attention of contents and positions, texts longer than the linear buckets."""
    record_deberta("deberta-v3", seed=35, pos_att_type=["p2c", "c2p"])


def record_deberta_v2():
    """DeBERTa V2: a convolution beside the first block, and contents to positions alone."""
    record_deberta("deberta-v2", seed=37, pos_att_type="c2p", conv_kernel_size=3, conv_act="gelu")


def record_deberta(name, seed, **settings):
    shape = {key: SHAPE[key] for key in (
        "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size",
        "pad_token_id")}
    config = DebertaV2Config(
        **shape, num_labels=1, max_position_embeddings=32, relative_attention=True, position_buckets=8,
        share_att_key=True, norm_rel_ebd="layer_norm", position_biased_input=False, **settings)
    model = random_model(DebertaV2ForSequenceClassification, config, seed=seed)
    with torch.no_grad():  # norms' biases are not their weights
        for key, parameter in model.named_parameters():
            if key.endswith("LayerNorm.bias"):
                parameter.uniform_(-0.3, 0.3)
    inputs = padded([6, 23, 9, 14], seed=seed + 1)
    folder = MODELS / name
    record_outputs(folder, model, inputs, AutoModelForSequenceClassification)
    tokenizer = pair_tokenizer(config.vocab_size)
    tokenizer.save(str(folder / "tokenizer.json"))
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    with torch.no_grad():
        scores = [
            # Lists: of two texts alone an empty second one would count as none.
            model(**fast([prompt], [response], return_tensors="pt", return_token_type_ids=False))
            .logits.item() for prompt, response in PAIRS]
    rewrite(folder / "expected.json", pairs=[
        {"prompt": prompt, "response": response, "score": score}
        for (prompt, response), score in zip(PAIRS, scores)])


PAIRS = [
    ("Name a color.", "Red is a color."), ("Name a color.", "  I had eggs,\n and tea. "),
    ("What is 2 + 3?", "2 + 3 = 5."), ("What is 2 + 3?", "")]


def pair_tokenizer(size):
    """A Unigram tokenizer as DeBERTa V3 has it, over a few letters."""
    special = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
    letters = sorted(set("".join(text for pair in PAIRS for text in pair)) - set(" \n"))
    words = ["\u2581", "\u2581color", "\u2581is", "\u2581a", "olo", "\u2581had", "\u2581eggs", "an", "ed"]
    pieces = [(token, 0.0) for token in special]
    pieces += [(text, -2.0 - len(text) / 8) for text in words]
    pieces += [(text, -5.0 - index / 64) for index, text in enumerate(letters)]
    assert len(pieces) <= size
    tokenizer = tokenizers.Tokenizer(tokenizers.models.Unigram(pieces, unk_id=3))
    tokenizer.normalizer = tokenizers.normalizers.Sequence([
        tokenizers.normalizers.Strip(),
        tokenizers.normalizers.Replace(tokenizers.Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    tokenizer.decoder = tokenizers.decoders.Metaspace()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    tokenizer.add_special_tokens(special)
    return tokenizer


def record_llama_reward():
    """A one-label Llama with the Llama 3 scaling of rotary frequencies, over two pairs."""
    # With 8 features a head the wavelengths are 6.3, 63, 628 and 6283 tokens: these bounds leave
    # the first as it is, blend the second and divide the others.
    rotary = dict(
        rope_type="llama3", rope_theta=1e4, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
        original_max_position_embeddings=64)
    config = LlamaConfig(tie_word_embeddings=False, num_labels=1, rope_parameters=rotary, **SHAPE)
    model = random_model(LlamaForSequenceClassification, config, seed=3)
    inputs = padded([6, 11, 9, 14], seed=13)
    record(MODELS / "llama-reward", model, inputs, AutoModelForSequenceClassification)


def default_rotary(base):
    return dict(rope_type="default", rope_theta=base)


def random_model(kind, config, seed, norms=(0.5, 1.5)):
    torch.manual_seed(seed)
    model = kind(config).eval()
    model.config.use_cache = False
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name.lower():
                parameter.uniform_(*norms)
            else:
                parameter.normal_(std=0.1 if parameter.ndim == 1 else parameter.shape[-1] ** -0.5)
    return model


def language_model_inputs(seed):
    return padded([7, 12, 5], seed)


def padded(lengths, seed):
    """Returns random sequences padded on the right, with their mask."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.full((len(lengths), max(lengths)), PAD)
    for row, length in enumerate(lengths):
        ids[row, :length] = torch.randint(3, SHAPE["vocab_size"], (length,), generator=generator)
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    return {"input_ids": ids, "attention_mask": mask}


# What a model gives


def loss_and_output(model, inputs):
    """Returns the loss, and the logits of real positions `[N, V]` or the scores `[B]`."""
    if type(model).__name__.endswith("ForSequenceClassification"):
        output = model(**inputs)
        return reward_loss(output), output.logits[:, 0]
    logits = model(**inputs).logits
    real = inputs["attention_mask"].bool()
    # Position t predicts token t + 1, where that token is real.
    targets = real[:, 1:]
    loss = cross_entropy(logits[:, :-1][targets], inputs["input_ids"][:, 1:][targets])
    return loss, logits[real]


def record(folder, model, inputs, auto, old_layout=True):
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    tidy_config(folder / "config.json", old_layout)
    check_reload(folder, auto, model, inputs)

    loss, output = loss_and_output(model, inputs)
    loss.backward()
    name = "scores" if output.ndim == 1 else "logits"
    tensors = {name: output.detach()}
    for key, parameter in model.named_parameters():
        assert parameter.grad.abs().max() > 1e-5, key
        tensors["gradients." + key] = parameter.grad.clone()
    adamw, final = train(copy.deepcopy(model), inputs)
    tensors.update({"final." + key: final[key] for key in SMALL})
    save_file(tensors, folder / "expected.safetensors")
    for path in folder.iterdir():
        path.chmod(0o644)
    lengths = inputs["attention_mask"].sum(dim=1).tolist()
    write_json(folder / "expected.json", {
        "versions": VERSIONS,
        "sequences": [row[:n].tolist() for row, n in zip(inputs["input_ids"], lengths)],
        "padded_input_ids": inputs["input_ids"].tolist(),
        "attention_mask": inputs["attention_mask"].tolist(),
        **({"chosen": [0, 1], "rejected": [2, 3], "scores": output.tolist()}
           if name == "scores" else {}),
        "loss": loss.item(),
        "adamw": adamw,
    })


def record_outputs(folder, model, inputs, auto=AutoModelForCausalLM):
    """As `record`, without training, and of gradients the sum and the norm: a smaller folder."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    tidy_config(folder / "config.json", old_layout=False)
    check_reload(folder, auto, model, inputs)
    loss, output = loss_and_output(model, inputs)
    loss.backward()
    name = "scores" if output.ndim == 1 else "logits"
    save_file({name: output.detach().contiguous()}, folder / "expected.safetensors")
    for path in folder.iterdir():
        path.chmod(0o644)
    lengths = inputs["attention_mask"].sum(dim=1).tolist()
    write_json(folder / "expected.json", {
        "versions": VERSIONS,
        "sequences": [row[:n].tolist() for row, n in zip(inputs["input_ids"], lengths)],
        **({"chosen": [0, 1], "rejected": [2, 3]} if name == "scores" else {}),
        "loss": loss.item(),
        "gradients": norms({key: value.grad for key, value in model.named_parameters()}),
    })


def norms(tensors):
    return {
        key: {"sum": value.double().sum().item(), "l2": value.double().norm().item()}
        for key, value in tensors.items()
    }


def rewrite(path, **changes):
    write_json(path, {**json.loads(path.read_text()), **changes})


def train(model, inputs):
    """Takes ten AdamW steps on the same batch; weight decay applies to every parameter."""
    parameters = dict(model.named_parameters())
    optimizer = torch.optim.AdamW(parameters.values(), foreach=False, **ADAMW)
    losses, norms = [], []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss, _ = loss_and_output(model, inputs)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(parameters.values(), CLIP).item())
        optimizer.step()
        losses.append(loss.item())
    final = {key: value.detach() for key, value in parameters.items()}
    return {
        "learning_rate": ADAMW["lr"], "betas": ADAMW["betas"], "epsilon": ADAMW["eps"],
        "weight_decay": ADAMW["weight_decay"], "clip": CLIP,
        "losses": losses,  # before each step
        "gradient_norms": norms,  # before clipping
        "final": norms(final),
    }, final


def tidy_config(path, old_layout):
    """Drops what names this run, and for the old layout splits rope_parameters as version 4 did."""
    config = json.loads(path.read_text())
    if old_layout:
        rotary = config.pop("rope_parameters")
        config["rope_theta"] = rotary.pop("rope_theta")
        config["rope_scaling"] = None if rotary["rope_type"] == "default" else rotary
    write_json(path, config)


def check_reload(folder, auto, model, inputs):
    """The files alone must give what the model in memory gives."""
    reloaded = auto.from_pretrained(
        folder, dtype=torch.float32, attn_implementation=model.config._attn_implementation).eval()
    with torch.no_grad():
        expected, actual = model(**inputs).logits, reloaded(**inputs).logits
    assert torch.equal(expected, actual), folder


# Preference losses, by TRL's own trainers


def reward_loss(output, margin=None, centring=None):
    """The loss of RewardTrainer, whose `self` needs only its arguments and metrics here."""
    trainer = MagicMock()
    trainer.args.center_rewards_coefficient = centring
    trainer.accelerator.gather_for_metrics = trainer.accelerator.gather = lambda value: value
    trainer._total_train_tokens, trainer._tp_size = 0, 1
    inputs = {"attention_mask": torch.ones(1, 1)}
    if margin is not None:
        inputs["margin"] = margin
    return RewardTrainer.compute_loss(trainer, lambda **_: output, inputs)


def dpo_loss(policy, reference, tokens, kind, beta):
    """The loss of DPOTrainer for sequences whose log-probabilities are given, `[2P]`, chosen first.

    `tokens` counts the tokens of each completion: its log-probability is spread over them evenly.
    """
    trainer = MagicMock()
    trainer.configure_mock(
        ld_alpha=None, precompute_ref_logps=True, f_divergence_type="reverse_kl", loss_types=[kind],
        loss_weights=[1.0], beta=beta, use_weighting=False, aux_loss_enabled=False,
        _total_train_tokens=0, _tp_size=1)
    trainer.accelerator.gather_for_metrics = trainer.accelerator.gather = lambda value: value
    mask = (torch.arange(2 + int(tokens.max())) >= 2) & (
        torch.arange(2 + int(tokens.max())) < 2 + tokens[:, None])  # a prompt of two tokens
    per_token = (policy / tokens)[:, None] * mask[:, 1:]
    zeros = torch.zeros_like(per_token)
    outputs = SimpleNamespace(
        log_probs=per_token, entropy=zeros, mean_logits=zeros, is_top1=zeros.bool())
    chosen, rejected = reference.chunk(2)
    inputs = {
        "input_ids": torch.zeros_like(mask, dtype=torch.long), "attention_mask": mask.long(),
        "completion_mask": mask.long(), "ref_chosen_logps": chosen, "ref_rejected_logps": rejected,
    }
    return DPOTrainer._compute_loss(trainer, lambda **_: outputs, inputs, return_outputs=False)


def record_losses():
    """Writes each loss with its inputs and its gradient, in float64."""
    rewards = [1.5, -0.25, 3.0, 0.5, 1.0, 2.0, -4.0, 0.5]  # four chosen, then four rejected
    margin = [0.0, 1.0, 0.5, 2.0]
    policy = [-12.0, -30.5, -8.25, -14.0, -29.0, -9.5]  # three chosen, then three rejected
    reference = [-13.0, -30.0, -9.0, -13.5, -30.0, -8.5]
    tokens = [4, 9, 3, 5, 8, 4]
    cases = [
        reward_case("bradley-terry", rewards),
        reward_case("bradley-terry-margin", rewards, margin=margin),
        reward_case("bradley-terry-centring", rewards, centring=0.01),
        reward_case("bradley-terry-margin-centring", rewards, margin=margin, centring=0.1),
        reward_case("bradley-terry-extreme", [100.0, -100.0, -100.0, 100.0]),
    ]
    for kind, name in (("sigmoid", "dpo"), ("ipo", "ipo")):
        for beta in (0.1, 1.0):
            cases.append(dpo_case(name, policy, reference, tokens, kind, beta))
    write_json(LOSSES, {
        "versions": VERSIONS,
        "note": "loss is the mean over pairs; ipo divides each sequence's log-ratio by its tokens",
        "cases": cases,
    })


def reward_case(name, rewards, margin=None, centring=None):
    logits = torch.tensor(rewards, dtype=torch.float64, requires_grad=True)
    margins = None if margin is None else torch.tensor(margin, dtype=torch.float64)
    loss = reward_loss(SimpleNamespace(logits=logits[:, None]), margins, centring)
    loss.backward()
    return {
        "name": name, **halves("", rewards),
        **({} if margin is None else {"margin": margin}),
        **({} if centring is None else {"centring": centring}),
        "loss": loss.item(), **halves("_gradient", logits.grad.tolist()),
    }


def dpo_case(name, policy, reference, tokens, kind, beta):
    logps = torch.tensor(policy, dtype=torch.float64, requires_grad=True)
    loss = dpo_loss(
        logps, torch.tensor(reference, dtype=torch.float64), torch.tensor(tokens), kind, beta)
    loss.backward()
    return {
        "name": name, "beta": beta, **halves("", policy), **halves("_reference", reference),
        **halves("_tokens", tokens), "loss": loss.item(),
        **halves("_gradient", logps.grad.tolist()),
    }


def halves(suffix, values):
    middle = len(values) // 2
    return {"chosen" + suffix: values[:middle], "rejected" + suffix: values[middle:]}


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(
        "  %s: %s" % (json.dumps(key), json.dumps(item)) for key, item in value.items())
    path.write_text("{\n%s\n}\n" % lines)


if __name__ == "__main__":
    warnings.simplefilter("ignore", FutureWarning)
    main()
