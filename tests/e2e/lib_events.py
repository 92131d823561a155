#!/usr/bin/env python3
"""JSON lines for shell scripts.

    lib_events.py wait FILE LINES SECONDS EXPR   the first line after so many, for which EXPR over e holds; waits for it to come
    lib_events.py most FILE LINES EXPR           the highest value of EXPR over e in the lines after so many that have it; 0: none has
    lib_events.py value EXPR                     of the JSON text on standard input

Lines that are no JSON object are skipped; an expression that meets a missing field does not hold.
"""
import json
import sys
import time


def holds(expression, e):
    try:
        return eval(expression, {}, {"e": e})  # the expressions are the tests' own
    except (KeyError, IndexError, TypeError):
        return False


def wait(path, skip, seconds, expression):
    end = time.monotonic() + seconds
    code = compile(expression, "expression", "eval")
    with open(path, errors="replace") as file:
        for _ in range(skip):
            file.readline()
        rest = ""
        while True:
            rest += file.readline()
            if rest.endswith("\n"):
                try:
                    e = json.loads(rest)
                except ValueError:
                    e = None
                if isinstance(e, dict) and holds(code, e):
                    print(rest, end="")
                    return 0
                rest = ""
            elif time.monotonic() >= end:
                return 1
            else:
                time.sleep(0.01)


def most(path, skip, expression):
    found = 0
    with open(path, errors="replace") as file:
        for line in file.readlines()[skip:]:
            try:
                found = max(found, holds(expression, json.loads(line)))
            except (ValueError, TypeError):
                continue
    return found


def main():
    if sys.argv[1] == "most":
        print(most(sys.argv[2], int(sys.argv[3]), sys.argv[4]))
        return 0
    if sys.argv[1] == "wait":
        return wait(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5])
    result = eval(sys.argv[2], {}, {"e": json.load(sys.stdin)})
    print(json.dumps(result) if isinstance(result, (dict, list, bool)) else result)
    return 0


sys.exit(main())
