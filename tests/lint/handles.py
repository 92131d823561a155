#!/usr/bin/env python3
"""Every function of the headers with handles, as the library was built, is called with nothing: each handle and each other
pointer NULL, all numbers 0. None crashes; whatever returns a code says KITH_EINVAL, all else returns nothing.

The list comes from the headers, so a new function is tested with its declaration.

Usage: handles.py root library-directory | handles.py --self-test root library-directory
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HEADERS = ["core.h", "node.h", "session.h", "presence.h", "serving.h"]
# What answers otherwise, and why: the value is what a call with nothing returns.
OTHERWISE = {
    "kith_node_free": "r == 0",  # as free
    "kith_core_deadline": "r == KITH_TIME_NEVER",  # nothing is due
}
NO_POINTER = re.compile(r"\(void\)$|\(unsigned reason\)$")


def functions(root):
    for name in HEADERS:
        text = re.sub(r"/\*.*?\*/", "", (root / "include/kith" / name).read_text(), flags=re.S)
        for m in re.finditer(r"^KITH_EXPORT\s+([^;(]*?)\b(kith_\w+)\((.*?)\)(?: KITH_MUST_USE)?;", text, re.M | re.S):
            yield m.group(1).strip(), m.group(2), " ".join(m.group(3).split())


def arguments(text):
    """The parameters, split at commas outside of parentheses."""
    out, depth, part = [], 0, ""
    for c in text:
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            out.append(part.strip())
            part = ""
        else:
            part += c
    return out + [part.strip()]


def nothing(parameter):
    if "*" in parameter or "[" in parameter or "_fn " in parameter:
        return "NULL"
    m = re.match(r"struct (\w+) \w+$", parameter)
    return f"(struct {m.group(1)}){{ 0 }}" if m else "0"


def program(root):
    lines = []
    for returns, name, params in functions(root):
        if params == "void" or not re.search(r"[*\[]", params):
            continue
        call = f"{name}({', '.join(nothing(p) for p in arguments(params))})"
        if returns == "void":
            lines.append(f'\tat = "{name}";\n\t{call};')
            continue
        wanted = OTHERWISE.get(name, "r == KITH_EINVAL" if returns == "int" else "!r")
        space = "" if returns.endswith("*") else " "
        lines.append(f'\tat = "{name}";\n\t{{\n\t\t{returns}{space}r = {call};\n\t\tif (!({wanted}))\n\t\t\tbad("{name}");\n\t}}')
    return ("#include <signal.h>\n#include <stdio.h>\n#include <unistd.h>\n#include <kith/kith.h>\n\n"
            "static const char *volatile at;\nstatic int wrong;\n"
            'static void bad(const char *name)\n{\n\tprintf("%s does not say that it was given nothing\\n", name);\n\twrong = 1;\n}\n'
            'static void crashed(int n)\n{\n\t(void)n;\n\tprintf("%s crashes when it is given nothing\\n", at);\n\tfflush(stdout);\n\t_exit(1);\n}\n'
            "int main(void)\n{\n\tsignal(SIGSEGV, crashed);\n\tsignal(SIGABRT, crashed);\n" + "\n".join(lines) +
            "\n\treturn wrong;\n}\n"), len(lines)


def run(root, libraries, wrap=lambda text: text):
    text, count = program(root)
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "handles.c", Path(folder) / "handles"
        source.write_text(wrap(text))
        made = subprocess.run([os.environ.get("CC", "cc"), "-std=gnu11", "-w", f"-I{root / 'include'}", "-o", str(out), str(source),
                               f"-L{libraries}", "-lkith", f"-Wl,-rpath,{libraries}"], text=True, capture_output=True, check=False)
        if made.returncode:
            return [made.stderr.strip()[:2000]], count
        result = subprocess.run([str(out)], text=True, capture_output=True, check=False)
        said = result.stdout.strip().splitlines()
        return (said or [f"ended with {result.returncode}"]) if result.returncode else [], count


def main():
    self_test = sys.argv[1] == "--self-test"
    root, libraries = Path(sys.argv[-2]), Path(sys.argv[-1])
    if self_test:
        # One that crashes, and one that says nothing of it.
        for what in ("(raise(SIGSEGV), KITH_EINVAL)", "0"):
            found, _ = run(root, libraries, lambda t, w=what: t.replace("kith_node_start(NULL)", w))
            if not any("kith_node_start" in line for line in found):
                sys.exit("a function that takes nothing for something was not found")
        print("self-test: what crashes and what says nothing was found")
        return
    problems, count = run(root, libraries)
    if problems:
        sys.exit("\n".join(problems))
    print(f"{count} functions were given nothing, and said so")


main()
