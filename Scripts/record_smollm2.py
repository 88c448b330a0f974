#!/usr/bin/env python3
"""Records what transformers writes with SmolLM2-135M-Instruct's weights out of its GGUF file.

    python3 -m venv VENV
    VENV/bin/pip install torch==2.11.0 transformers gguf==0.19.0 accelerate
    VENV/bin/python Scripts/record_smollm2.py $(assay pull smollm2)

The weights are dequantized to float32 by transformers (`gguf_file=`). Writes
Tests/AssayModelTests/Fixtures/smollm2.json: 20 texts (ten of them conversations, rendered by the
file's own template), their ids, and of the 60 tokens that are likeliest each time (fewer where the
text ends) ids, text and log-probabilities; `smallest_gap` is the least difference between the
likeliest token and the next one. Ids come from the `tokenizers` package, put together from the
file's vocabulary with its kind of splitting (digits one by one, then GPT-2's).
"""

import json
import sys
from pathlib import Path

import gguf
import tokenizers
import torch
import transformers
from tokenizers import AddedToken, decoders, models, pre_tokenizers

FIXTURE = (Path(__file__).resolve().parent.parent / "Tests" / "AssayModelTests" / "Fixtures"
           / "smollm2.json")
TOKENS = 60
QUESTIONS = [
    "What is the capital of France?", "Name three primary colors.", "What is 7 + 5?",
    "Write a sentence about the sea.", "Who wrote Romeo and Juliet?", "Why is the sky blue?",
    "Give me a recipe with 2 eggs.", "Translate 'good morning' to Spanish.",
    "How many legs does a spider have?", "Explain photosynthesis briefly.",
]
TEXTS = [
    "Once upon a time", "The three laws of motion are", "def fibonacci(n):\n    ", "In 1969,",
    "Water boils at", "Dear Sir or Madam,\n\n", "The quick brown fox", "Caf\u00e9 culture in Paris",
    "1, 2, 3, 4,", "My favourite book is",
]


def main(path: str) -> None:
    torch.set_num_threads(1)
    folder, name = str(Path(path).parent), Path(path).name
    reader = gguf.GGUFReader(path)
    tokenizer = build_tokenizer(reader)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=name, dtype=torch.float32)
    model.eval()
    end = reader.fields["tokenizer.ggml.eos_token_id"].contents()
    template = reader.fields["tokenizer.chat_template"].contents()
    texts = TEXTS + [rendered(template, question) for question in QUESTIONS]
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    cases = []
    for text, read, tokens in zip(texts, ids, greedy(model, ids, end)):
        values, gap = logprobs(model, read, tokens)
        written = tokenizer.decode(tokens, skip_special_tokens=False)
        print(repr(written), gap, flush=True)
        cases.append({"text": text, "ids": read, "tokens": tokens, "logprobs": values,
                      "written": written, "gap": gap})
    record = {
        "made_by": "transformers %s, torch %s, gguf 0.19.0, tokenizers %s"
                   % (transformers.__version__, torch.__version__, tokenizers.__version__),
        "smallest_gap": min(case.pop("gap") for case in cases),
        "cases": cases,
    }
    FIXTURE.parent.mkdir(parents=True, exist_ok=True)
    FIXTURE.write_text(json.dumps(record, ensure_ascii=False, sort_keys=True) + "\n")


def build_tokenizer(reader) -> tokenizers.Tokenizer:
    def field(name):
        return reader.fields["tokenizer.ggml." + name].contents()

    tokens, kinds = field("tokens"), field("token_type")
    merges = [tuple(merge.split(" ")) for merge in field("merges")]
    assert field("model") == "gpt2" and field("pre") == "smollm"
    tokenizer = tokenizers.Tokenizer(
        models.BPE({token: index for index, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(False, use_regex=True)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True) for token, kind in zip(tokens, kinds) if kind == 3])
    return tokenizer


def rendered(template: str, question: str) -> str:
    import jinja2.sandbox

    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True)
    messages = [{"role": "user", "content": question}]
    return environment.from_string(template).render(messages=messages, add_generation_prompt=True)


@torch.no_grad()
def greedy(model, prompts, end):
    """The likeliest tokens behind each prompt, all at once, padded on the left."""
    longest = max(map(len, prompts))
    fed = torch.tensor([[end] * (longest - len(ids)) + ids for ids in prompts])
    mask = torch.tensor([[0] * (longest - len(ids)) + [1] * len(ids) for ids in prompts])
    cache, rows = None, [[] for _ in prompts]
    for _ in range(TOKENS):
        places = (mask.cumsum(-1) - 1).clamp(min=0)[:, -fed.shape[1]:]
        output = model(fed, attention_mask=mask, position_ids=places, past_key_values=cache,
                       use_cache=True, logits_to_keep=1)
        cache = output.past_key_values
        best = output.logits[:, -1].argmax(-1)
        for row, token in zip(rows, best.tolist()):
            if not row or row[-1] != end:
                row.append(token)
        fed = best[:, None]
        mask = torch.cat([mask, torch.ones_like(fed)], -1)
    return rows


@torch.no_grad()
def logprobs(model, ids, tokens):
    """The tokens' log-probabilities, each text alone, and the least lead of a token."""
    logits = model(torch.tensor([ids + tokens[:-1]])).logits[0, len(ids) - 1:].double()
    scores = torch.log_softmax(logits, -1)
    best = torch.topk(scores, 2, -1)
    assert best.indices[:, 0].tolist() == tokens
    gap = float((best.values[:, 0] - best.values[:, 1]).min())
    return [round(value, 6) for value in best.values[:, 0].tolist()], round(gap, 6)


if __name__ == "__main__":
    main(sys.argv[1])
