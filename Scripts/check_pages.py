#!/usr/bin/env python3
"""Opens pages that assay wrote in headless Chromium, and fails where one is slow, large or not alone.

usage: python3 Scripts/check_pages.py [--seconds 1] [--mib 15] [--screenshots DIR [--height 1400]] PAGE...

For each page: the seconds from the start of the navigation until its items are drawn, its size, errors
of its script, and addresses that it would load from. Of a page with items, a search must find what it
searches for, and an opened item must show its responses. Needs `chromium` (Debian's package of that name).
"""

import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

PROBE = """<script>
(() => {
  const told = {seconds: performance.now() / 1000, problems: window.problems};
  const at = id => document.getElementById(id);
  if (at("browser")) {
    const items = JSON.parse(at("items").textContent).items;
    at("q").value = items[items.length - 1].id;
    at("q").oninput();
    const line = at("rows").querySelector(".line");
    if (!line) told.problems.push("a search for an id finds nothing");
    else {
      line.onclick();
      const shown = at("rows").querySelectorAll(".opened .response pre").length;
      if (shown < 2) told.problems.push("an opened item shows " + shown + " responses");
    }
    told.items = items.length;
    const link = document.querySelector("[data-item]");
    if (link) {
      link.onclick();
      const opened = at("rows").querySelectorAll(".opened").length;
      if (opened !== 1) told.problems.push("an item of the first screen opens " + opened + " items");
    }
  }
  document.documentElement.dataset.told = encodeURIComponent(JSON.stringify(told));
})();
</script></body>"""

LISTEN = """<head><script>window.problems = [];
addEventListener("error", event => window.problems.push(String(event.message)));</script>"""


def chromium(*arguments):
    """The output of a run of Chromium."""
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", *arguments]
    return subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120
    ).stdout.decode()


def check(page, options):
    """The problems of a page; prints its figures."""
    text = page.read_text(encoding="utf-8")
    # What the page shows is data; only its own elements may load something.
    frame = re.sub(r'<script type="application/json".*?</script>', "", text, flags=re.DOTALL)
    problems = [f"loads {url}" for url in re.findall(r'(?:src|href)="([^"#]+)"', frame)]
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "page.html"
        body, end = text.rsplit("</body>", 1)
        copy.write_text(body.replace("<head>", LISTEN, 1) + PROBE + end, encoding="utf-8")
        dom = chromium("--dump-dom", copy.as_uri())
    told = json.loads(urllib.parse.unquote(re.search(r'data-told="([^"]*)"', dom).group(1)))
    size = len(text.encode()) / 2**20
    problems += told["problems"]
    if told["seconds"] > options.seconds:
        problems.append(f"takes {told['seconds']:.2f} s, expected {options.seconds}")
    if size > options.mib:
        problems.append(f"has {size:.1f} MiB, expected {options.mib}")
    items = f", {told['items']} items" if "items" in told else ""
    print(f"{page}: {told['seconds']:.2f} s, {size:.2f} MiB{items}")
    if options.screenshots:
        for name, width in [("wide", 1200), ("narrow", 400)]:
            picture = options.screenshots / f"{page.stem}-{name}.png"
            chromium(f"--window-size={width},{options.height}", f"--screenshot={picture}", page.resolve().as_uri())
    return problems


def main():
    """Checks all pages."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("pages", nargs="+", type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--mib", type=float, default=15)
    parser.add_argument("--screenshots", type=pathlib.Path)
    parser.add_argument("--height", type=int, default=1400)
    options = parser.parse_args()
    if not shutil.which("chromium"):
        sys.exit("there is no chromium on the path; install it (apt-get install chromium)")
    if options.screenshots:
        options.screenshots.mkdir(parents=True, exist_ok=True)
    failed = [f"{page}: {problem}" for page in options.pages for problem in check(page, options)]
    print("\n".join(failed) or "all pages are well")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
