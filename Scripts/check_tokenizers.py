#!/usr/bin/env python3
"""Compares `assay tokenize` with the tokenizers package on many random strings.

  check_tokenizers.py [--strings 10000] [--seed 1] [TOKENIZER.json ...]

Without files: every tokenizer of Tests/AssayTextTests/Fixtures. Strings are mixtures of words, numbers, spaces of
all kinds, punctuation, scripts, emoji, combining and control characters, and spellings of the tokenizer's own
tokens. Needs the release binary and tokenizers. Prints a line a file; ends with 1 where anything differs.
"""

import argparse
import json
import random
import subprocess
import sys
from pathlib import Path

from tokenizers import Tokenizer

ROOT = Path(__file__).resolve().parent.parent
WORDS = ("the of and reward model answer Answer I'm they'll DON'T naïve café 3.14 2,000 1e-9 http://a.b/c?d=e "
         "<|x|> {'k': 1} def f(x): return x**2 中文字符 日本語テスト 한국어 русский текст العربية עברית हिन्दी ไทย ελληνικά").split(" ")
SPACES = [" ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", " \n", "\u00a0", "\u2003", "\u3000", "\u200b", "\u2028", "\x85"]
ODD = ["e\u0301", "\u0301", "ﬁ", "ＡＢＣ", "①", "²", "½", "👍", "👩‍👩‍👧", "🇩🇪", "\u200d", "\ufeff", "\x00", "\x07", "\x7f", "\ud7a3",
       "İ", "ß", "ſ", "Ǆ", "𝒜", "\U0010fffd", "�", "▁", "Ġ", "##a", "…", "—", "'s", "``", "''"]


def text(draw, own):
    parts = []
    for _ in range(draw.choice([1, 1, 2, 3, 5, 8, 13, 30])):
        kind = draw.random()
        if kind < 0.35:
            parts.append(draw.choice(WORDS))
        elif kind < 0.6:
            parts.append(draw.choice(SPACES) if draw.random() < 0.5 else " ")
        elif kind < 0.7:
            parts.append("".join(draw.choice("0123456789") for _ in range(draw.randint(1, 12))))
        elif kind < 0.8:
            parts.append(draw.choice(ODD))
        elif kind < 0.87:
            parts.append("".join(draw.choice("!?.,;:-_()[]{}<>|/\\\"'#@&%$*+=~^`") for _ in range(draw.randint(1, 4))))
        elif kind < 0.94 and own:
            parts.append(draw.choice(own))
        else:
            parts.append("".join(chr(code) for code in (draw.randrange(0x20, 0x3000) for _ in range(draw.randint(1, 5)))))
    return "".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strings", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--assay", default=str(ROOT / ".build" / "release" / "assay"))
    parser.add_argument("files", nargs="*", type=Path)
    arguments = parser.parse_args()
    files = arguments.files or sorted((ROOT / "Tests" / "AssayTextTests" / "Fixtures").glob("*.tokenizer.json"))
    failed = False
    for file in files:
        reference = Tokenizer.from_file(str(file))
        vocabulary = reference.get_vocab()
        own = sorted(vocabulary)[:: max(1, len(vocabulary) // 500)]
        draw = random.Random("%d %s" % (arguments.seed, file.name))
        texts = [text(draw, own) for _ in range(arguments.strings)]
        done = subprocess.run(
            [arguments.assay, "tokenize", "--model", str(file), "--quiet"], capture_output=True, text=True,
            input="".join(json.dumps(line) + "\n" for line in texts))
        if done.returncode:
            print("%s: %s" % (file.name, done.stderr.strip()))
            failed = True
            continue
        ours = [json.loads(line) for line in done.stdout.splitlines()]
        theirs = [encoding.ids for encoding in reference.encode_batch(texts, add_special_tokens=False)]
        wrong = [index for index in range(len(texts)) if index >= len(ours) or ours[index] != theirs[index]]
        print("%s: %d strings, %d differ" % (file.name, len(texts), len(wrong)))
        for index in wrong[:3]:
            print("  %s\n    ours   %s\n    theirs %s" % (
                json.dumps(texts[index]), ours[index] if index < len(ours) else None, theirs[index]))
        failed = failed or bool(wrong)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
