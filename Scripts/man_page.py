#!/usr/bin/env python3
"""Writes the manual page of `assay` from what the binary says of itself.

  man_page.py BINARY   prints assay.1 in roff
"""

import json
import subprocess
import sys


def escaped(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in text.split("\n"))


def argument(entry: dict) -> str:
    names = ["-" * (1 if name["kind"] == "short" else 2) + name["name"] for name in entry.get("names", [])]
    value = entry.get("valueName", "")
    if not names:
        label = "<%s>" % value
    else:
        label = ", ".join(names) + (" <%s>" % value if entry["kind"] == "option" else "")
    text = " ".join(part for part in (entry.get("abstract"), entry.get("discussion")) if part)
    if entry.get("allValues"):
        text += " One of: %s." % ", ".join(entry["allValues"])
    if entry.get("defaultValue"):
        text += " Default: %s." % entry["defaultValue"]
    return ".TP\n.B %s\n%s\n" % (escaped(label), escaped(text.strip()))


def commands(command: dict, path: str) -> list:
    found = []
    for inner in command.get("subcommands", []):
        if inner["commandName"] == "help" or not inner.get("shouldDisplay", True):
            continue
        name = path + " " + inner["commandName"]
        text = "\n\n".join(part for part in (inner.get("abstract"), inner.get("discussion")) if part)
        page = ".SS %s\n%s\n" % (escaped(name), escaped(text).replace("\n\n", "\n.PP\n"))
        shown = [entry for entry in inner.get("arguments", []) if entry.get("shouldDisplay", True)]
        found.append(page + "".join(map(argument, shown)))
        found += commands(inner, name)
    return found


def main(binary: str) -> None:
    def output(option: str) -> str:
        return subprocess.run([binary, option], check=True, capture_output=True, text=True).stdout

    tool = json.loads(output("--experimental-dump-help"))["command"]
    print('.TH ASSAY 1 "" "assay %s"' % output("--version").strip())
    print(".SH NAME\nassay \\- %s" % escaped(tool["abstract"]))
    print(".SH SYNOPSIS\n.B assay\n.I command\n[options]")
    print(".SH DESCRIPTION\n%s" % escaped(tool.get("discussion", "")).replace("\n\n", "\n.PP\n"))
    print(".SH COMMANDS")
    print("".join(commands(tool, "assay")), end="")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
