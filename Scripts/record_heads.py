#!/usr/bin/env python3
"""Records the scores of tiny models in every published layout of reward heads.

  python3 -m venv .venv
  .venv/bin/pip install torch==2.11.0 transformers==5.23.0
  .venv/bin/python Scripts/record_heads.py

Writes into Tests/AssayModelTests/Fixtures/heads:

  heads.json      each layout's config.json, names and shapes of its tensors, texts as token ids, and
                  the scores by the layout's published formula
  tokenizer.json  the vocabulary of all of them: bytes, the special tokens that layouts read, and a
                  few words that are one token
  *.pt            the two files of PyTorch that one layout keeps its head in

Weights are not written: each is drawn from its name (`draw`), here and in the test. The transformer
is transformers' own in float32; the formulas are written out below, and their sources named beside the
layouts in Sources/AssayModel/Heads. Hidden states are computed of every text alone and of all in one
batch, padded on the right, which must agree; of the layout with LongRoPE alone, as some texts are longer than its
original context.
"""

import json
import math
import shutil
from pathlib import Path

import numpy
import torch
import transformers
from transformers import (
    AutoModel, DebertaV2Config, Gemma2Config, GemmaConfig, LlamaConfig, MistralConfig, MixtralConfig, Phi3Config, Qwen2Config,
    Qwen3Config, Qwen3MoeConfig)

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "Tests" / "AssayModelTests" / "Fixtures" / "heads"
VERSIONS = {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__}

SPECIAL = [
    "<|endoftext|>", "<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>",
    "<|im_start|>", "<|im_end|>", "<extra_0>", "<|cls|>", "<|reward|>"]
PAD, BEGIN, END, STEP, CLS, REWARD = 0, 1, 2, 7, 8, 9
WORDS = ["Yes", "No", "\u043a\u0438"]
D, VOCABULARY, QUANTILES, LEVELS = 16, 288, 3, 10
SHAPE = dict(
    hidden_size=D, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1, head_dim=8,
    intermediate_size=24, vocab_size=VOCABULARY, max_position_embeddings=256, pad_token_id=PAD,
    bos_token_id=BEGIN, eos_token_id=END, tie_word_embeddings=False, attn_implementation="eager")


# Weights


def draw(name, shape):
    """Numbers of a weight: uniform, by SplitMix64 of a hash of its name; norms are around one."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    with numpy.errstate(over="ignore"):
        index = numpy.arange(1, math.prod(shape) + 1, dtype=numpy.uint64)
        z = numpy.uint64(seed) + index * numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        z = (z ^ (z >> numpy.uint64(31))) >> numpy.uint64(40)
    scale = math.sqrt(3 / shape[-1]) if len(shape) > 1 else 0.25
    values = (z.astype(numpy.float64) * 2.0**-23 - 1) * scale
    around_one = "norm" in name or name.endswith((".running_var", ".var", ".logit_scale"))
    values = values + 1 if around_one else values
    return torch.from_numpy(values.astype(numpy.float32)).reshape(shape)


def shapes_of(config):
    """Names and shapes of a transformer's weights, behind `model.`, and of its output embedding."""
    with torch.device("meta"):
        model = AutoModel.from_config(config)
    names = {"model." + name: list(value.shape) for name, value in model.state_dict().items()}
    return names | {"lm_head.weight": [config.vocab_size, config.hidden_size]}


class Backbone:
    """A transformer with drawn weights; `rename` says what a checkpoint calls them."""

    def __init__(self, config, rename=lambda name: name):
        self.model = AutoModel.from_config(config).eval()
        shapes = shapes_of(config)
        self.tensors = {rename(name): shape for name, shape in shapes.items()}
        drawn = {name: draw(rename(name), shape) for name, shape in shapes.items()}
        self.output = drawn.pop("lm_head.weight")
        self.model.load_state_dict({name[6:]: value for name, value in drawn.items()})

    def states(self, texts):
        """Hidden states behind the last norm, of each text, read in one batch."""
        width = max(map(len, texts)) + 3
        ids = torch.tensor([text + [PAD] * (width - len(text)) for text in texts])
        lengths = torch.tensor([len(text) for text in texts])
        mask = (torch.arange(width)[None] < lengths[:, None]).long()
        with torch.no_grad():
            hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
            for row, text in enumerate(texts):
                alone = self.model(input_ids=torch.tensor([text])).last_hidden_state[0]
                assert torch.allclose(alone, hidden[row, : len(text)], atol=1e-5)
        return [hidden[row, : len(text)] for row, text in enumerate(texts)]


