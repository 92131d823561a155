#!/usr/bin/env python3
"""Holds the include graph against the order of the layers, and finds circles of calls inside of them.

  lib/<layer>/  includes itself and the layers before it, by path from lib/ ("base/timer.h"), and public headers;
                <layer>/internal.h is for that layer alone
  include/kith/ includes <kith/...> and the standard's freestanding headers only
  node/, examples/  use the public API only
  bench/net/    uses the base layer only

Nowhere is a .c file included, except by the tests; nowhere do headers include each other in a cycle. In no folder of lib/ do
files call each other in a circle (calls.py says what a call is), but for those that are one object (OBJECTS).

Usage: layers.py [root] | layers.py --self-test
"""
import re
from pathlib import Path

from calls import circles
from selftest import main

LAYERS = "base codec crypto identity wire path session stream relay overlay presence link super leaf call core host".split()
PUBLIC_SYSTEM = {"stdbool.h", "stddef.h", "stdint.h", "stdarg.h", "inttypes.h", "limits.h"}
# Objects in several files: (folder, name) to the files' names, and why it is one.
OBJECTS = {
    ("path", "pathset"): ("pathset*", "the paths of one session are one state; the files are its topics"),
    ("stream", "connection"): ("stream quic callback start", "a QUIC connection: ngtcp2 calls back into what called it"),
    ("overlay", "members"): ("members members_vouched", "one table; what attestations are worth is a file of its own"),
    ("host", "udp"): ("udp linux_udp portable_udp", "a socket; what differs from system to system is a file each"),
    ("host", "interfaces"): ("interfaces linux_interfaces bsd_interfaces", "addresses, and each system's word of changes"),
}
# Folders that have a circle today, and why. An entry whose circle is gone is refused.
KNOWN = {}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(<[^>\n]+>|"[^"\n]+")', re.M)


def includes(path):
    """(line, name, quoted) of every #include in the file."""
    text = path.read_text(errors="replace")
    for m in INCLUDE.finditer(text):
        yield text.count("\n", 0, m.start()) + 1, m.group(1)[1:-1], m.group(1)[0] == '"'


def sources(root, *folders):
    for folder in folders:
        base = root / folder
        if base.is_dir():
            yield from sorted(p for p in base.rglob("*") if p.suffix in (".c", ".h"))


def check_lib(root, path):
    own = path.relative_to(root / "lib").parts[0]
    if own not in LAYERS:
        yield 1, f"'{own}' is no layer"
        return
    for line, name, quoted in includes(path):
        if not quoted:
            continue
        layer = name.split("/")[0]
        if "/" not in name:
            yield line, f'"{name}": write the path from lib/, such as "{own}/{name}"'
        elif layer not in LAYERS:
            yield line, f'"{name}" is outside of the layers'
        elif LAYERS.index(layer) > LAYERS.index(own):
            yield line, f'"{name}": {own} comes before {layer} and must not know of it'
        elif not (root / "lib" / name).is_file():
            yield line, f'"{name}" does not exist in lib/'
        elif name.endswith("/internal.h") and layer != own:
            yield line, f'"{name}" is for the layer {layer} alone'


def check_public(root, path):
    for line, name, quoted in includes(path):
        if quoted or (name not in PUBLIC_SYSTEM and not name.startswith("kith/")):
            yield line, f"{name}: a public header includes <kith/...> and {', '.join(sorted(PUBLIC_SYSTEM))} only"
        elif name.startswith("kith/") and not (root / "include" / name).is_file():
            yield line, f"<{name}> does not exist"


def check_application(root, path):
    for line, name, quoted in includes(path):
        if quoted and name.split("/")[0] in LAYERS and (root / "lib" / name).is_file():
            yield line, f'"{name}": node/ and examples/ use the public API only'


def check_net(root, path):
    for line, name, quoted in includes(path):
        layer = name.split("/")[0]
        if quoted and layer in LAYERS and layer != "base" and (root / "lib" / name).is_file():
            yield line, f'"{name}": the models of bench/net use the base layer only'


