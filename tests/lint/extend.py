#!/usr/bin/env python3
"""What adding something touches: a dummy of each is added, and the compiler asked who has to know of it.

For each row of ADDED a line is put into a copy of a header, and everything in lib/ and bench/ that names the enum is
compiled against it, with -Werror=switch-enum. The files that do not compile are those that have to learn of it: they
must be the ones named here, with the header at most three, and ARCHITECTURE.md, "How to add ...", must name each.

Usage: extend.py [root] | extend.py --self-test
"""
import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from selftest import main, text_of

# what: the header, the line after which it goes, the line, the enum, and who has to know
ADDED = {
    "a request kind": ("lib/wire/body.h", r"#define KITH_REQUEST_MAP\(X\).*\n", '\tX(DUMMY, 200, "O") \\\n',
                       "kith_request_kind", {"lib/core/requests.c", "lib/session/allowance.c"}),
    "a frame": ("lib/wire/frame.h", r"#define KITH_FRAME_MAP\(X\).*\n", "\tX(DUMMY, 0x7e, 'D') \\\n", "kith_frame_type",
                {"lib/core/dispatch.c"}),
    "a request kind's answer": ("lib/link/state.h", r"enum kith_token_kind \{\n", "\tKITH_TOKEN_DUMMY,\n",
                                "kith_token_kind", {"lib/core/requests.c"}),
    "a transport": ("include/kith/types.h", r"#define KITH_TRANSPORT_KIND_MAP\(X\).*\n",
                    '\tX(DUMMY, 99, "dummy", true) \\\n', "kith_transport_kind", set()),
    "an effect": ("include/kith/transport.h", r"enum kith_effect_type \{\n", "\tKITH_EFFECT_DUMMY,\n", "kith_effect_type",
                  {"lib/host/effect.c", "bench/sim/effect.c"}),
    "an effect's owner": ("lib/link/state.h", r"enum kith_effect_owner \{\n", "\tKITH_OWNER_DUMMY,\n",
                          "kith_effect_owner", {"lib/core/outcome.c"}),
}
FILES_MAX = 3


def compiles(root, over, path):
    """Whether the file does, against the changed header."""
    words = [shutil.which("cc") or "cc", "-std=c11", "-D_GNU_SOURCE", "-DKITH_RELEASE_UNIX_S=0", "-DKITH_SERVING=1",
             "-fsyntax-only", "-Werror=switch-enum", f"-I{over}/lib", f"-I{over}/include", f"-I{root}/include", f"-I{root}/lib",
             f"-I{root}/bench", str(path)]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def learners(root, header, after, line, enum):
    """The files that do not compile any more; None: the header has no such place."""
    text = text_of(root / header)
    place = re.search(after, text)
    if place is None:
        return None
    with tempfile.TemporaryDirectory() as over:
        changed = Path(over) / header
        changed.parent.mkdir(parents=True)
        changed.write_text(text[:place.end()] + line + text[place.end():])
        paths = [p for folder in ("lib", "bench") for p in sorted((root / folder).rglob("*.c"))
                 if re.search(r"switch \(", text_of(p)) and mentions(root, p, enum)]
        with ThreadPoolExecutor(2) as pool:
            good = list(pool.map(lambda p: compiles(root, over, p), paths))
        return {str(p.relative_to(root)) for p, ok in zip(paths, good) if not ok}


def mentions(root, path, enum):
    """Whether a switch of the file may be over that enum: it names it, or one of its values."""
    prefix = {"kith_request_kind": "KITH_REQ_", "kith_frame_type": "KITH_FRAME_", "kith_token_kind": "KITH_TOKEN_",
              "kith_transport_kind": "KITH_TRANSPORT_", "kith_effect_type": "KITH_EFFECT_",
              "kith_effect_owner": "KITH_OWNER_"}[enum]
    return re.search(rf"case {prefix}|enum {enum}\b", text_of(path)) is not None


def check(root):
    root = Path(root)
    problems = []
    section = text_of(root / "ARCHITECTURE.md").partition("## How to add")[2].partition("\n## ")[0]
    for what, (header, after, line, enum, known) in ADDED.items():
        if not (root / header).is_file():
            continue
        found = learners(root, header, after, line, enum)
        if found is None:
            problems.append(f"{header}: has no place for {what} any more ({after})")
            continue
        for file in sorted(found - known):
            problems.append(f"{file}: has to learn of {what}, and tests/lint/extend.py does not know")
        for file in sorted(known - found):
            problems.append(f"{file}: need not learn of {what} any more; take it out of tests/lint/extend.py")
        if len(found | {header}) > FILES_MAX:
            problems.append(f"{what}: touches {', '.join(sorted(found | {header}))}; at most {FILES_MAX}")
        for file in sorted(known | {header}):
            name = file.removeprefix("lib/")
            if name not in section:
                problems.append(f'ARCHITECTURE.md, "How to add ...": {what} does not name {name}')
    return problems


# ---- self-test ----

BODY = '#define KITH_REQUEST_MAP(X) \\\n\tX(ATTACH, 1, "C")\n' \
    "#define KITH_ROW(name, value, who) KITH_REQ_##name = (value),\n" \
    "enum kith_request_kind { KITH_REQUEST_MAP(KITH_ROW) KITH_REQ_N };\n"
SWITCH = '#include "wire/body.h"\nint f(int k);\nint f(int k)\n{\n\tswitch ((enum kith_request_kind)k) {\n' \
    "\tcase KITH_REQ_ATTACH:\n\tcase KITH_REQ_N:\n\t\treturn 1;\n%s\t}\n\treturn 0;\n}\n"
GOOD = {
    "lib/wire/body.h": BODY,
    "lib/core/requests.c": SWITCH % "",
    "lib/session/allowance.c": SWITCH % "",
    "lib/call/fine.c": '#include "wire/body.h"\nint g(int k);\nint g(int k)\n{\n\treturn k == KITH_REQ_ATTACH;\n}\n',
    "ARCHITECTURE.md": "## How to add ...\n\nA row in wire/body.h; core/requests.c, session/allowance.c.\n",
}
BAD = {
    "another switch": {"lib/call/other.c": SWITCH % ""},
    "a switch that is gone": {"lib/core/requests.c": '#include "wire/body.h"\n'},
    "not told": {"ARCHITECTURE.md": "## How to add ...\n\nA row in wire/body.h; session/allowance.c.\n\n## More\n\ncore/requests.c\n"},
    "no place": {"lib/wire/body.h": BODY.replace("KITH_REQUEST_MAP", "KITH_REQUESTS")},
}

main(check, GOOD, BAD, "adding a dummy touches what is told")