def llama(**keys):
    return LlamaConfig(**SHAPE | keys)


def qwen2(**keys):
    return Qwen2Config(**SHAPE | keys)


# Formulas


def before_padding(text):
    """`torch.eq(ids, pad).int().argmax() - 1`, modulo the length."""
    return (text.index(PAD) - 1) % len(text) if PAD in text else len(text) - 1


def last(text):
    return len(text) - 1


def last_but_padding(text):
    return max(index for index, token in enumerate(text) if token != PAD)


def row(at, name, bias=False):
    """One row at one place."""
    def formula(text, states, backbone):
        value = states[at(text)] @ draw(name + ".weight", [1, D])[0]
        return value + (draw(name + ".bias", [1])[0] if bias else 0), None
    shapes = {name + ".weight": [1, D]} | ({name + ".bias": [1]} if bias else {})
    return formula, shapes


def stack(x, layers, activation):
    """Linear layers, an activation behind each but the last."""
    for index, (name, rows, columns, bias) in enumerate(layers):
        x = x @ draw(name + ".weight", [rows, columns]).T
        x = x + draw(name + ".bias", [rows]) if bias else x
        x = activation(x) if index + 1 < len(layers) else x
    return x


def shapes(layers):
    made = {}
    for name, rows, columns, bias in layers:
        made |= {name + ".weight": [rows, columns]} | ({name + ".bias": [rows]} if bias else {})
    return made


def mlp(at, layers):
    def formula(text, states, backbone):
        return stack(states[at(text)], layers, torch.relu)[0], None
    return formula, shapes(layers)


def steps(ends, layers, number):
    """A number at each end of a step; the lowest is the score."""
    def formula(text, states, backbone):
        parts = torch.stack([number(stack(states[at], layers, torch.relu)) for at in ends(text)])
        return parts.min(), parts
    return formula, shapes(layers)


def tags(token):
    return lambda text: [index for index, found in enumerate(text) if found == token]


SCORE_LAYERS = [("score.0", D, D, True), ("score.2", 1, D, True)]
PROMPT_END = None  # set by main: <|eot_id|>, the assistant's header, two newlines


def gate_place(text):
    """Where the last occurrence of the prompt's end begins (`find_token_for_gating`)."""
    starts = range(len(text) - len(PROMPT_END), -1, -1)
    return next(at for at in starts if text[at : at + len(PROMPT_END)] == PROMPT_END)


def gated(attributes, quantiles, norms):
    """ArmoRM; with quantiles, and batch norms in the gate, QRM."""
    places = [0, 3, 6, 9] if norms else [0, 1, 2, 3]
    widths = [D, 12, 12, 12, attributes]
    made = {
        "regression_layer.weight": [attributes * quantiles, D],
        "reward_transform_matrix": [attributes, attributes], "gating.logit_scale": [1]}
    for index, place in enumerate(places):
        made[f"gating.layers.{place}.weight"] = [widths[index + 1], widths[index]]
        if not norms or index == 3:
            made[f"gating.layers.{place}.bias"] = [widths[index + 1]]
        if norms and index < 3:
            for part in ("weight", "bias", "running_mean", "running_var"):
                made[f"gating.layers.{place + 2}.{part}"] = [12]

    def gate(x):
        for index, place in enumerate(places):
            name = f"gating.layers.{place}"
            x = x @ draw(name + ".weight", [widths[index + 1], widths[index]]).T
            if name + ".bias" in made:
                x = x + draw(name + ".bias", [widths[index + 1]])
            if index == 3:
                return torch.softmax(x / 10, dim=0) * draw("gating.logit_scale", [1])[0]
            x = torch.relu(x)
            if norms:
                norm = f"gating.layers.{place + 2}"
                part = {key: draw(f"{norm}.{key}", [12]) for key in
                        ("weight", "bias", "running_mean", "running_var")}
                x = (x - part["running_mean"]) / torch.sqrt(part["running_var"] + 1e-5)
                x = x * part["weight"] + part["bias"]

    def formula(text, states, backbone):
        rows = draw("regression_layer.weight", [attributes * quantiles, D])
        rewards = (rows @ states[before_padding(text)]).reshape(attributes, quantiles).mean(1)
        adjusted = rewards @ draw("reward_transform_matrix", [attributes, attributes])
        score = (gate(states[gate_place(text)]) * adjusted).sum()
        return score, adjusted if quantiles > 1 else rewards

    return formula, made


