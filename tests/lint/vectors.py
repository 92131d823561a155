#!/usr/bin/env python3
"""Every kind of the wire has a test vector, in the files tests/vectors/*.json.

  kinds     each packet type (enum kith_packet_type), frame (KITH_FRAME_MAP), request and its answer (KITH_REQUEST_MAP) and signed
            or saved object (enum kith_object_type, enum kith_record_object) is covered by a vector, and what a vector says it
            covers is one of these
  bytes     what is said to be of a kind has its number in the bytes: a packet and a frame begin with it, a request's frame has it
            behind the id, an object has it as its second byte (a key file behind its magic)
  sections  each vector names a section of PROTOCOL.md that is there

Usage: vectors.py [root] | vectors.py --self-test
"""
import json
import re
from pathlib import Path

from selftest import changed as changed_file, main, text_of, x_map

FOLDER = "tests/vectors"
KEY_FILE_MAGIC = b"KITHKEYS"


def members(root, header, name):
    """The members of an enum: name without its prefix, to number."""
    found = re.search(rf"enum {name} \{{(.*?)\}}", text_of(root / header), re.S)
    return {m.group(1): int(m.group(2), 0) for m in re.finditer(r"KITH_[A-Z]+_(\w+) = (\w+)", found.group(1) if found else "")}


def kinds(root):
    """What must be covered: (kind, name) to the number."""
    frames = {row[0]: int(row[1], 0) for row in x_map(text_of(root / "lib/wire/frame.h"), "KITH_FRAME_MAP")}
    requests = {row[0]: int(row[1], 0) for row in x_map(text_of(root / "lib/wire/body.h"), "KITH_REQUEST_MAP")}
    objects = {**members(root, "lib/identity/object.h", "kith_object_type"),
               **members(root, "lib/wire/record.h", "kith_record_object")}
    of = {"packet": members(root, "lib/wire/packet.h", "kith_packet_type"), "frame": frames, "request": requests,
          "answer": requests, "object": objects}
    return {(kind, name): value for kind, names in of.items() for name, value in names.items()}


def numbers(kind, frames, vector):
    """Where the number of a kind stands in a vector's output: all the numbers that are found. None: nowhere."""
    out = {key: bytes.fromhex(value) for key, value in vector.get("out", {}).items() if re.fullmatch("([0-9a-f]{2})+", str(value))}
    if kind == "packet":
        return out["packet"][0] if "packet" in out else None
    if kind == "frame":
        if "frame" in out:
            return out["frame"][0]
        return bytes.fromhex(vector["in"]["frames"])[0] if "frames" in vector.get("in", {}) else None
    if kind == "object":
        data = out.get("object", out.get("file", b""))
        data = data.removeprefix(KEY_FILE_MAGIC)
        return data[1] if len(data) > 1 else None
    frame = out.get("frame", b"")
    if kind == "request" and len(frame) > 5 and frame[0] == frames.get("REQUEST"):
        return frame[5]
    # An answer does not name its kind.
    return "answer" if kind == "answer" and frame[:1] == bytes([frames.get("ANSWER", 0)]) else None


def check_kinds(root, vectors):
    wanted = kinds(root)
    frames = {name: value for (kind, name), value in wanted.items() if kind == "frame"}
    seen = set()
    for path, vector in vectors:
        for text in vector.get("covers", []):
            kind, _, name = text.partition(" ")
            if (kind, name) not in wanted:
                yield path, f"{vector['name']}: covers '{text}', which the code does not have"
                continue
            found = numbers(kind, frames, vector)
            if kind == "answer" and found == "answer":
                seen.add((kind, name))
            elif found == wanted[kind, name]:
                seen.add((kind, name))
            elif found is not None:
                yield path, f"{vector['name']}: covers '{text}', but its bytes have the number {found}"
    for kind, name in sorted(set(wanted) - seen):
        yield FOLDER, f"no vector has the bytes of {kind} {name} (add one, tests/vectors/README.md says how)"


def check_sections(root, vectors):
    there = set(re.findall(r"^##+ ([\d.]*\d)\.? ", text_of(root / "PROTOCOL.md"), re.M))
    for path, vector in vectors:
        if vector["section"] not in there:
            yield path, f"{vector['name']}: PROTOCOL.md has no section {vector['section']}"


