#!/usr/bin/env python3
"""Names that must lead somewhere.

  mentions  what a comment or a document calls KITH_SOMETHING or kith_something exists in the code ("KITH_PKT_*" and "KITH_B_<KIND>"
            stand for all that begin so). CHANGELOG.md speaks of the past and is left out
  counters  each row of KITH_STAT_MAP is counted somewhere in lib/, and says what it counts, no two the same
  errors    each row of KITH_ERRNO_MAP is given by lib/ or node/
  limits    each limit of lib/base/limits.h is used by the code; so is each body key that is not marked reserved
  functions each function of lib/ that others can see is used by lib/, node/, examples/ or bench/, or is public: none is there
            for its tests. Exceptions, with a reason each, are in tests/lint/tests_only.allow

Usage: names.py [root] | names.py --self-test
"""
import re
from pathlib import Path

from selftest import allowed, changed, main, text_of

FOLDERS = ["include", "lib", "node", "examples", "bench", "tests"]
SCRIPT_SUFFIXES = {".sh", ".py", ".cmake", ".txt", ".in", ".json", ""}
STATS, ERRORS = "include/kith/stats.h", "include/kith/err.h"
LIMITS, BODY = "lib/base/limits.h", "lib/wire/body.h"
TESTS_ONLY = "tests/lint/tests_only.allow"
# A comment, or a string or character that is none.
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
# The head of a function, at the beginning of a line, up to its body or the end of its declaration.
HEAD = re.compile(r"^[a-z][\w \t\n*]*?\b(kith_\w+)\([^;{}]*?\)[\w \t\n]*(?=[;{])", re.M)
NAME = re.compile(r"\b(?:KITH_[A-Z0-9][A-Z0-9_]*|kith_[a-z0-9]+_[a-z0-9_]+|kith_[a-z0-9]+(?=\())(\*|<)?")


def sources(root, folders):
    for folder in folders:
        yield from sorted(p for p in (root / folder).rglob("*") if p.suffix in (".c", ".h"))


def code_of(text):
    """The text without comments; lines stay where they are."""
    return TOKEN.sub(lambda m: m.group(0) if m.group(0)[0] in "\"'" else "\n" * m.group(0).count("\n") + " ", text)


def comments_of(text):
    for m in TOKEN.finditer(text):
        if m.group(0)[0] == "/":
            yield m.start(), m.group(0)


def scripts(root):
    """Where names of options and of the environment come from."""
    for path in [root / "CMakeLists.txt", root / "CMakePresets.json"]:
        if path.is_file():
            yield path
    for folder in ["cmake", "scripts", "packaging", *FOLDERS]:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and path.suffix in SCRIPT_SUFFIXES and "corpus" not in path.parts:
                yield path


def known_names(root):
    known = set()
    for path in sources(root, FOLDERS):
        known |= set(re.findall(r"\b(?:KITH|kith)_\w+", code_of(text_of(path))))
        # Rows of an X-macro make names that nobody need write: KITH_STAT_##name.
        text = text_of(path)
        for prefix in re.findall(r"\b(KITH_\w*_)##name", text):
            known |= {prefix + row for row in re.findall(r"\bX\((\w+),", text)}
    for path in scripts(root):
        known |= set(re.findall(r"\b(?:KITH|kith)_\w+", text_of(path)))
    return known


def documents(root):
    for pattern in ("*.md", "*.[1-8]"):
        for path in sorted(root.rglob(pattern)):
            if not {"build", ".git"} & set(path.relative_to(root).parts) and path.name != "CHANGELOG.md":
                yield path


def check_mentions(root):
    known = known_names(root)

    def alien(text):
        for m in NAME.finditer(text):
            name = m.group(0).rstrip("*<")
            # A whole family is meant, or (in a comment that goes on) the name is all there is.
            family = m.group(1) is not None or name.endswith("_")
            if name not in known and not (family and any(k.startswith(name) for k in known)):
                yield m.start(), name

    for path in sources(root, FOLDERS):
        text = text_of(path)
        for start, comment in comments_of(text):
            for at, name in alien(comment):
                yield path.relative_to(root), text.count("\n", 0, start + at) + 1, f"there is no {name}"
    for path in documents(root):
        text = text_of(path)
        for at, name in alien(text):
            yield path.relative_to(root), text.count("\n", 0, at) + 1, f"there is no {name}"


