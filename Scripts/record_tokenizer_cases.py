#!/usr/bin/env python3
"""Records what the `tokenizers` and `transformers` packages do, as fixtures for AssayTextTests.

Usage: python Scripts/record_tokenizer_cases.py [--own FOLDER]

Trains small tokenizers from the text below, saves each as NAME.tokenizer.json, and writes
NAME.cases.json: texts with their ids (without special tokens added), `decoded` where it differs
from the text, `visible` (without special tokens) where that differs, and `cut`: ids[1:-1] decoded.
With --own, FOLDER is a model folder written by Assay (`tokenizer.json`, `tokenizer_config.json`),
which is copied beside them and recorded in the same way, with its chat template.
"""

import argparse
import json
import pathlib
import shutil
import tempfile

import tokenizers
import transformers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers import processors, trainers

FIXTURES = pathlib.Path(__file__).parent.parent / "Tests" / "AssayTextTests" / "Fixtures"

CORPUS = """
Ann has 12 apples and 7 pears. She gives 3 apples to Bob, then buys 25 more. How many apples does
Ann have now? She has 12 - 3 + 25 = 34 apples. That's right: the answer is 34.
The quick brown fox jumps over the lazy dog; the dog doesn't mind, and they're both happy.
I'll say it again: we've seen that she's not sure, he'd rather not, and I'm fine with it.
    def total(values):
        result = 0
        for value in values:
            result += value
        return result
Critique: the response is correct, complete and clear. The second step is wrong: 7 + 8 is 15, not 16.
The number 1234567890 is larger than 999; 3.14159 is less than 22/7. In 2024 there were 366 days.
Le caf\u00e9 est tr\u00e8s bon, na\u00efve r\u00e9sum\u00e9 d\u00e9j\u00e0 vu. \u00dcber Stra\u00dfe gr\u00f6\u00dfer.
\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \u041a\u0430\u043a \u0434\u0435\u043b\u0430? \u4f60\u597d\uff0c\u4e16\u754c\u3002\u4eca\u5929\u5929\u6c14\u5f88\u597d\u3002
\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645. \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01.
Order the words: banana, apple, cherry -> apple, banana, cherry. List exactly three items.
IT'S THE SAME; DON'T SHOUT. WE'LL SEE WHAT THEY'VE DONE.
""" * 2

GPT2 = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""
MODERN = (r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|NUMBER"""
          r"""| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+""")
QWEN2 = MODERN.replace("NUMBER", r"\p{N}")
LLAMA3 = MODERN.replace("NUMBER", r"\p{N}{1,3}")
# Oniguruma reads `+` behind braces as repetition, other engines as possessive.
CL100K = (r"""'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*"""
          r"""|\s*[\r\n]|\s+(?!\S)|\s+""")
SPECIAL = ["<pad>", "<s>", "<|system|>", "<|user|>", "<|assistant|>", "<|eot|>"]

