#!/usr/bin/env python3
"""Holds the documents against the code, and against each other.

  tables    the tables of PROTOCOL.md behind "<!-- table: ... -->" list exactly the packet types, frames, request kinds, statuses,
            close reasons and kinds of transport of the code, with their values, and who may ask
  charges   the tables of charges, and of which one each request is charged, are those of the code
  states    the tables of states list exactly the edges that the code's set_state allows; of the punch, which has none, only
            states that it has
  limits    every limit of lib/base/limits.h and every body key stands in PROTOCOL.md; every row `KITH_...` has the value of
            the code's #define
  marks     a value marked *wire* stands in the section of limits, one marked *local* in that of local choices; both as the
            comment in lib/base/limits.h says, where it says so
  links     links of the documents lead to files and headings that exist; what sources call "NAME.md" exists, and so do the
            sections of PROTOCOL.md that they name
  listings  what stands behind "<!-- listing: FILE -->" is that file, character by character
  words     the documents speak of the project only: no issue numbers, no places of one machine, no package registries

Usage: docs.py [root] | docs.py --self-test
"""
import ast
import re
from pathlib import Path

from selftest import changed as changed_file, main, text_of, x_map

PROTOCOL = "PROTOCOL.md"
SOURCES = ["include", "lib", "node", "examples", "bench", "tests"]
WHERE = {"H": "handshake", "D": "data", "B": "both"}
UNITS = {"us": 1, "ms": 1000, "s": 10**6, "min": 60 * 10**6, "h": 3600 * 10**6}
# Spelled in two halves where this file would not pass its own rule.
FORBIDDEN = [
    (re.compile(r"/tmp/build|/home/\w+|/root/"), "a place of one machine"),
    (re.compile(r"(?<![\w&/(.])#\d+\b|\b(issue|pull request|PR|ticket|MR) ?#?\d+\b", re.I), "an issue number"),
    (re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK|TB" r"D)\b"), "left over"),
    (re.compile(r"\b(not measured yet|coming soon|lorem ipsum)\b", re.I), "left over"),
]


def headers(root):
    for folder in ("include", "lib"):
        yield from sorted((root / folder).rglob("*.h"))


# ---- what the code says ----

def code_tables(root):
    frames = x_map(text_of(root / "lib/wire/frame.h"), "KITH_FRAME_MAP")
    body = text_of(root / "lib/wire/body.h")
    packets = re.findall(r"\bKITH_PKT_(\w+) = (0x[0-9A-Fa-f]+)", text_of(root / "lib/wire/packet.h"))
    closes = x_map(text_of(root / "include/kith/close.h"), "KITH_CLOSE_MAP")
    return {
        "packets": {(int(value, 16), name) for name, value in packets},
        "frames": {(int(f[1], 16), f[0], WHERE.get(f[2].strip("'"), "?")) for f in frames},
        "requests": {(int(r[1]), r[0], r[2].strip('"')) for r in x_map(body, "KITH_REQUEST_MAP")},
        "statuses": {(int(s[1]), s[0]) for s in x_map(body, "KITH_STATUS_MAP")},
        "close reasons": {(int(r[1]), r[0]) for r in closes},
        "transport kinds": {(int(k[1]), k[0]) for k in x_map(text_of(root / "include/kith/types.h"), "KITH_TRANSPORT_KIND_MAP")},
    }


def defines(root):
    """Name to expression, of all headers; the first one counts."""
    found = {}
    for path in headers(root):
        text = path.read_text(errors="replace").replace("\\\n", " ")
        for m in re.finditer(r"^[ \t]*#[ \t]*define[ \t]+(KITH_\w+)[ \t]+(.+)$", text, re.M):
            found.setdefault(m.group(1), re.sub(r"/\*.*?(\*/|$)", "", m.group(2)).strip())
    return found


def value_of(known, name, depth=0):
    """The number that a #define stands for; None when it is no simple sum."""
    if name not in known or depth > 16:
        return None
    expression = re.sub(r"\bU?INT64_C\((\w+)\)", r"\1", known[name].replace("(kith_time_us)", "").replace("(int64_t)", ""))
    try:
        return number(known, ast.parse(expression, mode="eval").body, depth)
    except (SyntaxError, ValueError):
        return None