def uses(root, *folders):
    """How often each name stands in the code of these folders, by file."""
    return {str(p.relative_to(root)): re.findall(r"\bKITH_\w+", code_of(text_of(p))) for p in sources(root, folders)}


def check_counters(root):
    text = text_of(root / STATS)
    used = {name for names in uses(root, "lib").values() for name in names}
    said = {}
    for m in re.finditer(r'\bX\((\w+), "([^"]*)"\)', text):
        line = text.count("\n", 0, m.start()) + 1
        name, what = m.groups()
        if f"KITH_STAT_{name}" not in used:
            yield STATS, line, f"{name} is never counted"
        if not what.strip():
            yield STATS, line, f"{name} does not say what it counts"
        elif what in said:
            yield STATS, line, f"{name} says what {said[what]} says"
        said.setdefault(what, name)


def check_errors(root):
    text = text_of(root / ERRORS)
    used = {name for path, names in uses(root, "lib", "node").items() for name in names}
    for m in re.finditer(r"\bX\((E\w+), -\d+", text):
        if f"KITH_{m.group(1)}" not in used:
            yield ERRORS, text.count("\n", 0, m.start()) + 1, f"{m.group(1)} is never given"


def check_defines(root, where, wanted):
    """Each #define of a header is used by the code, in that header too, beyond its own line."""
    text = text_of(root / where)
    counts = {}
    for names in uses(root, "include", "lib", "node").values():
        for name in names:
            counts[name] = counts.get(name, 0) + 1
    for m in re.finditer(r"^#define (KITH_\w+) (.*)$", text, re.M):
        if wanted(m) and counts.get(m.group(1), 0) < 2:
            yield where, text.count("\n", 0, m.start()) + 1, f"{m.group(1)} is used by nothing"


def check_functions(root):
    exceptions = allowed(root / TESTS_ONLY)
    made, used = {}, set()
    for path in sources(root, ["lib"]):
        code = code_of(text_of(path))
        for m in HEAD.finditer(code):
            if code[m.end()] == "{" and not (path.suffix == ".c" and m.group().startswith("static")):
                made[m.group(1)] = path.relative_to(root), code.count("\n", 0, m.start(1)) + 1
        used |= set(re.findall(r"\bkith_\w+", HEAD.sub("", code)))
    for path in sources(root, ["include", "node", "examples", "bench"]):
        used |= set(re.findall(r"\bkith_\w+", code_of(text_of(path))))
    for name, (path, line) in made.items():
        if name not in used and name not in exceptions:
            yield path, line, f"{name}() is used by nothing, or by tests only"
    for name, line in exceptions.items():
        if name not in made:
            yield TESTS_ONLY, line, f"there is no {name}()"
        elif name in used:
            yield TESTS_ONLY, line, f"{name}() is used"


def check(root):
    root = Path(root)
    rules = [check_mentions(root), check_counters(root), check_errors(root), check_functions(root),
             check_defines(root, LIMITS, lambda m: True),
             check_defines(root, BODY, lambda m: m.group(1).startswith("KITH_B_") and "reserved" not in m.group(2))]
    return [f"{path}:{line}: {what}" for rule in rules for path, line, what in rule]


# ---- self-test ----