CASES = [
    "", " ", "  ", "\n", "\t", "a", "Hello world", " Hello  world ", "The answer is 34.",
    "caf\u00e9 cafe\u0301 \u00c5ngstr\u00f6m A\u030angstro\u0308m \u212b \u1e9b\u0323 q\u0307\u0323",
    "\U00020052\u0301 \U00010077\u0301 \U000110a5\U000110ba \U0001d15e",
    "\uac00\u1100\u1161 \u0958 \u2126 \ufb01 \ud55c\uad6d\uc5b4",
    "\u4f60\u597d\uff0c\u4e16\u754c\u3002\u4eca\u5929\u5929\u6c14\u5f88\u597d\u3002\u65e5\u672c\u8a9e\u306e\u30c6\u30b9\u30c8",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645 \u0661\u0662\u0663 \u0651",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01 \u0e51\u0e52\u0e53",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e \u0967\u0968\u0969",
    "\U0001f600 \U0001f44d\U0001f3fd \U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f1e9\U0001f1ea \u2764\ufe0f",
    "a\u0301\u0323\u0302b \u0301alone z\u0351\u036b\u0343\u036a\u0302", "\U0001d4d7\U0001d4ee\U0001d4f5\U0001d4f5\U0001d4f8 \U00020000\U00020001 \U00010348 \U0001d7ce\U0001d7cf",
    "1", "12", "123", "1234", "12345678901234567890", " 12 345 6,789.01", "\u00b2\u00b3 \u00bd \u2167 \u2460 \uff11\uff12\uff13 \u0967",
    "3.14e-10 0x1F 1st 2nd 100% $5", "x1y22z333", "a\u00a0b \u00a0 c\u2003d\u3000e\u202ff\u1680g",
    "\ta\t\tb \t c", "a\r\nb\r\n\r\nc\rd\n\ne", "trailing   ", "   leading", "a  b   c    d",
    "line one \n line two  \n\n  line three\n", "a \n", " \n a", "\n\n\n", " \t\n \t", "x\u000by\u000cz\u0085w\u2028v\u2029u",
    "\u200bzero\u200dwidth\ufeff", "it's don't we're they've I'm we'll he'd", "IT'S DON'T WE'RE THEY'VE I'M WE'LL HE'D",
    "It'S wE'Re 'sabc 'tis ''s '' ' 'x 'r 're", "'\u017f '\u017fx l'\u00e9t\u00e9 'L 'lL rock'n'roll", "\u2019s don\u2019t",
    "!!! ... ??? -- ;:,", " !!! a.b,c;d", "!!!\n\n???\r\n.", "a_b __init__ $x #y @z ~", "-> => <= != ==", "http://a.b/c?d=e&f=g#h",
    "def f(x):\n    return x + 1\n\n\tpass\n", "{\"a\": [1, 2.5, null]}", "<b>bold</b> <|user| user|> <s", "\u0000\u0001\u007f\u0080",
    "<s><|user|>How many?<|eot|><|assistant|>34<|eot|>", "a<|eot|>b", "a <|eot|> b", " <|eot|>  <|eot|> ", "<|eot|><|eot|>", "<pad><s> <pad> x<s>y",
    "Critique: the response is correct, complete and clear.", "banana" * 30, "na" * 200 + "x", "the" * 100, "\u4f60" * 70, " " * 100 + "x", "\n" * 60,
    "abcdefghijklmnopqrstuvwxyz" * 8, "\u00df\u1e9e \u0130\u0131 \u01c5 \u02b0 \u00aa\u00ba \u02c7", "\u0378\ue000\uffff \U000e0001 \U0010ffff",
]

CONVERSATIONS = [
    [("user", "How many?"), ("assistant", "34")],
    [("system", "Be brief."), ("user", "How many apples?\n"), ("assistant", " It is 34. "), ("user", "Sure?")],
    [("user", "\n\n  spaces all around \t\n"), ("assistant", "")],
    [("user", "caf\u00e9 \U0001f600\n"), ("assistant", "\u4f60\u597d"), ("user", "12 + 34"), ("assistant", "46\n\nDone.")],
]


def bpe(pre_tokenizer, size, special=SPECIAL, normalizer=None, **options):
    tokenizer = Tokenizer(models.BPE(**options))
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=special, show_progress=False, min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(CORPUS.split("\n"), trainer)
    return tokenizer


def byte_level(**options):
    options = {"add_prefix_space": False, "use_regex": False} | options
    return pre_tokenizers.ByteLevel(**options)


def split(pattern, behavior, invert=False):
    return pre_tokenizers.Split(pattern, behavior, invert)


def sequence(*steps):
    return pre_tokenizers.Sequence(list(steps))


