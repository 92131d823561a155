"""Which files of one folder of lib/ use each other, by the functions and tables that one defines and another names.

An arrow goes from a file to the one whose function it calls, or whose function or table it names at all: a function pointer is
a call that happens later. x.c and x.h are one file; a header called internal (or x_internal) belongs to none, for it only
declares. Several files may be one object (OBJECTS in layers.py). A static function is known in its own file only.
"""
import fnmatch
import re
from pathlib import Path

from selftest import tags

# Comments, strings and characters; what is no code, but may look like it.
NO_CODE = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)
OTHER_DIRECTIVE = re.compile(r"^[ \t]*#[ \t]*(?!define\b)(?:\\\n|[^\n])*", re.M)
DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t](?:\\\n|[^\n])*", re.M)
# Neither a member nor the tag of a type.
NAME = re.compile(r"(?<![\w.])(?<!->)(?:(struct|union|enum)\s+)?([A-Za-z_]\w*)")


def code_of(text):
    """The text without comments, strings and directives but #define; every line stays where it is."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())
    return OTHER_DIRECTIVE.sub(blank, NO_CODE.sub(blank, text))


def names_in(text):
    return {name for tag, name in NAME.findall(text) if not tag}


class Folder:
    """The files of one folder, what each defines, and what it names."""

    def __init__(self):
        self.defines = {}  # function or table that others can see: stems that define it
        self.own = {}  # stem: static names of it
        self.named = {}  # stem: names that its code has

    def arrows(self, object_of):
        """(from, to): the names that make the arrow, between different objects."""
        found = {}
        for stem, names in self.named.items():
            for name in names & self.defines.keys() - self.own.get(stem, set()):
                for target in self.defines[name]:
                    ends = object_of(stem), object_of(target)
                    if ends[0] != ends[1]:
                        found.setdefault(ends, set()).add(name)
        return found


def matches(stem, patterns):
    return any(fnmatch.fnmatchcase(stem, pattern) for pattern in patterns.split())


def belongs(path):
    return path.stem != "internal" and not path.stem.endswith("_internal")


def read_folders(root):
    """Every folder of lib/, read."""
    root = Path(root)
    paths = sorted(p for p in root.glob("lib/*/*") if p.suffix in (".c", ".h") and belongs(p))
    folders, lines = {}, {}
    for path in paths:
        folder = folders.setdefault(path.parent.name, Folder())
        code = code_of(path.read_text(errors="replace"))
        named = folder.named.setdefault(path.stem, set())
        if path.suffix == ".c":
            named |= names_in(code)
        else:  # its prototypes are no calls; its macros and inline functions are code
            lines[str(path.relative_to(root))] = code.splitlines()
            for define in DEFINE.findall(code):
                named |= names_in(define)
    for tag in tags(root, paths):
        path = Path(tag["path"])
        folder = folders[path.parent.name]
        if tag["kind"] not in ("function", "variable"):
            continue
        if path.suffix == ".c" and tag["static"]:
            folder.own.setdefault(path.stem, set()).add(tag["name"])
            continue
        folder.defines.setdefault(tag["name"], set()).add(path.stem)
        if path.suffix == ".h":
            folder.named[path.stem] |= names_in("\n".join(lines[tag["path"]][tag["line"] - 1:tag["end"]]))
    return folders


def components(arrows):
    """The sets of files, more than one each, that all reach each other (Tarjan)."""
    targets = {}
    for source, target in sorted(arrows):
        targets.setdefault(source, []).append(target)
    number, low, stack, found = {}, {}, [], []

    def visit(node):
        number[node] = low[node] = len(number)
        stack.append(node)
        for target in targets.get(node, []):
            if target not in number:
                visit(target)
            if target in stack:
                low[node] = min(low[node], low[target])
        if low[node] == number[node]:
            at = stack.index(node)
            if len(stack) - at > 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for node in sorted(targets):
        if node not in number:
            visit(node)
    return found


def describe(circle, arrows):
    """The arrows inside of a circle, those by the fewest names first: they are the cheapest to turn round."""
    inside = [(len(names), ends, sorted(names)) for ends, names in arrows.items() if set(ends) <= set(circle)]
    return [f"    {a} -> {b} by {', '.join(names)}" for _, (a, b), names in sorted(inside)]


def arrows_of_objects(folder, where, objects):
    """The arrows of a folder, where an object's files are one."""
    mine = {name: patterns for (home, name), (patterns, _) in objects.items() if home == where}
    return folder.arrows(lambda stem: next((name for name, p in mine.items() if matches(stem, p)), stem))


def circles(root, objects, known):
    """Problems, one text each. objects: (folder, name) to (patterns of stems, reason); known: folder to reason. Entries of both
    that outlived their cause are problems, too."""
    folders = read_folders(root)
    problems = []
    for where, folder in sorted(folders.items()):
        arrows = arrows_of_objects(folder, where, objects)
        found = components(arrows)
        if where in known and not found:
            problems.append(f"lib/{where}: has no circle of calls any more; take it out of KNOWN")
        for circle in found if where not in known else []:
            problems.append(f"lib/{where}: {len(circle)} files call each other in a circle: {', '.join(circle)}")
            problems.extend(describe(circle, arrows))
    for where in sorted(set(known) - set(folders)):
        problems.append(f"lib/{where}: is gone; take it out of KNOWN")
    for (where, name), (patterns, _) in sorted(objects.items()):
        found = components(folders[where].arrows(lambda stem: stem)) if where in folders else []
        if not any(sum(matches(stem, patterns) for stem in circle) > 1 for circle in found):
            problems.append(f"lib/{where}: {name} ({patterns}) is no object in several files; take it out of OBJECTS")
    return problems
