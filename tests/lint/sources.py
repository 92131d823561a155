#!/usr/bin/env python3
"""Rules for the text of the sources.

  sizes      a file has at most 700 lines, a public header 400, a function 60, a line 120 columns (tabs of eight); half of the
             functions of lib/ have at most 12 lines
  names      no _t typedef of ours; every function in lib/ that others can see starts with kith_
  libraries  only codec/pack.c includes msgpack, and only its packer and template; only crypto/suite_sodium.c (and the host)
             includes sodium.h; only the stream layer's own files include ngtcp2
  bodies     msgpack bodies are packed and unpacked in lib/codec and lib/wire, and in their tests: everybody else reads and
             writes the structs of wire/message.h
  layout     no blank line follows the declarations at the beginning of a function; in a .c a plain number is an enum
  leftovers  nothing is left to be done
  modules    each .c in lib/ has a header whose first comment says what it is, and a unit test: tests/unit/test_<module>.c;
             each unit test has a module (test_<module>_<topic>.c is one more of its). A file without a header of its own
             belongs to the first of its layer (or public one) that it includes, and is tested with it (internal.h: by
             tests/unit/test_<layer>.c). Exceptions, with a reason each, are in tests/lint/untested.allow

Usage: sources.py [root] | sources.py --self-test
"""
import re
import sys
from pathlib import Path
from statistics import median

from selftest import allowed, main, tags

FILE_LINES_MAX = 700
PUBLIC_HEADER_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
FUNCTION_LINES_MEDIAN_MAX = 12
COLUMNS_MAX = 120
FOLDERS = ["include", "lib", "node", "examples", "bench", "tests"]
SUFFIXES = {".c", ".h"}
SCRIPT_FOLDERS = FOLDERS + ["scripts", "cmake", ".ci"]
# Spelled in two halves so that this file passes its own rule.
LEFTOVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
UNTESTED = "tests/lint/untested.allow"
MSGPACK_HEADERS = {"msgpack/pack.h", "msgpack/pack_define.h", "msgpack/pack_template.h", "msgpack/unpack_template.h",
                   "msgpack/unpack_define.h", "msgpack/sysdep.h"}
