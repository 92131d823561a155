"""What the lints of this directory share: the command line, and a test of the lint itself.

A lint is a function that takes the root of a tree and returns its problems, one line each. Its self-test gives it a small tree
that is good and must pass, and the same tree with one thing broken, many times over, each of which must be refused.
"""
import re
import shutil
import subprocess
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


def allowed(path):
    """What a list of exceptions allows, to the number of its line: a name a line, and the reason behind it."""
    found = {}
    for number, line in enumerate(text_of(path).splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            name, _, reason = line.partition(" ")
            if not reason.strip():
                sys.exit(f"{path}:{number}: {name} without a reason")
            found[name] = number
    return found


def tags(root, paths):
    """One dict per function, typedef and variable that ctags sees."""
    if not paths:
        return
    if shutil.which("ctags") is None:
        sys.exit("this lint needs ctags (Debian: apt-get install universal-ctags)")
    run = subprocess.run(
        ["ctags", "--options=NONE", "--languages=C", "--langmap=C:.c.h", "--kinds-C=ftv", "--fields=+neKS", "-u", "-f", "-",
         "-L", "-"],
        input="\n".join(str(p.relative_to(root)) for p in paths), text=True, capture_output=True, cwd=root, check=True)
    for row in run.stdout.splitlines():
        if row.startswith("!"):
            continue
        name, path, rest = row.split("\t", 2)
        fields = dict(f.split(":", 1) for f in rest.split('"\t', 1)[1].split("\t") if ":" in f)
        kind = rest.split('"\t', 1)[1].split("\t")[0]
        yield {"name": name, "path": path, "kind": kind, "line": int(fields.get("line", 0)),
               "end": int(fields.get("end", 0)), "static": "file" in fields}


def check_tree(check, files):
    """The problems of a tree made of these files: name to text, or to None: there is no such file."""
    with tempfile.TemporaryDirectory() as folder:
        for file, text in files.items():
            if text is None:
                continue
            path = Path(folder) / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return check(folder)


def self_test(check, good, bad, fine):
    """bad: what is broken, to the files that differ; fine: what differs and is not broken. A rule that never fires, and a good
    tree refused, are failures."""
    failed = 0
    for name, extra in [("a good tree", {})] + sorted(fine.items()) + sorted(bad.items()):
        problems = check_tree(check, {**good, **extra})
        if bool(problems) != (name in bad):
            print(f"self-test: '{name}' gave {problems or 'nothing'}")
            failed = 1
    if not failed:
        print(f"self-test: {len(bad)} bad trees were refused, {1 + len(fine)} good ones passed")
    return failed


def changed(good, file, old, new):
    """The same file with one thing different; the old text must be there."""
    assert old in good[file], (file, old)
    return {file: good[file].replace(old, new)}


def main(check, good, bad, verdict, fine={}, check_of_test=None):
    """Usage: <lint>.py [root] | <lint>.py --self-test. check_of_test: the same check, with tables of the self-test's own."""
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test(check_of_test or check, good, bad, fine))
    problems = check(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2])
    print("\n".join(problems) if problems else verdict)
    sys.exit(1 if problems else 0)