def cycles(root):
    """Cycles among headers, each reported once, as a path of names."""
    graph = {}
    for path in sources(root, "lib", "include", "bench"):
        if path.suffix == ".h":
            targets = []
            for _, name, quoted in includes(path):
                for base in ("lib", "bench") if quoted else ("include",):
                    if (root / base / name).is_file():
                        targets.append((root / base / name).relative_to(root))
            graph[path.relative_to(root)] = targets
    done, stack, found = set(), [], []

    def visit(node):
        if node in stack:
            found.append(" -> ".join(map(str, stack[stack.index(node):] + [node])))
            return
        if node in done:
            return
        stack.append(node)
        for target in graph.get(node, []):
            visit(target)
        stack.pop()
        done.add(node)

    for node in sorted(graph):
        visit(node)
    return found


def check(root, objects=OBJECTS, known=KNOWN):
    root = Path(root)
    problems = []

    def run(rule, *folders):
        for path in sources(root, *folders):
            if rule is check_lib and path.parent == root / "lib":
                problems.append(f"{path.relative_to(root)}: a source of lib/ belongs to a layer")
                continue
            problems.extend(f"{path.relative_to(root)}:{line}: {what}" for line, what in rule(root, path))

    run(check_lib, "lib")
    run(check_public, "include")
    run(check_application, "node", "examples")
    run(check_net, "bench/net")
    for path in sources(root, "lib", "include", "node", "examples", "bench"):
        for line, name, _ in includes(path):
            if name.endswith(".c"):
                problems.append(f"{path.relative_to(root)}:{line}: includes the source file {name}")
    problems.extend(f"include cycle: {cycle}" for cycle in cycles(root))
    problems.extend(circles(root, objects, known))
    return problems


# ---- self-test ----


def function(name, body=""):
    return f"int {name}(void)\n{{\n\treturn 0{body};\n}}\n"