# kith_packer, kith_pack_key, kith_unpacked, kith_unpack_get ..., but no kith_packet.
PACKER = re.compile(r"\bkith_(un)?pack(er|ed)?(_\w+)?\b")
PACKERS = re.compile(r"lib/(codec|wire)/|tests/(unit/test|fuzz/fuzz)_pack\.c$")
# One that begins a function: types and a name, and no word that begins a statement.
DECLARATION = re.compile(r"\t(?!(?:return|goto|else|case|default|do)\b)(?:[a-z_]+ )*?[A-Za-z_]\w*(?: \**|\*+ )[A-Za-z_]\w*\s*(?:[;=,\[]|$)")
UNUSED = re.compile(r"\t\(void\)\w+;$")
BRACKETS = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|/\*.*?\*/')
NUMBER = re.compile(r"#define ([A-Z][A-Z0-9_]*)(?<!_US) \(?[0-9]+\)?(?: /\*.*\*/)?$")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n]+)[>"]', re.M)


def files(root, folders, wanted):
    for folder in folders:
        base = root / folder
        if base.is_dir():
            for path in sorted(base.rglob("*")):
                if path.is_file() and wanted(path) and "__pycache__" not in path.parts and "corpus" not in path.parts:
                    yield path


def check_sizes_and_names(root, paths):
    for path in paths:
        text = path.read_text(errors="replace")
        lines = text.count("\n")
        for number, line in enumerate(text.splitlines(), 1):
            columns = len(line.expandtabs(8))
            if columns > COLUMNS_MAX and path.parent != root / "tests/vectors":
                yield path.relative_to(root), number, f"{columns} columns; at most {COLUMNS_MAX}"
        public = path.relative_to(root).parts[0] == "include"
        most = PUBLIC_HEADER_LINES_MAX if public else FILE_LINES_MAX
        if lines > most:
            yield path.relative_to(root), 1, f"{lines} lines; at most {most}"
    lengths = []
    for tag in tags(root, paths):
        if tag["kind"] == "function":
            length = tag["end"] - tag["line"] + 1
            if tag["end"] and tag["path"].startswith("lib/"):
                lengths.append(length)
            if tag["end"] and length > FUNCTION_LINES_MAX:
                yield tag["path"], tag["line"], f"{tag['name']}() has {length} lines; at most {FUNCTION_LINES_MAX}"
            # A static inline function of a header is seen by whoever includes it.
            seen = not tag["static"] or tag["path"].endswith(".h")
            if tag["path"].startswith(("lib/", "include/")) and seen and not tag["name"].startswith("kith_"):
                yield tag["path"], tag["line"], f"{tag['name']}() can be seen from outside and must start with kith_"
        elif tag["kind"] == "typedef" and tag["name"].endswith("_t"):
            yield tag["path"], tag["line"], f"typedef {tag['name']}: names that end in _t are not ours"
    if lengths and median(lengths) > FUNCTION_LINES_MEDIAN_MAX:
        yield "lib", 1, f"functions of {median(lengths):g} lines at the median; at most {FUNCTION_LINES_MEDIAN_MAX}"


def check_libraries(root):
    for path in files(root, ["lib", "include"], lambda p: p.suffix in SUFFIXES):
        name = str(path.relative_to(root))
        text = path.read_text(errors="replace")
        for m in INCLUDE.finditer(text):
            header, line = m.group(1), text.count("\n", 0, m.start()) + 1
            if header.startswith("msgpack"):
                if name != "lib/codec/pack.c":
                    yield name, line, "only lib/codec/pack.c includes msgpack"
                elif header not in MSGPACK_HEADERS:
                    yield name, line, f"<{header}>: only msgpack's packer and its unpack template are used"
            if header.startswith("sodium") and name != "lib/crypto/suite_sodium.c" and not name.startswith("lib/host/"):
                yield name, line, "in the core only lib/crypto/suite_sodium.c includes sodium.h"
            if header.startswith("ngtcp2") and not (name.startswith("lib/stream/") and
                                                    (name.endswith(".c") or path.stem == "internal")):
                yield name, line, "only lib/stream/*.c and its internal.h include ngtcp2"


def check_bodies(root, paths):
    for path in paths:
        name = str(path.relative_to(root))
        if PACKERS.match(name):
            continue
        text = path.read_text(errors="replace")
        for m in PACKER.finditer(text):
            line = text.count("\n", 0, m.start()) + 1
            yield name, line, f"{m.group()}: bodies are read and written by lib/wire/message only"


def declarations_end(lines, i):
    """Where the declarations that begin at i have ended; i when there is none."""
    some = False
    while i < len(lines) and (DECLARATION.match(lines[i]) or UNUSED.match(lines[i])):
        some = some or DECLARATION.match(lines[i])
        open_brackets = 0
        while i < len(lines):
            code = BRACKETS.sub("", lines[i])
            open_brackets += sum((c in "{(") - (c in "})") for c in code)
            i += 1
            if open_brackets <= 0 and code.rstrip().endswith(";"):
                break
    return i if some else 0


def check_layout(root, paths):
    for path in paths:
        text = path.read_text(errors="replace")
        lines = text.splitlines()
        for i, line in enumerate(lines):
            if line == "{":
                end = declarations_end(lines, i + 1)
                if 0 < end < len(lines) and lines[end] == "":
                    yield path.relative_to(root), end + 1, "a blank line behind the declarations"
            number = NUMBER.match(line)
            if number and path.suffix == ".c" and not re.search(rf"^#(el)?if.*\b{number.group(1)}\b", text, re.M):
                yield path.relative_to(root), i + 1, f"{number.group(1)}: a number of one file is an enum"


def check_leftovers(root):
    def wanted(path):
        return path.suffix in SUFFIXES | {".sh", ".py", ".cmake", ".txt", ".in", ""}
    for path in files(root, SCRIPT_FOLDERS, wanted):
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            if LEFTOVER.search(line):
                yield path.relative_to(root), number, f"left over: {line.strip()[:80]}"


def parts_of(stem):
    """The names that a file may share a header and a test with: itself, then what precedes or follows each '_'."""
    words = stem.split("_")
    yield stem
    for i in range(len(words) - 1, 0, -1):
        yield "_".join(words[:i])
    for i in range(1, len(words)):
        yield "_".join(words[i:])


def check_modules(root):
    sources = list(files(root, ["lib"], lambda p: p.suffix == ".c"))
    exceptions = allowed(root / UNTESTED)
    tested = set()
    for path in sources:
        name = str(path.relative_to(root))
        homes = [path.parent, root / "include/kith"]
        names = list(parts_of(path.stem))
        headers = [h / f"{part}.h" for part in names for h in homes]
        header = next((h for h in headers if h.is_file()), None)
        if header is None:
            # One of the files that a module was split into: the first header of its layer, or public one, that it includes
            # declares it, and the test of that header's module tests it.
            own = (root / base / m for m in INCLUDE.findall(path.read_text(errors="replace")) for base in ("lib", "include"))
            header = next((h for h in own if h.parent in homes and h.is_file()), None)
            if header is not None:
                names.append(path.parent.name if header.stem == "internal" else header.stem)
        if header is None:
            yield name, 1, "has no header"
            continue
        if not header.read_text(errors="replace").lstrip().startswith("/*"):
            yield header.relative_to(root), 1, "a header starts with a comment that says what it is"
        tests = [p for p in names if (root / f"tests/unit/test_{p}.c").is_file()]
        if tests:
            tested.add(tests[0])
            if name in exceptions:
                yield UNTESTED, exceptions[name], f"{name} has a unit test"
        elif name not in exceptions:
            yield name, 1, f"has no unit test: tests/unit/test_{path.stem}.c"
    known = {str(p.relative_to(root)) for p in sources}
    for name, number in exceptions.items():
        if name not in known:
            yield UNTESTED, number, f"{name} does not exist"
    modules = {p.stem for p in files(root, ["lib", "include", "bench", "node"], lambda p: p.suffix in SUFFIXES)}
    for test in files(root, ["tests/unit"], lambda p: p.suffix == ".c" and p.name.startswith("test_")):
        words = test.stem[5:].split("_")
        if not any("_".join(words[:n]) in modules | tested for n in range(1, len(words) + 1)):
            yield test.relative_to(root), 1, "is the test of no module"


def check(root):
    root = Path(root)
    paths = list(files(root, FOLDERS, lambda p: p.suffix in SUFFIXES))
    problems = []
    for rule in (check_sizes_and_names(root, paths), check_libraries(root), check_bodies(root, paths),
                 check_layout(root, paths), check_leftovers(root), check_modules(root)):
        problems.extend(f"{path}:{line}: {what}" for path, line, what in rule)
    return problems


# ---- self-test ----

LONG_BODY = "\tx++;\n" * (FUNCTION_LINES_MAX - 4)
GOOD = {
    "lib/base/ring.h": "/* A ring. */\nstatic inline int kith_ring_len(void)\n{\n\treturn 0;\n}\n",
    "lib/base/ring.c": "static int helper(void)\n{\n\treturn 1;\n}\nint kith_ring_new(void)\n{\n\treturn helper();\n}\n",
    "tests/unit/test_ring.c": "int main(void)\n{\n\treturn 0;\n}\n",
    "lib/codec/pack.h": "/* Packs. */\n",
    "lib/codec/pack.c": "#include <msgpack/pack.h>\nvoid kith_pack_key(void)\n{\n}\n",
    "lib/wire/message.h": "/* M. */\nstruct kith_packer pk;\n",
    "lib/host/packet.h": "/* P. */\nstruct kith_packet p;\n",
    "tests/unit/test_pack.c": "\n",
    "tests/unit/test_ring_full.c": "\n",
    "lib/stream/internal.h": "/* Shared by the files of this layer. */\n",
    "lib/base/layout.h": "/* Good. */\n#define KITH_LAYOUT 4\n",
    "lib/base/layout.c": "#define KINDS 2\n#if KINDS\n#define LONG_US (3 * KITH_US_PER_S)\n#endif\n"
                         "int kith_g(int x)\n{\n\tint y = x;\n\ty++;\n\n\treturn y;\n}\n"
                         "int kith_h(int x)\n{\n\tif (x)\n\t\treturn 1;\n\n\treturn x;\n}\n",
    "tests/unit/test_layout.c": "\n",
    "lib/stream/memory.c": '#include "stream/internal.h"\n',
    "tests/unit/test_stream.c": "\n",
    "lib/host/keyfile.h": "/* Key files. */\n",
    "lib/host/keyfile.c": "#include <sodium.h>\n",
    "tests/lint/untested.allow": "# why\nlib/host/keyfile.c the e2e tests read and write it\n",
}
BAD = {
    "file too long": {"lib/base/ring.c": "int kith_x;\n" * (FILE_LINES_MAX + 1)},
    "line too long": {"lib/base/wide.h": "/*" + "\t" * 15 + "*/\n"},
    "public header too long": {"include/kith/big.h": "/* */\n" * (PUBLIC_HEADER_LINES_MAX + 1)},
    "function too long": {"lib/base/ring.c": "int kith_f(void)\n{\n\tint x = 0;\n" + LONG_BODY + "\treturn x;\n}\n"},
    "functions long at the median": {"lib/base/ring.c": "".join(
        f"int kith_f{i}(int x)\n{{\n" + "\tx++;\n" * 9 + "\treturn x;\n}\n" for i in range(50))},
    "unprefixed function": {"lib/base/ring.c": "int ring_new(void)\n{\n\treturn 0;\n}\n"},
    "unprefixed inline in a header": {
        "lib/base/ring.h": "/* A ring. */\nstatic inline int len(void)\n{\n\treturn 0;\n}\n"},
    "typedef with _t": {"bench/net/n.h": "typedef unsigned nat_t;\n"},
    "msgpack elsewhere": {"lib/base/ring.c": "#include <msgpack/pack.h>\n"},
    "msgpack's objects": {"lib/codec/pack.c": "#include <msgpack.h>\n"},
    "sodium elsewhere": {"lib/base/ring.c": "#include <sodium.h>\n"},
    "ngtcp2 elsewhere": {"lib/base/ring.c": "#include <ngtcp2/ngtcp2.h>\n"},
    "ngtcp2 in a header": {"lib/stream/s.h": "/* S. */\n#include <ngtcp2/ngtcp2.h>\n"},
    "body packed by a role": {"lib/base/ring.c": "void kith_f(void)\n{\n\tkith_pack_key(0, 1);\n}\n"},
    "body unpacked in a test": {"tests/unit/test_ring.c": "struct kith_unpacked pk;\n"},
    "blank line behind declarations": {
        "lib/base/ring.c": "int kith_f(void *p)\n{\n\tstatic const int a[] = {\n\t\t1,\n\t};\n\t(void)p;\n\n\treturn a[0];\n}\n"},
    "number that is no enum": {"lib/base/ring.c": "#define RINGS 4 /* of them */\n"},
    "left over": {"node/kithd.c": "/* TO" "DO: write it */\n"},
    "left over in a script": {"scripts/test": "# FIX" "ME\n"},
    "no header": {"lib/base/lost.c": "\n", "tests/unit/test_lost.c": "\n"},
    "header without a comment": {"lib/base/ring.h": "#define A 1\n"},
    "no unit test": {"lib/base/table.h": "/* T. */\n", "lib/base/table.c": "\n"},
    "no test of a split module": {"lib/path/internal.h": "/* P. */\n",
                                  "lib/path/probe.c": '#include "path/internal.h"\n'},
    "header of another layer": {"lib/path/probe.c": '#include "base/ring.h"\n'},
    "topic of nothing": {"tests/unit/test_gone_ring.c": "\n"},
    "test of nothing": {"tests/unit/test_gone.c": "\n"},
    "stale exception": {"tests/lint/untested.allow": "lib/host/keyfile.c why\nlib/base/gone.c why\n"},
    "exception that has a test": {"tests/lint/untested.allow": "lib/host/keyfile.c why\nlib/base/ring.c why\n"},
}

main(check, GOOD, BAD, "the sources keep the rules")