def build():
    result = {}
    result["gpt2"] = bpe(byte_level(use_regex=True), 420)
    result["gpt2"].post_processor = processors.ByteLevel(trim_offsets=False)
    result["gpt2-prefix"] = bpe(byte_level(use_regex=True, add_prefix_space=True), 330)
    result["qwen2"] = bpe(
        sequence(split(Regex(QWEN2), "isolated"), byte_level()), 480, normalizer=normalizers.NFC())
    result["qwen2"].post_processor = processors.ByteLevel(trim_offsets=False)
    result["llama3"] = bpe(
        sequence(split(Regex(LLAMA3), "isolated"), byte_level()), 480, ignore_merges=True)
    result["llama3"].post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    result["digits"] = bpe(
        sequence(pre_tokenizers.Digits(individual_digits=True), byte_level(use_regex=True)), 340)
    result["digits-contiguous"] = bpe(
        sequence(pre_tokenizers.Digits(individual_digits=False), byte_level()), 300)
    result["removed"] = bpe(sequence(split(" ", "removed"), byte_level()), 300)
    result["previous"] = bpe(sequence(split(" ", "merged_with_previous"), byte_level()), 300)
    result["next"] = bpe(sequence(split(Regex(r"\s"), "merged_with_next"), byte_level()), 300)
    result["contiguous"] = bpe(sequence(split(Regex(r"[aeiou]"), "contiguous"), byte_level()), 300)
    result["inverted"] = bpe(
        sequence(split(Regex(r"\p{L}+|\p{N}{2}"), "removed", True), byte_level()), 300,
        normalizer=normalizers.Sequence([normalizers.NFC()]))
    result["unicode-class"] = bpe(
        sequence(split(Regex(r"[^\S\n]+|[\p{L}\p{M}]+(?=\s)|\w"), "isolated"), byte_level()), 300)
    result["added"] = bpe(byte_level(use_regex=True), 300, normalizer=normalizers.NFC())
    result["added"].add_tokens([
        AddedToken("apples", single_word=True), AddedToken("bob", lstrip=True),
        AddedToken("cat", rstrip=True), AddedToken("caf\u00e9", normalized=True),
        AddedToken("ab", normalized=False), AddedToken("abc", normalized=False),
        AddedToken("  ", normalized=False)])
    result["added"].add_special_tokens([AddedToken("<mask>", lstrip=True, rstrip=True)])
    return result


def trained(model, trainer, normalizer=None, pre_tokenizer=None, decoder=None):
    tokenizer = Tokenizer(model)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    if decoder is not None:
        tokenizer.decoder = decoder
    tokenizer.train_from_iterator(CORPUS.split("\n"), trainer)
    return tokenizer


def edited(tokenizer, edit):
    """A tokenizer whose file says something more than training can."""
    document = json.loads(tokenizer.to_str())
    edit(document)
    return Tokenizer.from_str(json.dumps(document))


def with_bytes(document):
    """Byte tokens behind the vocabulary, and a model that falls back to them."""
    model = document["model"]
    model["byte_fallback"] = True
    for byte in range(256):
        if isinstance(model["vocab"], dict):
            model["vocab"][f"<0x{byte:02X}>"] = len(model["vocab"])
        else:
            model["vocab"].append([f"<0x{byte:02X}>", 0.0])


def pieces(size, **options):
    """SentencePiece's BPE: no words, spaces spelt as U+2581, unknown characters as bytes."""
    special = ["<unk>", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=special, show_progress=False)
    return edited(trained(models.BPE(unk_token="<unk>", fuse_unk=True), trainer, **options), with_bytes)


def unigram(size, special, edit=None, unknown="<unk>", **options):
    trainer = trainers.UnigramTrainer(
        vocab_size=size, special_tokens=special, unk_token=unknown, show_progress=False)
    tokenizer = trained(models.Unigram(), trainer, **options)
    return edited(tokenizer, edit) if edit else tokenizer


def word_piece(size, **options):
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=special, show_progress=False)
    return trained(
        models.WordPiece(unk_token="[UNK]"), trainer, decoder=decoders.WordPiece(cleanup=True), **options)