def number(known, node, depth):
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.Name):
        value = value_of(known, node.id, depth + 1)
        if value is not None:
            return value
    if isinstance(node, ast.BinOp):
        a, b = number(known, node.left, depth), number(known, node.right, depth)
        operations = {ast.Add: a + b, ast.Sub: a - b, ast.Mult: a * b, ast.LShift: a << b if 0 <= b < 64 else 0}
        if type(node.op) in operations:
            return operations[type(node.op)]
    raise ValueError(ast.dump(node))


STATES = {  # table: (file of the edges, enum's prefix, states that are no row)
    "session states": ("lib/session/session.c", "KITH_SESSION_", {"CLOSED"}),
    "path states": ("lib/path/path.c", "KITH_PATH_", {"NONE"}),
}


def edges(text, prefix):
    """The edges of the array `legal` of a set_state."""
    table = re.search(r"legal\[\] = \{(.*?)\};", text, re.S)
    found = set()
    for state, to in re.findall(rf"\[{prefix}(\w+)\] = ([^,]*),", table.group(1) if table else ""):
        found |= {(state, name) for name in re.findall(rf"1 << {prefix}(\w+)", to)}
    return found


def punch_states(root):
    body = re.search(r"enum kith_punch_state \{(.*?)\};", text_of(root / "lib/path/punch.h"), re.S)
    return set(re.findall(r"KITH_PUNCH_(\w+)", body.group(1))) if body else set()


# ---- what the documents say ----

def rows(lines, start):
    """The cells of a table whose first line is at start: (line number, cells)."""
    for i in range(start, len(lines)):
        if not lines[i].startswith("|"):
            return
        cells = [c.strip() for c in lines[i].strip().strip("|").split("|")]
        if set(lines[i]) - set("|-: "):
            yield i + 1, cells


def written_value(name, text):
    """A value in a table in the unit of its name: "300 ms" of a name in _US is 300000."""
    found = re.fullmatch(r"(\d+)(?:\^(\d+))?(?: (us|ms|s|min|h))?", text)
    if not found:
        return None
    value = int(found.group(1)) ** int(found.group(2) or 1)
    if found.group(3) is None:
        return value
    us = value * UNITS[found.group(3)]
    if name.endswith("_US"):
        return us
    return us // 1000 if name.endswith("_MS") and us % 1000 == 0 else None


def check_tables(root):
    lines = text_of(root / PROTOCOL).splitlines()
    for name, wanted in code_tables(root).items():
        marker = f"<!-- table: {name} -->"
        if marker not in lines:
            yield PROTOCOL, 1, f"has no table of {name}"
            continue
        at = lines.index(marker) + 1
        width = len(next(iter(wanted), ("", "")))
        written = set()
        for number_of_line, cells in list(rows(lines, at))[1:]:
            try:
                row = (int(cells[0], 0), *cells[1:width])
            except ValueError:
                yield PROTOCOL, number_of_line, f"{cells[0]}: no number"
                continue
            if row in written:
                yield PROTOCOL, number_of_line, f"{row[1]} twice"
            written.add(row)
            if row not in wanted:
                yield PROTOCOL, number_of_line, f"{name}: the code has no {' '.join(map(str, row))}"
        for row in sorted(wanted - written):
            yield PROTOCOL, at, f"{name}: {' '.join(map(str, row))} is missing"


def charge_tables(root):
    """What lib/session/allowance says: what each charge is, what each request is charged, how much one identity holds."""
    known = defines(root)
    header, source = (text_of(root / f"lib/session/allowance.{suffix}") for suffix in "hc")
    charges = {(row[0], row[1], *(str(number(known, ast.parse(cell, mode="eval").body, 0)) for cell in row[2:]))
               for row in x_map(header, "KITH_CHARGE_MAP")}
    holdings = {(row[0], str(number(known, ast.parse(row[1], mode="eval").body, 0))) for row in x_map(header, "KITH_HOLDING_MAP")}
    return {"charges": charges, "holdings": holdings,
            "charges of requests": {tuple(row) for row in x_map(source, "KITH_REQUEST_CHARGE_MAP")}}


