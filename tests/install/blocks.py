#!/usr/bin/env python3
"""Takes the code blocks out of one section of a document, as they stand in it.

Each goes to a file OUT/N.KIND, N from 1 in their order: a fenced block by its language, an indented one as sh.
Usage: blocks.py DOCUMENT HEADING OUT
"""
import re
import sys
import textwrap
from pathlib import Path


def section(text, heading):
    """What stands between a heading of the second level and the next one."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    if found is None:
        sys.exit(f"blocks.py: there is no section {heading}")
    return found.group(1)


def blocks(text):
    """Kind and text of each block."""
    for m in re.finditer(r"^```(\w+)\n(.*?)^```$|((?:^    [^\n]*\n|^\n(?=\n*    ))+)", text, re.M | re.S):
        if m.group(1):
            yield m.group(1), m.group(2)
        else:
            yield "sh", textwrap.dedent(m.group(3)).strip("\n") + "\n"


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    document, heading, out = sys.argv[1:]
    for number, (kind, text) in enumerate(blocks(section(Path(document).read_text(), heading)), 1):
        (Path(out) / f"{number}.{kind}").write_text(text)


main()