def build_families():
    """Tokenizers of the other families, as their published files are put together."""
    space = "\u2581"
    spaced = normalizers.Sequence([normalizers.Prepend(space), normalizers.Replace(" ", space)])
    llama = [decoders.Replace(space, " "), decoders.ByteFallback(), decoders.Fuse()]
    result = {}
    result["llama2"] = pieces(
        420, normalizer=spaced, decoder=decoders.Sequence(llama + [decoders.Strip(" ", 1, 0)]))
    result["gemma"] = pieces(
        420, normalizer=normalizers.Replace(" ", space),
        pre_tokenizer=split(" ", "merged_with_previous"), decoder=decoders.Sequence(llama))
    result["gemma"].add_tokens([AddedToken("\n\n", normalized=False), AddedToken(space * 2, normalized=True)])
    result["mistral"] = pieces(
        400, pre_tokenizer=pre_tokenizers.Metaspace(space, prepend_scheme="first", split=False),
        decoder=decoders.Sequence(llama + [decoders.Strip(" ", 1, 0)]))
    result["unknown"] = trained(
        models.BPE(unk_token="<unk>"), trainers.BpeTrainer(
            vocab_size=120, special_tokens=["<unk>"], show_progress=False, limit_alphabet=30),
        pre_tokenizer=pre_tokenizers.Whitespace())
    result["suffix"] = trained(
        models.BPE(unk_token="<unk>", end_of_word_suffix="</w>", continuing_subword_prefix="@"),
        trainers.BpeTrainer(
            vocab_size=330, special_tokens=["<unk>"], show_progress=False,
            end_of_word_suffix="</w>", continuing_subword_prefix="@"),
        normalizer=normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()]),
        pre_tokenizer=pre_tokenizers.BertPreTokenizer())
    result["xlm-r"] = unigram(
        300, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        normalizer=normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(),
                                         normalizers.Replace(Regex(" {2,}"), " ")]),
        pre_tokenizer=pre_tokenizers.Metaspace(space, prepend_scheme="always"),
        decoder=decoders.Metaspace(space, prepend_scheme="always"))
    result["t5"] = unigram(
        300, ["<pad>", "</s>", "<unk>"],
        normalizer=normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents(),
                                         normalizers.Strip(left=False, right=True)]),
        pre_tokenizer=sequence(pre_tokenizers.WhitespaceSplit(),
                               pre_tokenizers.Metaspace(space, prepend_scheme="always")),
        decoder=decoders.Metaspace(space, prepend_scheme="always"))
    result["unigram-bytes"] = unigram(
        280, ["<unk>", "<s>", "</s>"], with_bytes,
        pre_tokenizer=pre_tokenizers.Metaspace(space, prepend_scheme="first"),
        decoder=decoders.Sequence(llama + [decoders.Strip(" ", 1, 0)]))
    result["bert"] = word_piece(
        330, normalizer=normalizers.BertNormalizer(lowercase=True),
        pre_tokenizer=pre_tokenizers.BertPreTokenizer())
    result["bert-cased"] = word_piece(
        330, normalizer=normalizers.BertNormalizer(lowercase=False, handle_chinese_chars=False),
        pre_tokenizer=sequence(pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("contiguous"),
                               pre_tokenizers.Digits(individual_digits=True)))
    result["word-level"] = trained(
        models.WordLevel(unk_token="<unk>"),
        trainers.WordLevelTrainer(vocab_size=90, special_tokens=["<unk>", "<s>"], show_progress=False),
        normalizer=normalizers.Lowercase(), pre_tokenizer=pre_tokenizers.Whitespace())
    result["cl100k"] = bpe(sequence(split(Regex(CL100K), "isolated"), byte_level()), 420)
    return result


ADDED_CASES = [
    "apples", "apples2", "an apples.", "pineapples applesauce _apples", "\u00e9apples apples\u0301", "a  bob c", "bob  bob", "x \t\n bob",
    "cat  dog", "cat\n\n", "catcat", "caf\u00e9 cafe\u0301", "ab abc abcd aab", "a  b   c    d", "x <mask> y", "<mask> <mask>", "bob <mask> cat bob",
]