# One object in two files, and a folder that is let be.
TEST_OBJECTS = {("path", "set"): ("set*", "one state"), ("super", "home"): ("home*", "one state")}
TEST_KNOWN = {"super": "not yet"}
GOOD = {
    "include/kith/err.h": "#include <kith/types.h>\n",
    "include/kith/types.h": "#include <stdint.h>\n",
    "lib/base/a.h": "#include <kith/err.h>\n",
    "lib/wire/w.c": '#include "base/a.h"\n#include <string.h>\n',
    "node/kithd.c": "#include <kith/err.h>\n",
    "bench/net/nat.c": '#include "base/a.h"\n',
    "lib/path/set.c": function("kith_set", " + kith_set_choose()"),
    "lib/path/set_choose.c": function("kith_set_choose", " + kith_set() + kith_probe()"),
    "lib/path/probe.c": function("kith_probe"),
    "lib/super/home.c": function("kith_home", " + kith_home_of()"),
    "lib/super/home_of.c": function("kith_home_of", " + kith_home()"),
    "lib/super/leaf.c": function("kith_leaf", " + kith_peer()"),
    "lib/super/peer.c": function("kith_peer", " + kith_leaf()"),
    "lib/relay/fwd.h": "int kith_fwd(void); /* kith_leg() comes before */\n",
    "lib/relay/fwd.c": function("kith_fwd", " + kith_leg()"),
    "lib/relay/leg.c": function("kith_leg"),
}
# What is no circle, though it looks like one.
FINE = {
    "static functions of one name": {
        "lib/relay/fwd.c": "static " + function("take") + function("kith_fwd", " + take() + kith_leg()"),
        "lib/relay/leg.c": "static " + function("take") + function("kith_leg", " + take()")},
    "static function named as another file's": {
        "lib/relay/leg.c": "static " + function("kith_fwd") + function("kith_leg", " + kith_fwd()")},
    "in a comment and a string": {
        "lib/relay/leg.c": "/* kith_fwd() */\n// kith_fwd\n" + function("kith_leg", ' + *"kith_fwd()"')},
    "member and tag": {"lib/relay/leg.c": "struct kith_fwd { int n; };\n" +
                       function("kith_leg", " + ((struct kith_fwd *)p)->kith_fwd")},
    "declared in internal.h": {"lib/relay/internal.h": "int kith_fwd(void);\nint kith_leg(void);\n"},
    "declared in the other's header": {"lib/relay/leg.h": "int kith_leg(int (*kith_fwd)(void));\n"},
    "header and source of one file": {"lib/relay/leg.h": "static inline " + function("kith_leg_up", " + kith_leg()"),
                                      "lib/relay/leg.c": function("kith_leg", " + kith_leg_up()")},
    "same names in two folders": {"lib/wire/fwd.c": function("kith_leg"), "lib/relay/leg.c": function("kith_leg")},
}
BAD = {
    "calls up": {"lib/base/b.c": '#include "wire/w.h"\n', "lib/wire/w.h": ""},
    "same folder without its path": {"lib/base/b.c": '#include "a.h"\n'},
    "bench from lib": {"lib/core/c.c": '#include "sim/world.h"\n'},
    "no such layer": {"lib/misc/m.c": "\n"},
    "no layer at all": {"lib/m.c": "\n"},
    "missing header": {"lib/wire/x.c": '#include "base/gone.h"\n'},
    "includes a source": {"bench/sim/s.c": '#include "sim/t.c"\n'},
    "public header with a library's": {"include/kith/bad.h": "#include <uv.h>\n"},
    "application uses internals": {"examples/chat.c": '#include "base/a.h"\n'},
    "net uses the session": {"bench/net/l.c": '#include "wire/w.h"\n', "lib/wire/w.h": ""},
    "another layer's internals": {"lib/wire/w.c": '#include "base/internal.h"\n', "lib/base/internal.h": ""},
    "cycle": {"lib/base/x.h": '#include "base/y.h"\n', "lib/base/y.h": '#include "base/x.h"\n'},
    "calls in a circle": {"lib/relay/leg.c": function("kith_leg", " + kith_fwd()")},
    "circle of three": {"lib/relay/leg.c": function("kith_leg", " + kith_end()"),
                        "lib/relay/end.c": function("kith_end", " + kith_fwd()")},
    "circle by a function pointer": {"lib/relay/leg.c": function("kith_leg", " + take(kith_fwd)")},
    "circle by a table": {"lib/relay/leg.c": "static const fn table[] = { kith_fwd };\n" + function("kith_leg")},
    "circle by the table's name": {
        "lib/relay/fwd.c": "const struct fns kith_fns = { 0 };\n" + function("kith_fwd", " + kith_leg()"),
        "lib/relay/leg.c": function("kith_leg", " + kith_fns.n")},
    "circle by an inline function": {"lib/relay/leg.h": "static inline " + function("kith_leg_up", " + kith_fwd()")},
    "circle by a macro": {"lib/relay/leg.h": "#define KITH_LEG_UP(x) \\\n\tkith_fwd(x)\n"},
    "object in a circle with others": {"lib/path/probe.c": function("kith_probe", " + kith_set()")},
    "object that is none": {"lib/path/set.c": function("kith_set")},
    "folder let be that has no circle but an object's": {"lib/super/peer.c": function("kith_peer")},
    "folder let be that is gone": dict.fromkeys(name for name in GOOD if name.startswith("lib/super/")),
    "object that is gone": dict.fromkeys(name for name in GOOD if name.startswith("lib/path/")),
    "indented directive": {"lib/base/b.c": ' #  include "wire/w.h"\n', "lib/wire/w.h": ""},
}


def check_of_test(root):
    return check(root, TEST_OBJECTS, TEST_KNOWN)


main(check, GOOD, BAD, "the layers hold", FINE, check_of_test)
