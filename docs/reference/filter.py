#!/usr/bin/env python3
"""What doxygen reads instead of a header of include/kith, whose comments are plain ones. Lines keep their numbers.

  head     the comment at the beginning, of the whole file, is repeated at the end
  above    a comment above a declaration is of it, and of all that follow without an empty line or a comment of their own
  behind   a comment behind a member, a value or a number is of what stands before it
  heading  a comment above a member that has one behind it is the heading of a group, up to the next empty line
  rows     an enumeration that a table makes (KITH_..._MAP) has its rows as values, with their texts
  kinds    "fixed" and "grows" behind the beginning of a struct (types.h) are told with its comment
  usual    a member x_n is the length of x, and what is reserved is 0

A comment in front of an empty line, and "---- x ----", are for readers of the source alone.

Usage: filter.py HEADER
"""
import re
import sys
from pathlib import Path

ENUM_MAKER = re.compile(r"^#define (KITH_\w+_ENUM)\(([^)]*)\) (.*)\n\s*(KITH_\w+_MAP)\(\1\)(.*)\n#undef \1\n", re.M)
BEHIND = re.compile(r"^(.*[;,{\w\")])\s*/\* (.*) \*/$")
SEVERAL = re.compile(r"^(\s*)((?:const |unsigned |struct |enum )*\w+) (\w+(?:\[[^\]]*\])*(?:, \w+(?:\[[^\]]*\])*)+);$")


def plain(text):
    """Text that doxygen takes for nothing but text."""
    return re.sub(r"[<>@\\#%]", lambda m: "\\" + m.group(), text)


def rows(text, table):
    """The rows of a table: lists of arguments."""
    body = re.search(r"#define " + table + r"\(X\)(.*?[^\\])\n", text, re.S).group(1)
    for row in re.findall(r'\bX\(((?:"[^"]*"|[^")])*)\)', re.sub(r"/\*.*?\*/", "", body, flags=re.S)):
        yield [a.strip() for a in re.findall(r'(?:"[^"]*"|[^,"])+', row)]


def with_rows(text):
    def values(match):
        _, names, value, table, more = match.groups()
        names, made = names.split(", "), []
        for row in rows(text, table):
            of = dict(zip(names, row))
            line = re.sub(r"##(\w+)", lambda m: of[m.group(1)], re.sub(r"\((\w+)\)", lambda m: of[m.group(1)], value))
            made.append(f"{line} /**< {plain(row[len(row) - 1 if row[-1][0] == chr(34) else 2].strip(chr(34)))} */")
        return "\n" + " ".join(made) + more + "\n\n"
    return ENUM_MAKER.sub(values, text)


class Filter:
    def __init__(self, path):
        self.lines = with_rows(path.read_text()).splitlines()
        self.name = path.name
        self.out = []
        self.head = []
        self.above = None  # the comment of the block of declarations that this is
        self.group = False  # inside of a heading's group

    def line(self, at):
        return self.lines[at] if at < len(self.lines) else ""

    def comment(self, at):
        """(text, lines) of a comment that begins here and has its lines for itself."""
        if not self.line(at).lstrip().startswith("/* "):
            return None
        end = at
        while not self.lines[end].rstrip().endswith("*/"):
            if "*/" in self.lines[end]:
                return None
            end += 1
        return self.lines[at:end + 1]

    def close_group(self):
        if self.group:
            self.out[-1] += " /** @} */"
        self.group = False

    def take_comment(self, at, found):
        """Writes a comment that has its lines for itself."""
        following = self.line(at + len(found))
        words = "\n".join(found).strip()[2:-2].strip()
        marked = [plain(line) for line in found]
        self.above = None
        if at == 0:
            marked = found
            self.head = [f"/** @file {self.name}", *(" * " + marked[0][3:], *marked[1:])]
            self.head = [plain(line) if i else line for i, line in enumerate(self.head)]
        elif words.startswith("----") or not following.strip():
            marked = found
        elif found[0][0] == "\t" and BEHIND.match(following):
            self.close_group()
            text = plain(re.sub(r"\s*\n\s*\*\s*", " ", words))
            first, _, rest = text.partition(". ")
            marked = [f"/** @name {first.rstrip('.')}" + (f" @new_line {rest}" if rest else "") + " */ /** @{ */"]
            marked += [""] * (len(found) - 1)
            self.group = True
        else:
            marked[0] = marked[0].replace("/* ", "/** ", 1)
            kind = re.search(r"\{ /\* (fixed|grows) \*/$", following)
            if kind:
                marked[-1] = marked[-1][:-2] + f"@{kind.group(1)} */"
            self.above = " ".join(marked[i].strip().lstrip("*").strip() if i else marked[i].strip() for i in range(len(marked)))
        self.out += marked

    def take_code(self, line, begins, first):
        """Writes a line of code. begins: a declaration does; first: it is the one that the comment above stands at."""
        behind = BEHIND.match(line)
        code, own = behind.groups() if behind else (line, None)
        if own in ("fixed", "grows"):
            self.out.append(code)
            return
        usual = re.search(r"\b(?:(reserved)\[\d+\]|(\w+)_n);$", code) if line[:1] == "\t" else None
        if not own and not self.above and usual:
            own = "0" if usual.group(1) else f"the length of {usual.group(2)}"
        own = f"/**< {plain(own)} */" if own else None
        several = SEVERAL.match(code)
        if several and (own or self.above):
            space, kind, names = several.groups()
            parts = [f"{kind} {name};" for name in names.split(", ")]
            self.out.append(space + " ".join(
                f"{part} {own}" if own else part if first and not i else f"{self.above} {part}" for i, part in enumerate(parts)))
        elif own:
            self.out.append(f"{code} {own}")
        elif begins and not first and self.above:
            self.out.append(f"{self.above} {line}")
        else:
            self.out.append(line)

    def run(self):
        at, ended, first = 0, True, False
        while at < len(self.lines):
            line = self.lines[at]
            found = self.comment(at)
            if found:
                self.take_comment(at, found)
                at, ended, first = at + len(found), True, True
                continue
            if not line.strip() or line.startswith("}"):
                self.close_group()
                self.above = None
            begins = ended and not line.lstrip().startswith(("#if", "#end", "#else", "#undef", "}", "{"))
            self.take_code(line, begins and bool(line.strip()), first)
            inside = line.startswith("\t") and self.line(at - 1).startswith("{")
            ended = not inside and re.sub(r"\s*/\*.*\*/$", "", line).endswith((";", "}", ",", "{")) if line[:1] != "#" else line[-1] != "\\"
            if re.match(r"\{|(struct|enum) \w+ \{", line):
                self.above = None  # it is not of what is inside
            first = False
            at += 1
        return "\n".join(self.out + self.head) + "\n"


if __name__ == "__main__":
    sys.stdout.write(Filter(Path(sys.argv[1])).run())