FAMILY_CASES = [
    "<s>How many?</s> <unk>", "a\u2581b \u2581 c", "[CLS] The [MASK] answer [SEP]", "<0x41><0x0A>", "000000000 1000000 12345678",
    "Caf\u00e9, D\u00c9J\u00c0 VU: the answer is 34.  34\n\n\n", "doesn't mind ; don't shout !", "x" * 101 + " the",
]


def rows(tokenizer, texts):
    result = []
    for text in texts:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        row = {
            "text": text, "ids": ids,
            "decoded": tokenizer.decode(ids, skip_special_tokens=False),
            "visible": tokenizer.decode(ids, skip_special_tokens=True),
            "cut": tokenizer.decode(ids[1:-1], skip_special_tokens=False)}
        # Left out where equal, to keep the files small.
        if row["visible"] == row["decoded"]:
            del row["visible"]
        if row["decoded"] == text:
            del row["decoded"]
        if len(row["cut"]) > 40:
            del row["cut"]
        result.append(row)
    return result


def versions():
    return {"tokenizers": tokenizers.__version__, "transformers": transformers.__version__}


def write(name, value):
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    (FIXTURES / name).write_text(text.replace('{"text"', '\n{"text"') + "\n")


def record(name, tokenizer, texts):
    path = FIXTURES / f"{name}.tokenizer.json"
    tokenizer.save(str(path), pretty=False)
    write(f"{name}.cases.json", {"versions": versions(), "cases": rows(tokenizer, texts)})


def chat_rows(folder, conversations=CONVERSATIONS):
    auto = transformers.AutoTokenizer.from_pretrained(folder)
    result = []
    for turns in conversations:
        messages = [{"role": role, "content": content} for role, content in turns]
        for prompted in (False, True):
            kind = {"add_generation_prompt": prompted}
            ids = auto.apply_chat_template(messages, tokenize=True, return_dict=False, **kind)
            result.append({
                "messages": messages, "generation": prompted, "ids": ids,
                "text": auto.apply_chat_template(messages, tokenize=False, **kind)})
    return {"versions": versions(), "pad": auto.pad_token_id, "bos": auto.bos_token_id,
            "eos": auto.eos_token_id, "cases": result}


def record_own(folder):
    for source in sorted(folder.iterdir()):
        name = source.name
        target = FIXTURES / f"own-{name}"
        target.mkdir(exist_ok=True)
        for file in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(source / file, target / file)
        tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
        longest = 1000 if name == "assay" else 20
        texts = [case for case in CASES if len(case) <= longest]
        write(f"own-{name}/cases.json", {"versions": versions(), "cases": rows(tokenizer, texts)})
        write(f"own-{name}/chat.json", chat_rows(source))


