#!/usr/bin/env python3
"""The monkey calls every function of node.h, session.h, presence.h and serving.h that takes a handle.

Usage: covers.py [root]
"""
import re
import sys
from pathlib import Path

HEADERS = ["node.h", "session.h", "presence.h", "serving.h"]
# Blocks, or is for tools: tested elsewhere.
NOT_HERE = {"kith_node_options_load", "kith_node_options_set_log", "kith_node_options_set_passphrase", "kith_bootstrap_valid",
            "kith_node_options_deinit", "kith_node_options_init_sized", "kith_node_options_check"}


def main(root):
    monkey = "".join(path.read_text() for path in sorted((root / "tests/monkey").glob("*.c")))
    missing = []
    for name in HEADERS:
        text = re.sub(r"/\*.*?\*/", "", (root / "include/kith" / name).read_text(), flags=re.S)
        for m in re.finditer(r"^KITH_EXPORT\b[^;(]*?\b(kith_\w+)\(", text, re.M):
            function = m.group(1)
            called = re.sub(r"_sized$", "", function)
            if function not in NOT_HERE and "callbacks_" not in function and not re.search(rf"\b{called}\(", monkey):
                missing.append(f"include/kith/{name}: the monkey never calls {function}")
    return missing


if __name__ == "__main__":
    problems = main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
    print("\n".join(problems) or "the monkey calls all there is")
    sys.exit(bool(problems))
