#!/usr/bin/env python3
"""Fails where files or folders of Sources/ use each other, beyond those that are listed.

usage: python3 Scripts/check_folders.py [--write] [ROOT]

The compiler keeps targets in order; this keeps the folders inside them in order. It reads the names
of top-level declarations, as text: a file uses another where it names something that only the other
one declares. Two folders that use each other are one folder in two places, so new ones fail; those
that are accepted stand in Scripts/folders.txt, and an entry that is no longer needed fails too.
`--write` rewrites that list: do so only with a reason in the commit.
"""

import collections
import pathlib
import re
import sys

DECLARATION = re.compile(
    r"^(?:@\w+(?:\([^)]*\))?\s+)*"
    r"(?:(?:public|package|internal|final|indirect|nonisolated)\s+)*"
    r"(?:struct|class|enum|protocol|actor|typealias|func|let|var)\s+(\w+)",
    re.MULTILINE,
)
PRIVATE = re.compile(r"\b(?:private|fileprivate)\b")
WORD = re.compile(r"\b[A-Za-z_]\w*\b")


def code(text):
    """The text without comments and string literals."""
    text = re.sub(r'"""(.*?)"""', '""', text, flags=re.DOTALL)
    text = re.sub(r"//.*", "", text)
    return re.sub(r'"(\\.|[^"\\\n])*"', '""', text)


def uses(root):
    """Which files each file uses, by paths below Sources/."""
    sources = root / "Sources"
    texts = {
        path.relative_to(sources): code(path.read_text(encoding="utf-8"))
        for path in sorted(sources.rglob("*.swift"))
    }
    owners = collections.defaultdict(set)
    for path, text in texts.items():
        for match in DECLARATION.finditer(text):
            if not PRIVATE.search(match.group(0)):
                owners[match.group(1)].add(path)
    result = {}
    for path, text in texts.items():
        found = set()
        for word in set(WORD.findall(text)):
            there = owners.get(word, ())
            # Short lower-case names are as often locals as the functions of that name.
            if len(there) == 1 and (word[0].isupper() or len(word) > 6):
                found |= there
        result[path] = found - {path}
    return result


def findings(root):
    """The pairs of folders, and of files in different folders, that use each other."""
    used = uses(root)
    folders = collections.defaultdict(set)
    lines = set()
    for path, others in used.items():
        for other in others:
            if path.parent != other.parent:
                folders[path.parent].add(other.parent)
                if path < other and path in used[other]:
                    lines.add(f"files {path} {other}")
    for folder, others in folders.items():
        for other in others:
            if folder < other and folder in folders.get(other, ()):
                lines.add(f"folders {folder} {other}")
    return lines


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--write"]
    root = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).parent.parent
    allowed_file = root / "Scripts" / "folders.txt"
    found = findings(root)
    if "--write" in sys.argv:
        allowed_file.write_text("".join(line + "\n" for line in sorted(found)), encoding="utf-8")
        return 0
    text = allowed_file.read_text(encoding="utf-8") if allowed_file.exists() else ""
    allowed = set(text.split("\n")) - {""}
    for line in sorted(found - allowed):
        kind, first, second = line.split(" ")
        print(
            f"{kind} that use each other: {first} and {second}; move what both need to the lower "
            f"one, or hand it in as a value.",
            file=sys.stderr,
        )
    for line in sorted(allowed - found):
        print(f"Scripts/folders.txt: no longer so, remove the line: {line}", file=sys.stderr)
    return 1 if found != allowed else 0


if __name__ == "__main__":
    sys.exit(main())