def record_training():
    """The merges that `tokenizers` learns from CASES, for comparison with our trainer."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = sequence(split(Regex(QWEN2), "isolated"), byte_level())
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=SPECIAL, show_progress=False, min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    texts = CORPUS.split("\n") + CASES
    tokenizer.train_from_iterator(texts, trainer)
    write("training.json", {
        "versions": versions(), "texts": texts, "size": 400, "special": SPECIAL,
        "merges": json.loads(tokenizer.to_str())["model"]["merges"]})


# Source and target code points: a capital, a ligature, a number in a circle, a composition, nothing.
# No rule has several characters: `tokenizers` maps them one by one, SentencePiece the longest run.
RULES = [("42", "62"), ("FB01", "66 69"), ("2460", "31"), ("65 301", "E9"), ("200B", "")]


def record_sentencepiece():
    """SentencePiece's own files, and what its package makes of texts with them."""
    import sentencepiece
    for name, kind, options in (
            ("spm-bpe", "bpe", {"normalization_rule_name": "identity", "byte_fallback": True,
                                "remove_extra_whitespaces": False, "vocab_size": 420}),
            ("spm-unigram", "unigram", {"vocab_size": 200})):
        with tempfile.TemporaryDirectory() as folder:
            if kind == "unigram":
                # The package's own map of characters takes 240 kB.
                rules = pathlib.Path(folder) / "rules.tsv"
                rules.write_text("".join(f"{source}\t{target}\n" for source, target in RULES))
                options = options | {"normalization_rule_tsv": str(rules)}
            prefix = str(pathlib.Path(folder) / "m")
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(CORPUS.split("\n")), model_prefix=prefix, model_type=kind,
                hard_vocab_limit=False, minloglevel=2, **options)
            data = pathlib.Path(prefix + ".model").read_bytes()
        (FIXTURES / f"{name}.tokenizer.model").write_bytes(data)
        processor = sentencepiece.SentencePieceProcessor(model_proto=data)
        texts = [case for case in CASES + FAMILY_CASES if len(case) <= 60 and "\0" not in case
                 and not any(mark in case for mark in ("<s>", "</s>", "<unk>", "<0x"))]
        if kind == "unigram":
            from sentencepiece import sentencepiece_model_pb2
            spec = sentencepiece_model_pb2.ModelProto.FromString(data).normalizer_spec
            tokenizer = unigram(
                200, ["<unk>"], normalizer=normalizers.Precompiled(spec.precompiled_charsmap),
                pre_tokenizer=pre_tokenizers.Metaspace("\u2581"), decoder=decoders.Metaspace("\u2581"))
            record("precompiled", tokenizer, [case for case in CASES if len(case) <= 27] + FAMILY_CASES)
        write(f"{name}.cases.json", {
            "versions": {"sentencepiece": sentencepiece.__version__},
            "cases": [{"text": text, "ids": processor.encode(text)} for text in texts]})


def record_settings():
    """What transformers makes of SentencePiece's file with `tokenizer_config.json` beside it."""
    def token(content):
        return {"content": content, "special": True, "normalized": False, "lstrip": False,
                "rstrip": False, "single_word": False}
    llama = {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "legacy": True}
    deberta = {"tokenizer_class": "DebertaV2Tokenizer"}
    folders = [
        ("tokenizer.model", "spm-bpe", "llama", llama | {"add_bos_token": True}),
        ("tokenizer.model", "spm-bpe", "llama", llama | {
            "add_bos_token": False, "add_eos_token": True,
            "added_tokens_decoder": {"420": token("<|im_start|>"), "421": token("<|im_end|>")}}),
        ("tokenizer.model", "spm-bpe", "llama", llama),
        ("spm.model", "spm-unigram", "deberta-v2", deberta | {"do_lower_case": False}),
        ("spm.model", "spm-unigram", "deberta-v2", deberta | {
            "do_lower_case": True, "split_by_punct": True, "mask_token": "<mask>"})]
    texts = ["Hello  apples, two!", "a\n\tb ", "<|im_start|>user", "[CLS] x [SEP]", "CAFE\u0301 \ufb01"]
    records = []
    for file, model, kind, settings in folders:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            shutil.copy(FIXTURES / f"{model}.tokenizer.model", folder / file)
            (folder / "tokenizer_config.json").write_text(json.dumps(settings))
            (folder / "config.json").write_text(json.dumps({"model_type": kind}))
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
            records.append({
                "file": file, "model": model, "settings": settings,
                "cases": [{"text": text, "ids": tokenizer(text)["input_ids"]} for text in texts]})
    write("spm-settings.json", {"versions": versions(), "folders": records})


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--own", type=pathlib.Path, help="folder of model folders by Assay")
    arguments = parser.parse_args()
    FIXTURES.mkdir(parents=True, exist_ok=True)
    if arguments.own:
        record_own(arguments.own)
        return
    small = [case for case in CASES if len(case) <= 27]
    for name, tokenizer in build().items():
        main_one = name in ("gpt2", "qwen2", "llama3")
        record(name, tokenizer, ADDED_CASES if name == "added" else CASES if main_one else small)
    for name, tokenizer in build_families().items():
        record(name, tokenizer, small + FAMILY_CASES)
    record_training()
    record_sentencepiece()
    record_settings()
    print(json.dumps(versions()))


if __name__ == "__main__":
    main()