def check_charges(root):
    lines = text_of(root / PROTOCOL).splitlines()
    for name, wanted in charge_tables(root).items():
        table = table_of(lines, name)
        if table is None and wanted:
            yield PROTOCOL, 1, f"has no table of {name}"
        written = {tuple(cells[:len(next(iter(wanted), ()))]): number_of_line for number_of_line, cells in table or []}
        for row in sorted(set(written) - wanted):
            yield PROTOCOL, written[row], f"{name}: the code has no {' '.join(row)}"
        for row in sorted(wanted - set(written)):
            yield PROTOCOL, 1, f"{name}: {' '.join(row)} is missing"


def table_of(lines, name):
    marker = f"<!-- table: {name} -->"
    return list(rows(lines, lines.index(marker) + 1))[1:] if marker in lines else None


def check_states(root):
    lines = text_of(root / PROTOCOL).splitlines()
    for name, (file, prefix, silent) in STATES.items():
        table = table_of(lines, name)
        if table is None:
            yield PROTOCOL, 1, f"has no table of {name}"
            continue
        wanted = {edge for edge in edges(text_of(root / file), prefix) if edge[0] not in silent}
        written = {(cells[0], cells[1]): number_of_line for number_of_line, cells in table}
        for edge in sorted(set(written) - wanted):
            yield PROTOCOL, written[edge], f"{name}: the code has no edge from {edge[0]} to {edge[1]}"
        for edge in sorted(wanted - set(written)):
            yield PROTOCOL, 1, f"{name}: {edge[0]} to {edge[1]} is missing"
    known = punch_states(root)
    named = set()
    for number_of_line, cells in table_of(lines, "punch states") or []:
        named |= set(cells[:2])
        for state in set(cells[:2]) - known:
            yield PROTOCOL, number_of_line, f"punch states: the code has no {state}"
    for state in sorted(known - named):
        yield PROTOCOL, 1, f"punch states: {state} is missing"


def check_limits(root):
    known = defines(root)
    named = set()
    for number_of_line, line in enumerate(text_of(root / PROTOCOL).splitlines(), 1):
        cells = [c.strip() for c in line.strip().strip("|").split("|")] if line.startswith("|") else []
        found = re.fullmatch(r"`(KITH_\w+)`", cells[0]) if len(cells) > 1 else None
        if not found:
            continue
        name = found.group(1)
        named.add(name)
        code, written = value_of(known, name), written_value(name, cells[1])
        if code is None:
            yield PROTOCOL, number_of_line, f"{name} is not defined, or not as a number"
        elif written != code:
            yield PROTOCOL, number_of_line, f"{name} is {code} in the code, {cells[1]} here"
    limits = re.findall(r"^#define (KITH_\w+) \S", text_of(root / "lib/base/limits.h"), re.M)
    keys = [name for name in known if name.startswith("KITH_B_")]
    for name in sorted(set(limits + keys) - named):
        yield PROTOCOL, 1, f"{name} is missing"


SECTION_OF = {"wire": "Timers and limits", "local": "Local choices"}


def marks(root):
    """Name to "wire" or "local", of the limits whose comment, behind or right before them, begins so."""
    found = {}
    pattern = r"(?:/\* (wire|local)\b(?:[^*]|\*(?!/))*\*/\n)?#define (KITH_\w+) [^\n]*?(?:/\* (wire|local)\b[^\n]*)?(?=\n)"
    for m in re.finditer(pattern, text_of(root / "lib/base/limits.h").replace("\\\n", "")):
        if m.group(1) or m.group(3):
            found[m.group(2)] = m.group(3) or m.group(1)
    return found


