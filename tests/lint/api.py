#!/usr/bin/env python3
"""What include/kith promises to whoever includes it.

  alone     each header compiles by itself, with nothing before it, as C11 and as C++, without a warning
  linkage   a C++ program finds the functions under their C names
  words     each function has a comment: right above it, or above the block of declarations (no empty line between) that it
            stands in
  structs   each struct says what it promises to programs of older versions (the head of types.h): it begins with its size, or
            it "grows", or it is "fixed". Only fixed ones lie in other structs and in arrays; what grows is written into a
            caller's memory only by a function whose name ends in _sized, which is told how long that is

Usage: api.py [root] | api.py --self-test      The compilers are $CC and $CXX, else cc and c++ (or clang++).
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from selftest import changed, main, text_of

PUBLIC = "include/kith"
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wundef", "-Werror"]


def compiler(variable, *names):
    for name in [os.environ.get(variable, ""), *names]:
        if name and shutil.which(name):
            return name
    sys.exit(f"api.py needs a compiler: one of {', '.join(names)} (Debian: apt-get install clang)")


def run(words, source):
    result = subprocess.run([*words, "-"], input=source, text=True, capture_output=True, check=False)
    return result.returncode, result.stderr


def headers(root):
    return sorted((root / PUBLIC).glob("*.h"))


def check_alone(root, languages):
    for path in headers(root):
        name = path.relative_to(root)
        for what, words in languages.items():
            code, errors = run([*words, f"-I{root / 'include'}", *WARNINGS, "-fsyntax-only"],
                               f"#include <kith/{path.name}>\ntypedef int kith_not_empty;\n")
            if code:
                first = next((line for line in errors.splitlines() if "error" in line), errors.strip()[:200])
                yield name, 1, f"does not compile alone as {what}: {first}"


def functions(text):
    """(line, name) of each function that the library exports."""
    bare = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S)
    for m in re.finditer(r"^KITH_EXPORT\b[^;(]*?\b(kith_\w+)\(", bare, re.M):
        yield bare.count("\n", 0, m.start()) + 1, m.group(1)


def check_words(root):
    for path in headers(root):
        lines = text_of(path).splitlines()
        for number, name in functions(text_of(path)):
            above = number - 2
            while above >= 0 and lines[above].strip() and not lines[above].rstrip().endswith("*/"):
                above -= 1
            # What ends a declaration's own line is a member's comment and not a function's.
            if above < 0 or not re.match(r"\s*(/\*|\*)", lines[above]):
                yield path.relative_to(root), number, f"{name} has no comment"


STRUCT = re.compile(r"^struct (kith_\w+) \{(?: /\* (fixed|grows) \*/)?\n(.*?)^\};", re.M | re.S)


def structs(root):
    """(path, line, name, kind or None, body) of each struct that is defined."""
    for path in headers(root):
        text = text_of(path)
        for m in STRUCT.finditer(text):
            kind = "sized" if re.match(r"\s*size_t size;", m.group(3)) else m.group(2)
            yield path.relative_to(root), text.count("\n", 0, m.start()) + 1, m.group(1), kind, m.group(3)


def check_structs(root):
    found = list(structs(root))
    kinds = {name: kind for _, _, name, kind, _ in found}
    for path, line, name, kind, body in found:
        if kind is None:
            yield path, line, f"struct {name} neither begins with its size nor says whether it is fixed or grows"
        for inner in re.findall(r"\bstruct (kith_\w+) \w", body):
            if kinds.get(inner, "fixed") != "fixed":
                yield path, line, f"struct {name} has a {inner} in it, whose length changes"
    for path in headers(root):
        text = text_of(path)
        for m in re.finditer(r"^KITH_EXPORT\b[^;]*?\b(kith_\w+)\(([^;]*)\)", text, re.M):
            line = text.count("\n", 0, m.start()) + 1
            for const, inner, star in re.findall(r"(const )?struct (kith_\w+) (\*?)\w+", m.group(2)):
                kind = kinds.get(inner, "fixed")
                if kind == "grows" and not const and not m.group(1).endswith("_sized"):
                    yield path.relative_to(root), line, f"{m.group(1)} writes a {inner} and is not told how long it is"
                if kind != "fixed" and (not star or re.search(inner + r" \*?\w+\[", m.group(2))):
                    yield path.relative_to(root), line, f"{m.group(1)} takes {inner} as a value or in an array"


def check_linkage(root, cxx):
    names = [name for path in headers(root) for _, name in functions(text_of(path))]
    includes = "".join(f"#include <kith/{path.name}>\n" for path in headers(root))
    table = "void (*const used[])(void) = {\n" + "".join(f"\t(void (*)(void))&{name},\n" for name in names) + "\t0\n};\n"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "all.o"
        code, errors = run([*cxx, f"-I{root / 'include'}", "-w", "-c", "-o", str(out)], includes + "extern " + table)
        if code:
            yield PUBLIC, 1, f"C++ cannot take the functions' addresses: {errors.strip()[:200]}"
            return
        undefined = subprocess.run(["nm", "-u", str(out)], text=True, capture_output=True, check=True).stdout.split()
    for name in sorted(set(names) - set(undefined)):
        yield PUBLIC, 1, f"a C++ program does not find {name}: it has no C linkage"


def check(root):
    root = Path(root)
    c = [compiler("CC", "cc", "gcc", "clang"), "-std=c11", "-xc"]
    cxx = [compiler("CXX", "c++", "g++", "clang++"), "-std=c++11", "-xc++"]
    rules = [check_alone(root, {"C11": c, "C++": cxx}), check_words(root), check_structs(root)]
    problems = [f"{path}:{line}: {what}" for rule in rules for path, line, what in rule]
    return problems or [f"{path}:{line}: {what}" for path, line, what in check_linkage(root, cxx)]


# ---- self-test ----

EXPORT = "#ifdef __cplusplus\n#define KITH_EXPORT extern \"C\"\n#else\n#define KITH_EXPORT\n#endif\n"
GOOD = {
    "include/kith/export.h": EXPORT,
    "include/kith/ring.h": "/* Rings. */\n#include <stddef.h>\n#include <kith/export.h>\n\nstruct kith_ring { /* fixed */\n\tint n; /* members */\n};\n\n"
                           "/* Makes one, and frees it. */\nKITH_EXPORT struct kith_ring *kith_ring_new(\n\tsize_t n);\n"
                           "KITH_EXPORT void kith_ring_free(struct kith_ring *ring);\n\n/* How many,\n * in all. */\n"
                           "KITH_EXPORT size_t kith_ring_len(const struct kith_ring *ring);\n",
}
RING = "include/kith/ring.h"
GOOD[RING] += ("struct kith_ring_info { /* grows */\n\tstruct kith_ring ring;\n};\n\nstruct kith_ring_options {\n\tsize_t size;\n};\n\n"
               "/* Tells. */\nKITH_EXPORT void kith_ring_info_sized(struct kith_ring_info *out, size_t size);\n")
BAD = {
    "no comment": changed(GOOD, RING, "/* How many,\n * in all. */\n", ""),
    "no comment in a block": changed(GOOD, RING, "/* Makes one, and frees it. */\n", ""),
    "an empty line parts it from the comment": changed(GOOD, RING, "in all. */\n", "in all. */\n\n"),
    "a member's comment": changed(GOOD, RING, "};\n\n/* Makes one, and frees it. */\n", "int x; /* a global */\n};\n"),
    "does not include what it uses": changed(GOOD, RING, "#include <stddef.h>\n", ""),
    "not C++: a word of it": changed(GOOD, RING, "*kith_ring_new(\n\tsize_t n)", "*kith_ring_new(\n\tsize_t class)"),
    "not C++: a conversion": {RING: GOOD[RING] + "static inline char *kith_f(void *p)\n{\n\treturn p;\n}\n"},
    "not C11": changed(GOOD, RING, "size_t n);", "struct kith_gone &n);"),
    "an undefined macro": {RING: GOOD[RING] + "#if KITH_GONE\n#endif\n"},
    "a struct that promises nothing": changed(GOOD, RING, " /* fixed */", ""),
    "one that grows in another": changed(GOOD, RING, "\tsize_t size;\n", "\tsize_t size;\n\tstruct kith_ring_info info;\n"),
    "one with a size in another": {RING: GOOD[RING] + "struct kith_all { /* fixed */\n\tstruct kith_ring_options o;\n};\n"},
    "written without a length": changed(GOOD, RING, "kith_ring_info_sized(", "kith_ring_info("),
    "an array of what grows": changed(GOOD, RING, "kith_ring_info *out,", "kith_ring_info out[],"),
    "C++ linkage": {"include/kith/export.h": "#define KITH_EXPORT\n"},
}

if __name__ == "__main__":
    main(check, GOOD, BAD, "the public headers stand alone, in C and C++")
