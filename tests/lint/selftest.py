"""What the lints of this directory share: the command line, and a test of the lint itself.

A lint is a function that takes the root of a tree and returns its problems, one line each. Its self-test gives it a small tree
that is good and must pass, and the same tree with one thing broken, many times over, each of which must be refused.
"""
import re
import sys
import tempfile
from pathlib import Path


def text_of(path):
    return path.read_text(errors="replace") if path.is_file() else ""


def x_map(text, name):
    """The rows of an X-macro: lists of arguments."""
    found = re.search(r"#define " + name + r"\(X\)(.*?[^\\])\n", text, re.S)
    body = re.sub(r"/\*.*?\*/", "", found.group(1)) if found else ""
    return [[a.strip() for a in row.split(",")] for row in re.findall(r"\bX\(([^)]*)\)", body)]


def check_tree(check, files):
    """The problems of a tree made of these files: name to text."""
    with tempfile.TemporaryDirectory() as folder:
        for file, text in files.items():
            path = Path(folder) / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return check(folder)


def self_test(check, good, bad):
    """bad: what is broken, to the files that differ. A rule that never fires, and a good tree refused, are failures."""
    failed = 0
    for name, extra in [("a good tree", {})] + sorted(bad.items()):
        problems = check_tree(check, {**good, **extra})
        if bool(problems) != bool(extra):
            print(f"self-test: '{name}' gave {problems or 'nothing'}")
            failed = 1
    if not failed:
        print(f"self-test: {len(bad)} bad trees were refused, the good one passed")
    return failed


def changed(good, file, old, new):
    """The same file with one thing different; the old text must be there."""
    assert old in good[file], (file, old)
    return {file: good[file].replace(old, new)}


def main(check, good, bad, verdict):
    """Usage: <lint>.py [root] | <lint>.py --self-test"""
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test(check, good, bad))
    problems = check(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2])
    print("\n".join(problems) if problems else verdict)
    sys.exit(1 if problems else 0)