def check_marks(root):
    of_code = marks(root)
    section = ""
    for number_of_line, line in enumerate(text_of(root / PROTOCOL).splitlines(), 1):
        heading = re.match(r"## \d+\. (.+)", line)
        section = heading.group(1).strip() if heading else section
        cells = [c.strip() for c in line.strip().strip("|").split("|")] if line.startswith("| `KITH_") else []
        if len(cells) < 4 or cells[2] not in SECTION_OF:
            continue
        name, mark = cells[0].strip("`"), cells[2]
        if section != SECTION_OF[mark]:
            yield PROTOCOL, number_of_line, f"{name} is {mark}, and belongs to the section {SECTION_OF[mark]}"
        if of_code.get(name, mark) != mark:
            yield PROTOCOL, number_of_line, f"{name} is {of_code[name]} in lib/base/limits.h, {mark} here"


def slug(heading):
    return re.sub(r"[^\w\- ]", "", re.sub(r"`|\*", "", heading).lower()).replace(" ", "-")


def prose(text):
    """The text without code: blocks and spans are blanked, line numbers stay."""
    text = re.sub(r"^```.*?^```", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(path):
    found = {}
    result = set()
    for heading in re.findall(r"^#{1,6} (.+?)\s*$", re.sub(r"^```.*?^```", "", text_of(path), flags=re.M | re.S), re.M):
        base = slug(heading)
        count = found.get(base, 0)
        found[base] = count + 1
        result.add(base if count == 0 else f"{base}-{count}")
    return result


def documents(root):
    for path in sorted(root.rglob("*.md")):
        if not {"build", ".git"} & set(path.relative_to(root).parts):
            yield path


def check_links(root):
    for path in documents(root):
        name = path.relative_to(root)
        text = prose(text_of(path))
        for m in re.finditer(r"\]\(([^)\s]+)\)", text):
            line, target = text.count("\n", 0, m.start()) + 1, m.group(1)
            if re.match(r"[a-z]+:", target):
                continue
            file, _, anchor = target.partition("#")
            to = path if not file else path.parent / file
            if not to.exists():
                yield name, line, f"link to {target}: there is no {file}"
            elif anchor and anchor not in anchors(to):
                yield name, line, f"link to {target}: there is no such heading"


def check_mentions(root):
    sections = set(re.findall(r"^## (\d+)\. ", text_of(root / PROTOCOL), re.M))
    for folder in SOURCES:
        for path in sorted((root / folder).rglob("*.[ch]")):
            text = re.sub(r"\n \*", "\n", text_of(path))
            for m in re.finditer(r"\b((?:\w+/)*[A-Z][\w-]*\.md)\b(?:\s+sections?\s+(\d+)(?:\s*(?:to|and)\s+(\d+))?)?", text):
                line = text.count("\n", 0, m.start()) + 1
                if not (root / m.group(1)).is_file():
                    yield path.relative_to(root), line, f"there is no {m.group(1)}"
                for number_of_section in filter(None, m.groups()[1:]):
                    if m.group(1) == PROTOCOL and number_of_section not in sections:
                        yield path.relative_to(root), line, f"{PROTOCOL} has no section {number_of_section}"


def check_listings(root):
    for path in documents(root):
        text = text_of(path)
        for m in re.finditer(r"^<!-- listing: (\S+) -->\n(?:```\w+\n(.*?)^```$)?", text, re.M | re.S):
            if m.group(2) != text_of(root / m.group(1)) or not m.group(2):
                yield path.relative_to(root), text.count("\n", 0, m.start()) + 1, f"the listing is not {m.group(1)}"


def check_words(root):
    for path in list(documents(root)) + sorted((root / "docs").rglob("*.[1-8]")):
        for number_of_line, line in enumerate(text_of(path).splitlines(), 1):
            for pattern, what in FORBIDDEN:
                found = pattern.search(line)
                if found:
                    yield path.relative_to(root), number_of_line, f"{what}: {found.group(0)}"


def check(root):
    root = Path(root)
    problems = []
    for rule in (check_tables, check_charges, check_states, check_limits, check_marks, check_links, check_mentions, check_listings,
                 check_words):
        problems.extend(f"{path}:{line}: {what}" for path, line, what in rule(root))
    return problems


# ---- self-test ----

GOOD = {
    "lib/wire/packet.h": "enum kith_packet_type {\n\tKITH_PKT_HELLO = 0xE1, /* first */\n\tKITH_PKT_DATA = 0xE8\n};\n",
    "lib/wire/frame.h": "#define KITH_FRAME_MAP(X) \\\n\tX(PADDING, 0x00, 'B') \\\n\tX(PROBE, 0x01, 'D') /* nonce 8 (and more) */\n\n",
    "lib/wire/body.h": "/* PROTOCOL.md\n * section 1. */\n#define KITH_REQUEST_MAP(X) \\\n\tX(ATTACH, 1, \"C\") /* be */ \\\n\tX(PING, 34, \"HS\")\n\n"
                       "#define KITH_STATUS_MAP(X) \\\n\tX(OK, 0, 0) \\\n\tX(FULL, 6, KITH_EFULL)\n\n#define KITH_B_FIND_KEY 0 /* bytes */\n",
    "lib/session/allowance.h": "#define KITH_CHARGE_MAP(X) \\\n\tX(CALL, IDENTITY, KITH_EIGHT, 1, 2 * KITH_EIGHT) /* x */\n\n"
                               "#define KITH_HOLDING_MAP(X) \\\n\tX(LEAF, KITH_EIGHT) /* y */\n\n",
    "lib/session/allowance.c": "#define KITH_REQUEST_CHARGE_MAP(X) \\\n\tX(PING, CALL, DOOR) /* x */\n\n",
    "lib/session/session.c": "legal[] = {\n\t[KITH_SESSION_OPEN] = 1 << KITH_SESSION_CLOSED,\n"
                             "\t[KITH_SESSION_CLOSED] = 1 << KITH_SESSION_CLOSED,\n};\n",
    "lib/path/path.c": "legal[] = {\n\t[KITH_PATH_NONE] = 0,\n\t[KITH_PATH_LIVE] = 1 << KITH_PATH_SUSPECT | 1 << KITH_PATH_DEAD, /* x */\n"
                       "\t[KITH_PATH_SUSPECT] = 1 << KITH_PATH_LIVE,\n};\n",
    "lib/path/punch.h": "enum kith_punch_state {\n\tKITH_PUNCH_QUIET, /* none */\n\tKITH_PUNCH_PROBING\n};\n",
    "include/kith/close.h": "#define KITH_CLOSE_MAP(X) \\\n\tX(NORMAL, 0, \"closed\") \\\n\tX(BUSY, 2, \"busy\")\n\n",
    "include/kith/types.h": "#define KITH_TRANSPORT_KIND_MAP(X) \\\n\tX(UDP, 1, \"udp\", true) \\\n\tX(TCP, 2, \"tcp\", true)\n\n"
                            "#define KITH_US_PER_MS ((kith_time_us)1000)\n#define KITH_US_PER_S ((kith_time_us)1000000)\n",
    "lib/base/limits.h": "#define KITH_EIGHT 8 /* wire: x */\n/* local: x,\n * y */\n#define KITH_NINE 9\n#define KITH_LEN 1200 /* wire */\n#define KITH_MOST (KITH_LEN - 16 - 28)\n"
                         "#define KITH_RETRY_US (300 * KITH_US_PER_MS)\n#define KITH_LIFE_MS (15 * 60 * 1000)\n"
                         "#define KITH_LONG \\\n\t(UINT64_C(1) << 32)\n",
    "PROTOCOL.md": "# P\n\n[one](#1-one-more) [there](docs/more.md#the-way)\n\n## 1. One more\n\n<!-- table: packets -->\n"
                   "| type | name |\n| --- | --- |\n| 0xE1 | HELLO | x |\n| 0xE8 | DATA |\n\n<!-- table: frames -->\n"
                   "| type | frame | where |\n| --- | --- | --- |\n| 0x00 | PADDING | both |\n| 0x01 | PROBE | data | nonce |\n\n"
                   "<!-- table: requests -->\n| kind | name | who |\n| --- | --- | --- |\n| 1 | ATTACH | C |\n| 34 | PING | HS |\n\n"
                   "<!-- table: charges -->\n| charge | whose | n | s | burst |\n| --- | --- | --- | --- | --- |\n| CALL | IDENTITY | 8 | 1 | 16 | x |\n\n"
                   "<!-- table: holdings -->\n| holding | most |\n| --- | --- |\n| LEAF | 8 | x |\n\n"
                   "<!-- table: charges of requests -->\n| request | charge | when |\n| --- | --- | --- |\n| PING | CALL | DOOR | |\n\n"
                   "<!-- table: statuses -->\n| value | status |\n| --- | --- |\n| 0 | OK |\n| 6 | FULL |\n\n"
                   "<!-- table: close reasons -->\n| value | reason |\n| --- | --- |\n| 0 | NORMAL |\n| 2 | BUSY |\n\n"
                   "<!-- table: session states -->\n| from | to | when |\n| --- | --- | --- |\n| OPEN | CLOSED | x |\n\n"
                   "<!-- table: path states -->\n| from | to |\n| --- | --- |\n| LIVE | SUSPECT |\n| LIVE | DEAD |\n| SUSPECT | LIVE |\n\n"
                   "<!-- table: punch states -->\n| from | to |\n| --- | --- |\n| QUIET | PROBING |\n\n"
                   "<!-- table: transport kinds -->\n| kind | name |\n| --- | --- |\n| 1 | UDP |\n| 2 | TCP |\n\n"
                   "| name | value |\n| --- | --- |\n| `KITH_B_FIND_KEY` | 0 |\n| `KITH_LEN` | 1200 |\n| `KITH_MOST` | 1156 |\n"
                   "| `KITH_RETRY_US` | 300 ms |\n| `KITH_LIFE_MS` | 15 min |\n| `KITH_LONG` | 2^32 |\n\n"
                   "## 2. Timers and limits\n\n| name | value | | why |\n| --- | --- | --- | --- |\n| `KITH_EIGHT` | 8 | wire | x |\n\n"
                   "## 3. Local choices\n\n| name | value | | why |\n| --- | --- | --- | --- |\n| `KITH_NINE` | 9 | local | x |\n",
    "examples/e.c": "int main(void)\n{\n}\n",
    "LISTS.md": "# L\n\n<!-- listing: examples/e.c -->\n```c\nint main(void)\n{\n}\n```\n\nmore\n\n```c\nother\n```\n",
    "docs/more.md": "# More\n\n## The way\n\n```\n[code](nowhere.md) is not a link\n```\n\n[back](../PROTOCOL.md)\n",
}


def changed(file, old, new):
    return changed_file(GOOD, file, old, new)


def bad_trees():
    return {
        "packet missing": changed("PROTOCOL.md", "| 0xE8 | DATA |\n", ""),
        "packet with another value": changed("PROTOCOL.md", "0xE8", "0xE9"),
        "packet that is not in the code": changed("lib/wire/packet.h", "\tKITH_PKT_DATA = 0xE8\n", ""),
        "frame missing": changed("PROTOCOL.md", "| 0x01 | PROBE | data | nonce |\n", ""),
        "frame in another place": changed("PROTOCOL.md", "PROBE | data", "PROBE | handshake"),
        "request renamed": changed("PROTOCOL.md", "34 | PING", "34 | PONG"),
        "request added to the code": changed("lib/wire/body.h", 'X(PING, 34, "HS")', 'X(PING, 34, "HS") \\\n\tX(NEW, 35, "A")'),
        "request asked by others": changed("PROTOCOL.md", "PING | HS", "PING | H"),
        "status missing": changed("PROTOCOL.md", "| 6 | FULL |\n", ""),
        "close reason with another value": changed("PROTOCOL.md", "2 | BUSY", "3 | BUSY"),
        "transport kind missing": changed("PROTOCOL.md", "| 2 | TCP |\n", ""),
        "row twice": changed("PROTOCOL.md", "| 2 | BUSY |\n", "| 2 | BUSY |\n| 2 | BUSY |\n"),
        "charge with another burst": changed("PROTOCOL.md", "1 | 16", "1 | 17"),
        "charge of another": changed("PROTOCOL.md", "CALL | IDENTITY", "CALL | DEVICE"),
        "charge added to the code": changed("lib/session/allowance.h", "/* x */", "X(MORE, PREFIX, 1, 1, 1)"),
        "holding of another size": changed("PROTOCOL.md", "LEAF | 8", "LEAF | 9"),
        "holding added to the code": changed("lib/session/allowance.h", "/* y */", "X(MORE, 3)"),
        "request charged otherwise": changed("PROTOCOL.md", "CALL | DOOR", "CALL | WITHIN"),
        "no table of charges": changed("PROTOCOL.md", "<!-- table: charges of requests -->", ""),
        "edge missing": changed("PROTOCOL.md", "| LIVE | DEAD |\n", ""),
        "edge that is not in the code": changed("PROTOCOL.md", "| OPEN | CLOSED | x |\n", "| OPEN | CLOSED | x |\n| CLOSED | OPEN | x |\n"),
        "edge added to the code": changed("lib/path/path.c", "= 1 << KITH_PATH_LIVE,", "= 1 << KITH_PATH_LIVE | 1 << KITH_PATH_DEAD,"),
        "no table of states": changed("PROTOCOL.md", "<!-- table: path states -->", ""),
        "punch state missing": changed("PROTOCOL.md", "| QUIET | PROBING |\n", ""),
        "punch state that is not in the code": changed("lib/path/punch.h", "KITH_PUNCH_PROBING", "KITH_PUNCH_OTHER"),
        "no table": changed("PROTOCOL.md", "<!-- table: statuses -->", ""),
        "limit missing": changed("PROTOCOL.md", "| `KITH_LEN` | 1200 |\n", ""),
        "limit with another value": changed("PROTOCOL.md", "300 ms", "400 ms"),
        "limit in another unit": changed("PROTOCOL.md", "15 min", "15 s"),
        "sum with another value": changed("lib/base/limits.h", "- 16", "- 12"),
        "power with another value": changed("PROTOCOL.md", "2^32", "2^31"),
        "row that is not defined": changed("PROTOCOL.md", "KITH_LEN", "KITH_GONE"),
        "body key missing": changed("PROTOCOL.md", "| `KITH_B_FIND_KEY` | 0 |\n", ""),
        "wire value among local choices": changed("PROTOCOL.md", "## 2. Timers and limits", "## 2. Local choices"),
        "local value among the limits": changed("PROTOCOL.md", "## 3. Local choices", "## 3. Timers and limits"),
        "mark of another comment": changed("lib/base/limits.h", "/* local: x,", "/* wire: x,"),
        "mark of the comment beside it": changed("lib/base/limits.h", "/* wire: x */", "/* local: x */"),
        "link to no file": changed("docs/more.md", "../PROTOCOL.md", "../GONE.md"),
        "link to no heading": changed("PROTOCOL.md", "#the-way", "#a-way"),
        "link to no heading here": changed("PROTOCOL.md", "#1-one-more", "#2-two"),
        "source names no document": changed("lib/wire/body.h", "PROTOCOL.md", "GONE.md"),
        "source names no section": changed("lib/wire/body.h", "section 1.", "section 9."),
        "listing of before": changed("examples/e.c", "void", "int argc"),
        "listing that lacks a line": changed("LISTS.md", "{\n}\n", "}\n"),
        "listing of no file": changed("LISTS.md", "examples/e.c", "examples/gone.c"),
        "listing without text": changed("LISTS.md", "```c\nint", "\n```c\nint"),
        "place of a machine": changed("docs/more.md", "# More", "# More in /ho" "me/me"),
        "issue number": changed("docs/more.md", "# More", "# More\n\nSee #" "12."),
        "left over": changed("docs/more.md", "# More", "# More\n\nTO" "DO"),
        "no figure": changed("docs/more.md", "# More", "# More\n\nnot measured" " yet"),
    }


main(check, GOOD, bad_trees(), "the documents agree with the code")
