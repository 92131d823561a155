#!/usr/bin/env python3
"""Each exported function of include/kith that returns int says which errors it returns, in its comment or in that of the
block of declarations that it stands in: by their codes, or by "errors as" another function of these headers, which names
codes; or "No errors". That the codes exist is for names.py to see; that they are the right ones for whoever changes the
function.

Usage: codes.py [root] | codes.py --self-test
"""
import re
from pathlib import Path

from selftest import changed, main, text_of

PUBLIC = "include/kith"
CODE = re.compile(r"\bKITH_E[A-Z]+\b")
LIKE = re.compile(r"\b[Ee]rrors(?:,[^.;]*?,)? as (kith_\w+)")
NONE = re.compile(r"\bNo errors\.")
DECLARED = re.compile(r"^KITH_EXPORT int (kith_\w+)\(", re.M)
COMMENT_THEN_BLOCK = re.compile(r"/\*((?:(?!\*/).)*)\*/\n((?:(?!\n\n|/\*).)*)", re.S)


def headers(root):
    return sorted((root / PUBLIC).glob("*.h"))


def plain(comment):
    return re.sub(r"\s*\n\s*\*?\s*", " ", comment)


def fallible(root):
    """(path, line, name, words) of each function that returns int."""
    for path in headers(root):
        text = text_of(path)
        told = {}
        for m in COMMENT_THEN_BLOCK.finditer(text):
            for d in DECLARED.finditer(m.group(2)):
                told[d.group(1)] = plain(m.group(1))
        for d in DECLARED.finditer(text):
            yield path.relative_to(root), text.count("\n", 0, d.start()) + 1, d.group(1), told.get(d.group(1), "")


def check_words(root):
    all_of_them = list(fallible(root))
    words_of = {name: words for _, _, name, words in all_of_them}
    for path, line, name, words in all_of_them:
        others = LIKE.findall(words)
        for other in others:
            if other not in words_of:
                yield path, line, f"{name} has errors as {other}, which is no function with any"
            elif not CODE.search(words_of[other]):
                yield path, line, f"{name} has errors as {other}, which names none"
        if not others and not CODE.search(words) and not NONE.search(words):
            yield path, line, f"{name} does not say which errors it returns"


def check(root):
    root = Path(root)
    return [f"{path}:{line}: {what}" for path, line, what in check_words(root)]


# ---- self-test ----

RING = "include/kith/ring.h"
GOOD = {
    RING: "/* A ring.\n * Of bytes. */\n"
          "/* Puts one in. KITH_EFULL. */\nKITH_EXPORT int kith_ring_put(void) KITH_MUST_USE;\n\n"
          "/* Both of these: errors, also\n * later, as\n * kith_ring_put. */\nKITH_EXPORT int kith_ring_add(\n\tint x);\n"
          "KITH_EXPORT int kith_ring_more(void);\n\n"
          "struct s {\n\tint x; /* a member */\n};\n\n"
          "/* How many. */\nKITH_EXPORT size_t kith_ring_len(void);\n",
}
BAD = {
    "no code": changed(GOOD, RING, " KITH_EFULL.", ""),
    "no comment": changed(GOOD, RING, "/* Puts one in. KITH_EFULL. */\n", ""),
    "a block without": changed(GOOD, RING, "as\n * kith_ring_put", "none"),
    "errors as what is not there": changed(GOOD, RING, " * kith_ring_put", " * kith_ring_set"),
    "errors as what has none": changed(GOOD, RING, " * kith_ring_put", " * kith_ring_len"),
    "errors as what says as": changed(GOOD, RING, "Puts one in. KITH_EFULL.", "Puts one in. Errors as kith_ring_add."),
    "the code is of the one before": changed(GOOD, RING, "/* How many. */\nKITH_EXPORT size_t", "/* How many. */\nKITH_EXPORT int"),
}
FINE = {
    "no errors": changed(GOOD, RING, "/* How many. */\nKITH_EXPORT size_t", "/* How many. No errors. */\nKITH_EXPORT int"),
    "a code of its own besides": changed(GOOD, RING, "/* Both of", "/* KITH_EINVAL. Both of"),
}

main(check, GOOD, BAD, "every function says what it returns", FINE)