GOOD = {
    STATS: '/* Counters. */\n#define KITH_STAT_MAP(X) \\\n\tX(IN, "packets in") \\\n\tX(OUT, "packets out")\n\n'
           "enum kith_stat {\n#define KITH_STAT_ENUM(name, text) KITH_STAT_##name,\n\tKITH_STAT_MAP(KITH_STAT_ENUM)\n};\n",
    ERRORS: '#define KITH_ERRNO_MAP(X) X(EINVAL, -1, "no") \\\n\tX(EFULL, -4, "full")\n',
    LIMITS: "#define KITH_LEN 12 /* see kith_ring_new() */\n#define KITH_SUM (KITH_LEN + 4)\n",
    BODY: "#define KITH_B_FIND_KEY 0 /* bytes */\n#define KITH_B_FIND_VIA 1 /* reserved */\n",
    "lib/base/ring.c": "/* KITH_B_* and KITH_B_<KIND>_KEY; KITH_STAT_IN */\nint kith_ring_new(void);\nint kith_ring_new(void)\n{\n"
                       "\tkith_count(KITH_STAT_IN, KITH_STAT_OUT);\n\treturn KITH_SUM + KITH_EINVAL + KITH_EFULL + KITH_B_FIND_KEY;\n}\n",
    "include/kith/ring.h": "int kith_ring_new(void);\n",
    "lib/base/seam.h": "int kith_seam(void);\nstatic inline int kith_inline(int x)\n{\n\treturn x;\n}\n",
    "lib/base/seam.c": "static int kith_own(\n\tint x)\n{\n\treturn kith_inline(x);\n}\n\nint kith_seam(void)\n{\n\treturn kith_own(1);\n}\n",
    "tests/lint/tests_only.allow": "# why\nkith_seam what comes uses it\n",
    "CMakeLists.txt": "option(KITH_OPTION)\n",
    "README.md": "`kith_ring_new()` makes one, at most `KITH_LEN`; `KITH_OPTION` too.\n",
    "CHANGELOG.md": "`kith_old_call` is gone.\n",
}
BAD = {
    "comment names no function": changed(GOOD, LIMITS, "kith_ring_new()", "kith_ring_gone()"),
    "comment names a function of one word": changed(GOOD, LIMITS, "kith_ring_new()", "kith_gone()"),
    "comment names no constant": changed(GOOD, "lib/base/ring.c", "KITH_STAT_IN */", "KITH_GONE */"),
    "comment names an empty family": changed(GOOD, "lib/base/ring.c", "KITH_B_*", "KITH_C_*"),
    "comment names part of a name": changed(GOOD, "lib/base/ring.c", "KITH_STAT_IN */", "KITH_STAT */"),
    "document names no function": changed(GOOD, "README.md", "kith_ring_new()", "kith_ring_free()"),
    "document names no constant": changed(GOOD, "README.md", "KITH_LEN", "KITH_LENGTH"),
    "name in a comment only": changed(GOOD, "README.md", "KITH_OPTION", "KITH_UNUSED") | {
        "lib/base/x.c": "/* KITH_UNUSED */\n"},
    "counter never counted": changed(GOOD, "lib/base/ring.c", ", KITH_STAT_OUT", ""),
    "counter in a comment only": changed(GOOD, "lib/base/ring.c", ", KITH_STAT_OUT", " /* KITH_STAT_OUT */"),
    "counter without words": changed(GOOD, STATS, '"packets out"', '""'),
    "two counters of the same": changed(GOOD, STATS, "packets out", "packets in"),
    "error never given": changed(GOOD, "lib/base/ring.c", " + KITH_EFULL", ""),
    "function that nothing uses": {"tests/lint/tests_only.allow": ""},
    "function that tests use": {"tests/lint/tests_only.allow": "", "tests/unit/test_seam.c": "int x = kith_seam();\n"},
    "function in a comment only": {"tests/lint/tests_only.allow": "", "node/kithd.c": "/* kith_seam() */\n"},
    "inline function that nothing uses": changed(GOOD, "lib/base/seam.c", "kith_inline(x)", "x"),
    "exception that is used": {"node/kithd.c": "int x = kith_seam();\n"},
    "exception that is gone": {"tests/lint/tests_only.allow": "kith_seam why\nkith_ring_gone why\n"},
    "limit never used": changed(GOOD, "lib/base/ring.c", "KITH_SUM", "0"),
    "body key never used": changed(GOOD, "lib/base/ring.c", " + KITH_B_FIND_KEY", ""),
}

main(check, GOOD, BAD, "every name leads somewhere")