LEVEL_LAYERS = [("regression_layer.network.0", 8, D, True),
                ("regression_layer.network.2", 8, 8, True),
                ("regression_layer.network.4", 2 * LEVELS, 8, True)]
GATE_LAYERS = [("gating_layer.network.0", 8, D, True), ("gating_layer.network.3", 8, 8, True),
               ("gating_layer.network.6", 2, 8, True)]


def levels(text, states, backbone):
    """LDL-Reward."""
    state, leaky = states[before_padding(text)], torch.nn.functional.leaky_relu
    shares = torch.softmax(stack(state, LEVEL_LAYERS, leaky).reshape(2, LEVELS), dim=1)
    mixed = stack(state, GATE_LAYERS, leaky) @ shares
    return (mixed * torch.linspace(0, 1, LEVELS)).sum(), None


def normalized(affine):
    """Safe-RLHF's score model: `affine` for rewards, scaled alone for costs."""
    def formula(text, states, backbone):
        value = states[last(text)] @ draw("score_head.weight", [1, D])[0]
        value = value + draw("score_head.bias", [1])[0]
        mean, variance = draw("normalizer.mean", [1])[0], draw("normalizer.var", [1])[0]
        value = (value - (mean if affine else 0)) / (variance.sqrt() + 1e-8)
        return (value, None) if affine else (-value, value[None])
    made = {"score_head.weight": [1, D], "score_head.bias": [1],
            "normalizer.mean": [1], "normalizer.var": [1]}
    return formula, made


def critic(text, states, backbone):
    """CLoud's head, at the end of the critique."""
    layers = [("reward_head.dense", D, D, True), ("reward_head.out_proj", 1, D, True)]
    return stack(states[last(text)], layers, torch.tanh)[0], None


def logit(first, second=None, at=last):
    def formula(text, states, backbone):
        logits = backbone.output @ states[at(text)]
        return logits[first] - (0 if second is None else logits[second]), None
    return formula, {}


def compared(source, first, second):
    """PairRM: the head of the prompt's token with each response's, the mean over tasks of their difference."""
    layers = [("head_layer.1", D, 2 * D, True), ("head_layer.4", 3, D, True)]

    def formula(text, states, backbone):
        state = lambda token: states[text.index(token)]
        left, right = (
            stack(torch.cat([state(source), state(token)]), layers, torch.tanh)
            for token in (first, second))
        return (left - right).mean(), None
    return formula, shapes(layers)


def normals(text, states, backbone):
    """URM: of each attribute's mean and deviation the mean, weighed by the layers of `weights.fc`."""
    state = states[last_but_padding(text)]
    means = (draw("score.weight", [2 * NORMALS, D]) @ state).reshape(NORMALS, 2)[:, 0]
    return (stack(state, NORMAL_LAYERS, torch.nn.functional.selu) * means).sum(), means


NORMALS = 5
NORMAL_LAYERS = [("weights.fc.0", D, D, True), ("weights.fc.2", D, D, True),
                 ("weights.fc.4", NORMALS, D, True)]


def chances(first, second, ends):
    """The first token's share of two, at each end of a step."""
    def formula(text, states, backbone):
        pair = [backbone.output[[first, second]] @ states[at] for at in ends(text)]
        parts = torch.stack([torch.softmax(two, dim=0)[0] for two in pair])
        return parts.min(), parts
    return formula, {}


# Layouts


def internlm2(name):
    """InternLM 2's names; queries, keys and values are joined by the test's own packing."""
    for old, new in {
        "embed_tokens": "tok_embeddings", "self_attn.o_proj": "attention.wo",
        "input_layernorm": "attention_norm", "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "feed_forward.w1", "mlp.up_proj": "feed_forward.w3",
        "mlp.down_proj": "feed_forward.w2", "lm_head": "output"}.items():
        name = name.replace(old, new)
    return name


class JoinedBackbone(Backbone):
    """Queries, keys and values of the one group in one matrix, `wqkv`."""

    def __init__(self, config):
        super().__init__(config, internlm2)
        for index, layer in enumerate(self.model.layers):
            name = f"model.layers.{index}.attention.wqkv.weight"
            parts = [layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj]
            counts = [part.weight.shape[0] for part in parts]
            self.tensors[name] = [sum(counts), D]
            pieces = draw(name, self.tensors[name]).split(counts)
            for part, piece in zip(parts, pieces):
                part.weight.data.copy_(piece)
        self.tensors = {
            name: shape for name, shape in self.tensors.items() if "self_attn" not in name}