def check(root):
    root = Path(root)
    vectors = [(path.relative_to(root), vector) for path in sorted((root / FOLDER).glob("*.json"))
               for vector in json.loads(path.read_text())["vectors"]]
    return [f"{path}: {what}" for rule in (check_kinds, check_sections) for path, what in rule(root, vectors)]


# ---- self-test ----

def vector(name, covers, section="1", **parts):
    return {"name": name, "section": section, "covers": [covers], **parts}


VECTORS = [
    vector("hello", "packet HELLO", out={"packet": "e101"}),
    vector("padding", "frame PADDING", section="1.1", **{"in": {"frames": "00ff"}}),
    vector("request", "frame REQUEST", out={"frame": "1000"}),
    vector("answer", "frame ANSWER", out={"frame": "1100"}),
    vector("attach", "request ATTACH", out={"frame": "10000400050180"}),
    vector("attached", "answer ATTACH", out={"frame": "110005000500000180", "text": "no hex"}),
    vector("certificate", "object ISSUER", out={"object": "010100"}),
    vector("keys", "object KEYS", out={"file": KEY_FILE_MAGIC.hex() + "010b01"}),
    vector("record", "object RECORD", out={"object": "0110"}),
]
FILE = FOLDER + "/all.json"


def written(vectors):
    return json.dumps({"topic": "all", "vectors": vectors})


GOOD = {
    "lib/wire/packet.h": "enum kith_packet_type {\n\tKITH_PKT_HELLO = 0xE1, /* first */\n};\n",
    "lib/wire/frame.h": "#define KITH_FRAME_MAP(X) \\\n\tX(PADDING, 0x00, 'B') \\\n\tX(REQUEST, 0x10, 'B') /* id 2 */ \\\n"
                        "\tX(ANSWER, 0x11, 'B')\n\n",
    "lib/wire/body.h": "#define KITH_REQUEST_MAP(X) \\\n\tX(ATTACH, 1, \"C\") /* be */\n\n",
    "lib/identity/object.h": "enum kith_object_type {\n\tKITH_OBJECT_ISSUER = 1,\n\tKITH_OBJECT_KEYS = 11\n};\n",
    "lib/wire/record.h": "enum kith_record_object { KITH_OBJECT_RECORD = 16 };\n",
    "PROTOCOL.md": "# P\n\n## 1. One\n\n### 1.1 Part\n",
    FILE: written(VECTORS),
}


def without(name):
    return {FILE: written([v for v in VECTORS if v["name"] != name])}


def with_one(**change):
    return {FILE: written([*VECTORS, vector("more", **change)])}


BAD = {
    **{f"no vector of {v['covers'][0]}": without(v["name"]) for v in VECTORS},
    "a new frame": changed_file(GOOD, "lib/wire/frame.h", "X(ANSWER, 0x11, 'B')", "X(ANSWER, 0x11, 'B') \\\n\tX(NEW, 0x20, 'D')"),
    "a new request": changed_file(GOOD, "lib/wire/body.h", "/* be */", "\\\n\tX(NEW, 9, \"S\")"),
    "a new packet": changed_file(GOOD, "lib/wire/packet.h", "0xE1,", "0xE1,\n\tKITH_PKT_NEW = 0xE7,"),
    "a new object": changed_file(GOOD, "lib/wire/record.h", "16", "16, KITH_OBJECT_NEW = 17"),
    "a kind that is gone": with_one(covers="request DETACH", out={"frame": "10000400050280"}),
    "a kind of kinds": with_one(covers="letter HELLO", out={"packet": "e1"}),
    "another packet": with_one(covers="packet HELLO", out={"packet": "e2"}),
    "another frame": with_one(covers="frame REQUEST", out={"frame": "11"}),
    "another request": with_one(covers="request ATTACH", out={"frame": "10000400050380"}),
    "another object": with_one(covers="object ISSUER", out={"object": "0102"}),
    "no such section": with_one(covers="packet HELLO", section="1.2", out={"packet": "e1"}),
}

main(check, GOOD, BAD, "every kind has a vector")