class LongBackbone(Backbone):
    """Reads every text alone: its length decides of its frequencies, in a batch the longest one's does."""

    def states(self, texts):
        with torch.no_grad():
            return [self.model(input_ids=torch.tensor([text])).last_hidden_state[0] for text in texts]


class ExpertsBackbone(Backbone):
    """Each expert's matrices by themselves, as checkpoints have them."""

    def __init__(self, config):
        is_mixtral = config.model_type == "mixtral"
        module = "block_sparse_moe" if is_mixtral else "mlp"
        gate, up, down = ("w1", "w3", "w2") if is_mixtral else ("gate_proj", "up_proj", "down_proj")
        super().__init__(config, lambda name: name.replace(".mlp.", f".{module}."))
        for index, layer in enumerate(self.model.layers):
            stem = f"model.layers.{index}.{module}.experts"
            for joined, parts in (("gate_up_proj", [gate, up]), ("down_proj", [down])):
                value = getattr(layer.mlp.experts, joined).data
                del self.tensors[f"{stem}.{joined}"]
                for expert in range(value.shape[0]):
                    names = [f"{stem}.{expert}.{part}.weight" for part in parts]
                    shape = [value.shape[1] // len(parts), value.shape[2]]
                    self.tensors |= {name: shape for name in names}
                    value[expert].copy_(torch.cat([draw(name, shape) for name in names]))


def starling(name):
    return name.replace("model.", "transformer.")


def bare(name):
    return name.removeprefix("model.")


def layouts(token):
    """Every layout: its name, configuration, class, formula and weights, and what is special."""
    summary = [("v_head.summary.0", 20, D, True), ("v_head.summary.2", 1, 20, True)]
    linear = [("v_head.summary", 1, D, True)]
    prm = [("score.0", D, D, True), ("score.2", 2, D, True)]
    softmax_right = lambda rows: torch.softmax(rows, dim=0)[1]
    yes, no, tag = token["Yes"], token["No"], token["\u043a\u0438"]
    plus, minus = token["+"], token["-"]
    rows2 = {"score.weight": [2, D]}

    def two_rows(text, states, backbone):
        both = draw("score.weight", [2, D]) @ states[last_but_padding(text)]
        return both[1] - both[0], None

    yield "score", llama(), "LlamaForSequenceClassification", row(last_but_padding, "score"), {}
    yield "score-two-rows", qwen2(), "Qwen2ForSequenceClassification", (two_rows, rows2), dict(
        choice="row:1-0")
    yield "score-mlp", qwen2(), "Qwen2ForRewardModel", mlp(before_padding, SCORE_LAYERS), {}
    yield "inf-orm", llama(), "INFORMForSequenceClassification", mlp(
        before_padding, SCORE_LAYERS), {}
    yield "step-mlp", qwen2(), "Qwen2ForProcessRewardModel", steps(
        tags(STEP), prm, softmax_right), {}
    yield "athene", llama(), "CustomAutoModelForSequenceClassification", row(
        lambda text: max(tags(CLS)(text)), "v_head"), dict(keys={"cls_token_id": CLS})
    yield "internlm2", llama(), "InternLM2ForRewardModel", row(last, "v_head"), dict(
        keys={"reward_token_id": REWARD, "model_type": "internlm2", "bias": False},
        backbone=JoinedBackbone, appended=REWARD)
    yield "starling", llama(), "LlamaForSequenceClassification", row(
        before_padding, "v_head"), dict(rename=starling)
    yield "grm", llama(), "GRewardModel", mlp(last, summary), {}
    yield "acecode", qwen2(), "Qwen2ForCausalRM", mlp(last, linear), {}
    yield "llama-factory", llama(), "LlamaForCausalLM", mlp(last, linear), dict(
        file="value_head.safetensors")
    yield "ultrarm", llama(), "LlamaRewardModel", row(last, "regression_head"), {}
    yield "eurus", MistralConfig(**SHAPE | {"sliding_window": None}), "EurusRewardModel", row(
        last, "regression_head"), {}
    beaver = {"score_dim": 1, "bias": True, "do_normalize": True,
              "normalizer_type": "RunningMeanStd"}
    yield "beaver-reward", llama(), "LlamaForScore", normalized(True), dict(
        keys=beaver | {"score_type": "reward"})
    yield "beaver-cost", llama(), "LlamaForScore", normalized(False), dict(
        keys=beaver | {"score_type": "cost"})
    yield "armo", llama(), "LlamaForRewardModelWithGating", gated(19, 1, False), dict(
        keys={"num_objectives": 19, "gating_temperature": 10})
    yield "qrm", llama(), "LlamaForRewardModelWithGating31", gated(19, QUANTILES, True), dict(
        keys={"num_objectives": 19, "num_quantiles": QUANTILES})
    yield "ldl", Gemma2Config(**SHAPE | dict(
        query_pre_attn_scalar=8, sliding_window=64, attn_logit_softcapping=50.0,
        final_logit_softcapping=30.0, tie_word_embeddings=True)), "LDLRewardModel27B", (
        levels, {}), dict(rename=bare)
    cloud = {"reward_head.dense.weight": [D, D], "reward_head.dense.bias": [D],
             "reward_head.out_proj.weight": [1, D], "reward_head.out_proj.bias": [1]}
    yield "cloud", llama(), "FeedbackRewardModel", (critic, cloud), dict(
        rename=lambda name: "reward_base_model." + name)
    yield "logit", llama(), "LlamaForCausalLM", logit(0), dict(choice="logit:0")
    yield "yes-no", llama(), "LlamaForCausalLM", logit(yes, no), dict(choice="logit:Yes-No")
    yield "shepherd", MistralConfig(**SHAPE | {"sliding_window": None}), "MistralForCausalLM", \
        chances(plus, minus, tags(tag)), dict(choice="probability:+--@\u043a\u0438")
    yield "urm", llama(num_labels=2 * NORMALS), "LlamaForSequenceClassificationWithNormal_Weights", (
        normals, {"score.weight": [2 * NORMALS, D]} | shapes(NORMAL_LAYERS)), {}
    no_window, gemma = {"sliding_window": None}, {"tie_word_embeddings": True}
    caps = gemma | dict(query_pre_attn_scalar=8, sliding_window=64)
    experts = dict(num_experts_per_tok=2)
    for name, config in [
        ("qwen2", qwen2()), ("qwen3", Qwen3Config(**SHAPE)),
        ("mistral", MistralConfig(**SHAPE | no_window)), ("gemma", GemmaConfig(**SHAPE | gemma)),
        ("gemma2", Gemma2Config(**SHAPE | caps)),
    ]:
        start = type(config).__name__.removesuffix("Config")
        yield f"score-{name}", config, start + "ForSequenceClassification", row(
            last_but_padding, "score"), {}
    scaling = {"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0, 1.25, 1.5, 2.0],
               "long_factor": [1.5, 4.0, 8.0, 16.0], "original_max_position_embeddings": 50}
    phi3 = Phi3Config(**SHAPE | {"rope_parameters": scaling}, original_max_position_embeddings=50)
    yield "score-phi3-long", phi3, "Phi3ForSequenceClassification", row(
        last_but_padding, "score"), dict(backbone=LongBackbone)
    pair = DebertaV2Config(
        hidden_size=D, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        vocab_size=VOCABULARY, max_position_embeddings=256, type_vocab_size=0, relative_attention=True,
        position_buckets=8, norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type=["p2c", "c2p"],
        position_biased_input=False, pad_token_id=PAD, layer_norm_eps=1e-7)
    yield "pairrm", pair, "DebertaV2PairRM", compared(3, 4, STEP), dict(
        keys={"source_prefix_id": 3, "cand1_prefix_id": 4, "cand2_prefix_id": STEP, "n_tasks": 3},
        rename=lambda name: name.replace("model.", "pretrained_model.", 1))
    for name, config in [
        ("mixtral", MixtralConfig(**SHAPE | no_window | experts | dict(num_local_experts=4))),
        ("qwen3-moe", Qwen3MoeConfig(
            **SHAPE | experts | dict(num_experts=4, moe_intermediate_size=8, mlp_only_layers=[]))),
    ]:
        start = type(config).__name__.removesuffix("Config")
        yield f"logit-{name}", config, start + "ForCausalLM", logit(0), dict(
            choice="logit:0", backbone=ExpertsBackbone)


# Files


def tokenizer():
    """Bytes as one token each, special tokens before them and a few words behind."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = (byte for byte in range(256) if byte not in printable)
    letters = {byte: chr(byte) for byte in printable}
    letters |= {byte: chr(256 + index) for index, byte in enumerate(rest)}
    words, merges = [], []
    for word in WORDS:
        parts = [letters[byte] for byte in word.encode()]
        if len(parts) == 4:  # two letters of two bytes each
            merges += [parts[:2], parts[2:], ["".join(parts[:2]), "".join(parts[2:])]]
        else:
            merges += [["".join(parts[:end]), parts[end]] for end in range(1, len(parts))]
        words += ["".join(merge) for merge in merges if "".join(merge) not in words]
    vocabulary = SPECIAL + [letters[byte] for byte in range(256)] + words
    assert len(vocabulary) == len(set(vocabulary)) <= VOCABULARY
    ids = {spelling: index for index, spelling in enumerate(vocabulary)}
    special = [dict(id=index, content=text, single_word=False, lstrip=False, rstrip=False,
                    normalized=False, special=True) for index, text in enumerate(SPECIAL)]
    level = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True)
    document = dict(
        version="1.0", truncation=None, padding=None, added_tokens=special, normalizer=None,
        pre_tokenizer=level, post_processor=None, decoder=level,
        model=dict(type="BPE", dropout=None, unk_token=None, continuing_subword_prefix=None,
                   end_of_word_suffix=None, fuse_unk=False, byte_fallback=False,
                   ignore_merges=False, vocab=ids, merges=merges))
    (FIXTURES / "tokenizer.json").write_text(
        json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")
    words = {word: ids["".join(letters[byte] for byte in word.encode())] for word in WORDS}
    return words | {text: ids[text] for text in "+-"}, {
        byte: ids[letter] for byte, letter in letters.items()}


def texts(token, byte):
    """Conversations as ids: each has every place that a layout looks for, some have padding."""
    spell = lambda text: [byte[value] for value in text.encode()]
    tag = token["\u043a\u0438"]

    def conversation(prompt, pieces, end):
        made = [BEGIN, 3, *spell("user"), 4, *spell("\n\n" + prompt)]
        made += PROMPT_END
        for piece in pieces:
            made += spell(piece) + [STEP, tag]
        return made + end

    return [
        conversation("2 + 3?", ["It is 5."], [END, CLS]),
        conversation("Why?", ["Once ", "twice, ", "and so on."], [CLS, END]),
        conversation("Name a colour that is not red", ["Blue", ""], [END, CLS, 200]),
        conversation("x", ["a", "b"], [CLS, PAD, 77, END]),
        conversation("y", ["The end"], [CLS, END, PAD]),
    ]


def record(name, config, class_name, formula, shapes, inputs, keys={}, rename=None, backbone=None,
           choice=None, file=None, appended=None):
    made = backbone(config) if backbone else Backbone(config, rename or (lambda name: name))
    read = [text + [appended] for text in inputs] if appended else inputs
    scores, parts = [], []
    for text, states in zip(read, made.states(read)):
        score, beside = formula(text, states, made)
        scores.append(float(score))
        parts.append([] if beside is None else [float(value) for value in beside])
    settings = json.loads(config.to_json_string()) | keys | {"architectures": [class_name]}
    kept = made.tensors
    if name != "cloud" and not class_name.endswith(("CausalLM", "CausalRM")):
        kept = {
            key: shape for key, shape in kept.items() if not key.startswith(("lm_head", "output"))}
    return dict(
        name=name, config=settings, choice=choice, headFile=file,
        tensors=kept | ({} if file else shapes), headTensors=shapes if file else {},
        scores=scores, parts=parts)


def main():
    global PROMPT_END
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    shutil.rmtree(FIXTURES, ignore_errors=True)
    FIXTURES.mkdir(parents=True)
    token, byte = tokenizer()
    spelled = [byte[value] for value in b"assistant"]
    PROMPT_END = [END, 3, *spelled, 4, byte[10], byte[10]]
    inputs = texts(token, byte)
    models = [
        record(name, config, class_name, *head, inputs, **special)
        for name, config, class_name, head, special in layouts(token)]
    for file, layers in (("regression_layer", LEVEL_LAYERS), ("gating_layer", GATE_LAYERS)):
        tensors = {name: draw(name, shape) for name, shape in shapes(layers).items()}
        torch.save(
            {name.removeprefix(file + "."): value for name, value in tensors.items()},
            FIXTURES / f"{file}.pt")
    document = dict(versions=VERSIONS, sequences=inputs, models=models)
    (FIXTURES / "heads.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
