#!/usr/bin/env python3
"""A second reader of PROTOCOL.md: computes every vector from its inputs, and compares with what is written.

It shares no code with the library, and needs nothing but Python's standard library. Each vector must be understood: one that no
rule below takes is a failure, and so is a name in "mid" or "out" that a rule does not compute, but for those of NOT_COMPUTED.

Usage: check_vectors.py [DIR] | check_vectors.py --self-test
  --self-test  changes one thing in each value of "mid" and "out", and each reason, and expects that it is noticed
"""
import base64
import json
import re
import struct
import sys
from pathlib import Path

import handshakes
import objects
from objects import address, counted, number
from primitives import (Refused, argon2id, blake2b, ed25519_public, ed25519_sign, key_of_text, key_text, siphash, x25519_public, xopen,
                        xseal)

# Strings are hex but for these.
TEXT = {"name", "label", "constraint", "context", "text", "address", "from", "observed", "service", "passphrase",
        "label_of_signature", "fingerprint", "type"}
# Follows from choices that are local (which children are visited first, what fits): read, and not written.
NOT_COMPUTED = {"gossip": {"body", "own_request"}}


def decoded(value, key=""):
    if isinstance(value, dict):
        return {k: decoded(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [decoded(v, key) for v in value]
    if isinstance(value, str) and key not in TEXT:
        return bytes.fromhex(value)
    return value


RULES = {}


def rule(topic, pattern):
    """Takes the vectors of a topic whose names match: f(inputs) gives a dict of what was computed, or raises Refused."""
    def add(function):
        RULES.setdefault(topic, []).append((re.compile(pattern), function))
        return function
    return add


# ---- keys ----

@rule("keys", "root|issuer|identity")
def signer(f):
    key = ed25519_public(f["seed"])
    return {"public": key, "text": key_text(key), "network_id": blake2b(key), "issuer_id": blake2b(key)[:8],
            "fingerprint": key_text(blake2b(key))[:32]}


@rule("keys", "device")
def device(f):
    secret = blake2b(b"kith device x25519 v1", key=f["seed"])
    seed = blake2b(b"kith device ed25519 v1", key=f["seed"])
    return {"x25519_secret": secret, "x25519_public": x25519_public(secret), "ed25519_seed": seed,
            "ed25519_public": ed25519_public(seed)}


@rule("keys", "directory key")
def directory_key(f):
    return {"directory_key": blake2b(f["network_id"], f["name"].encode())}


@rule("keys", "supernode id")
def supernode_id(f):
    if "placement" in f:
        return {"supernode_id": objects.supernode_id(f["network_id"], f["placement"])}
    where = address(f["address"])
    prefix = where[3:6] if where[0] == 4 else where[3:9]
    return {"supernode_id": blake2b(f["network_id"], f["identity"], where[:1], prefix)}


@rule("keys", "open network")
def open_network(f):
    return {"network_id": blake2b(b"open\0", f["label"].encode())}


@rule("keys", "key text")
def key_texts(f):
    return {"key": key_of_text(f["text"])}


@rule("keys", "no name")
def no_name(f):
    objects.refuse("KITH_ENAME", "name", not objects.valid_name(f["name"].encode()))
    return {}


# ---- signed objects ----

def signed(f, body):
    return {"object": objects.sign(f["signer_seed"], body), "signed": body, "signer_public": ed25519_public(f["signer_seed"])}


def verifier(f):
    v = objects.Verifier(f["root"], f["now_ms"] if "now_ms" in f else f["now_s"] * 1000)
    if "held_issuer_certificate" in f:
        v.hold_issuer(f["held_issuer_certificate"])
        v.hold_revocations(f["held_revocation_list"])
    return v


WRITERS = {("certificates", "issuer certificate"): objects.issuer_certificate,
           ("certificates", "name certificate"): objects.name_certificate,
           ("certificates", "device certificate"): objects.device_certificate,
           ("certificates", "revocation list"): objects.revocation_list,
           ("directory", "record(, offline|, guarded|, of one device of two)?$"): objects.record,
           ("directory", "vanish report$"): objects.vanish,
           ("proofs", "enrolment request$"): objects.enrolment}
for (of_topic, of_name), writer in WRITERS.items():
    rule(of_topic, of_name)(lambda f, w=writer: signed(f, w(f)))


@rule("certificates", "device list")
def device_list(f):
    return signed(f, objects.device_list(f)) | {"tags": objects.device_tags(f)}


@rule("certificates", "network parameters")
def network_parameters(f):
    return signed(f, bytes((1, 14)) + f["network"] + f["number"].to_bytes(8, "big") + f["issued_s"].to_bytes(5, "big") + bytes(
        (f["eligible"], 0)))


@rule("certificates", "log fork")
def log_fork(f):
    parts = (f["older"], f["newer"])
    size, root, time = slice(10, 18), slice(18, 50), slice(50, 58)
    assert parts[0][time] < parts[1][time] and parts[0][size] == parts[1][size] and parts[0][root] != parts[1][root]
    return {"object": bytes((1, 13)) + b"".join(len(part).to_bytes(2, "big") + part for part in parts)}


@rule("certificates", "log head")
def log_head(f):
    leaves = [objects.log_leaf(c) for c in f["certificates"]]
    root = objects.log_root(leaves)
    return signed(f, objects.log_head(f, root)) | {"leaves": leaves, "root": root, "second_is_in": objects.log_path(1, leaves),
                                                   "grew_from_two": objects.log_growth(2, leaves)}


@rule("certificates", "chain, (full|by id|open)$")
def chain(f):
    parts = {1: ("issuer_certificate", "name_certificate", "device_certificate"), 2: ("name_certificate", "device_certificate"),
             3: ("device_certificate",)}[f["kind"]]
    body = b"\1\4" + number(f["kind"], 1) + f["network_id"][:4] + f.get("identity", b"")
    return {"object": body + b"".join(counted(f[p], 2) for p in parts)}


@rule("certificates", "chain")
def chain_verified(f):
    v = verifier(f)
    if "held_device_list" in f:
        v.hold_devices(objects.read_chain(f["chain"])["name"]["identity"], f["held_device_list"])
    person = v.chain(f["chain"])
    return person | {"remembered_under": blake2b(f["chain"], person["issuer"])}


@rule("directory", "host entry$")
def host(f):
    return {"host": objects.host(f["x25519"], f["endpoints"])}


@rule("directory", "host entry, a kind of a later version")
def later_host(f):
    reader = objects.Reader(f["host"])
    key, kept = objects.read_host(reader)
    reader.end()
    text = [f"[{ip}]:{port}" if ip.version == 6 else f"{ip}:{port}" for _, (ip, port) in kept]
    return {"x25519": key, "endpoints": [{"transport": k[0], "address": t} for k, t in zip(kept, text)]}


@rule("directory", "host entry,")
def read_host(f):
    reader = objects.Reader(f["host"])
    objects.read_host(reader)
    reader.end()
    return {}


@rule("directory", "home tag")
def home_tag(f):
    return {"tag": objects.home_tag(f["ed25519"])}


@rule("directory", "follow token")
def follow_token(f):
    token = blake2b(b"kith follow v1\0", f["number"], size=16, key=f["secret"])
    return {"token": token, "guard": blake2b(b"kith guard v1\0", token, size=16)}


@rule("directory", "record,")
def read_record(f):
    verifier(f).record(f["object"])
    return {}


@rule("directory", "vanish report,")
def read_vanish(f):
    objects.check_vanish(f["object"], f["record"])
    return {}


@rule("directory", "member entry(, left)?$")
def member(f):
    placement = objects.read_chain(f["chain"])["name"]["placement"]
    return signed(f, objects.member(f)) | {"supernode_id": objects.supernode_id(f["network_id"], placement)}


@rule("directory", "attestation(, IPv6)?$")
def attest(f):
    return signed(f, objects.attest(f))


@rule("directory", "member entry")
def read_member(f):
    verifier(f).member(f["object"])
    return {}


@rule("directory", "busy")
def busy(f):
    made = signed(f, objects.busy(f))
    return made | {"packet": b"\xe7\0\0\0" + number(f["receiver_index"], 4) + made["object"]}


@rule("directory", "help token")
def help_token(f):
    return signed(f, objects.help_token(f))


# ---- proofs ----

@rule("proofs", "challenge$")
def challenge(f):
    return {"object": objects.challenge(f)}


@rule("proofs", "answer to a challenge")
def answer(f):
    return {"object": objects.answer(f)}


@rule("proofs", "answer, ")
def read_answer(f):
    objects.check_answer(verifier(f), f["challenge"], f["object"])
    return {}


@rule("proofs", "challenge for")
def read_challenge(f):
    objects.check_challenge(f, f["object"])
    return {}


@rule("proofs", "enrolment request,")
def read_enrolment(f):
    objects.check_enrolment(f, f["object"])
    return {}


@rule("proofs", "invitation$")
def invitation(f):
    lines = ["KITH INVITATION 1", f"name: {f['name']}", f"network: {key_text(f['root'])}", f"issuer: {key_text(f['issuer'])}",
             f"nonce: {key_text(f['nonce'])}", f"flags: {f['flags']}"]
    return {"text": "\n".join(lines) + "\n"}


@rule("proofs", "invitation,")
def read_invitation(f):
    objects.refuse("KITH_EPROTO", "title", not f["text"].startswith("KITH INVITATION 1\n"))
    return {}


def armour(label, data):
    text = base64.b64encode(data).decode()
    lines = [text[i:i + 64] for i in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN KITH {label}-----", *lines, f"-----END KITH {label}-----"]) + "\n"


@rule("proofs", "grant")
def grant(f):
    request = f["request"]
    terms = {"issuer_id": request[34:42], "identity": request[74:106], "name": request[107:107 + request[106]].decode(),
             "flags": request[107 + request[106]]}
    made = objects.sign(f["signer_seed"], objects.name_certificate(f | terms))
    return {"name_certificate": made, "text": armour("NAME CERTIFICATE", made) +
            armour("ISSUER CERTIFICATE", f["issuer_certificate"])}


# ---- packets and handshakes ----

@rule("packets", "tunnel$")
def tunnel(f):
    return {"packet": b"\xe9\0\0\0" + f["tunnel"] + f["inner"]}


@rule("packets", "gone$")
def gone(f):
    return {"packet": b"\xe6\0\0\0" + f["session_name"]}


@rule("packets", "knock$")
def knock(f):
    return {"packet": b"\xeb\0\0\0" + f["session_name"] + f["number"]}


@rule("packets", "echo, (question|answer)$")
def echo(f):
    """Where an answer goes, under the number as a mask."""
    at = bytes(18)
    if "ip" in f:
        plain = number(f["port"], 2) + bytes(10) + b"\xff\xff" + f["ip"]
        mask = f["number"][:2] + f["number"] * 2
        at = bytes(a ^ b for a, b in zip(plain, mask))
    paid = bytes(28) if f["what"] >= 0xf0 else b""
    return {"packet": b"\xee" + number(f["what"], 1) + at[:2] + f["number"] + at[2:] + paid}


def nearby_body(f, label, of):
    """What is sealed in WHERE and HERE, signed over what the question is known by."""
    made = number(f["made_ms"], 8)
    digest = blake2b(label, b"\0", f["network"], f["asker"], f["sought"], of, made, size=64)
    body = made + ed25519_sign(f["device_seed"], digest) + number(len(f["chain"]), 2) + f["chain"]
    return body + bytes(8 + 64 + 2 + 640 - len(body))


def nearby_key(f):
    return blake2b(b"kith where key v1\0", f["network"], f["sought"])


@rule("packets", "where$")
def where(f):
    key, head = nearby_key(f), bytes([0xec, 1]) + number(f["port"], 2) + number(f["index"], 4) + f["number"]
    sealing = blake2b(b"where", head, key=key)
    packet = head + blake2b(b"tag", head, size=16, key=key) + xseal(sealing, f["number"], head,
                                                                     nearby_body(f, b"kith where v1", head))
    return {"key": key, "packet": packet}


@rule("packets", "here$")
def here(f):
    head = bytes([0xed, 1, 0, 0]) + number(f["index"], 4) + f["number"]
    sealing = blake2b(b"here", f["asked"], key=nearby_key(f))
    return {"packet": head + xseal(sealing, f["number"], head, nearby_body(f, b"kith here v1", f["asked"]))}


@rule("packets", "version")
def version(f):
    return {"packet": bytes([0xe5, f["lowest"], f["highest"], 0]) + number(f["receiver_index"], 4)
            + bytes([f["why"], 0, 0, 0])}


@rule("packets", "")
def read_packet(f):
    handshakes.outer(f["packet"])
    return {}


def computed(packet, mid):
    return mid | {"packet": packet}


@rule("handshake", "(call )?hello( made anew| with cancel)?$")
def hello(f):
    return computed(*handshakes.hello(f))


@rule("handshake", "hello with mac2")
def hello_mac2(f):
    packet = f["hello"][:-16]
    return {"packet": packet + blake2b(packet, size=16, key=f["cookie"])}


@rule("handshake", "cookie")
def cookie(f):
    return computed(*handshakes.cookie(f))


@rule("handshake", "(call )?reply$")
def reply(f):
    return computed(*handshakes.reply(f))


@rule("handshake", "who$")
def who(f):
    return computed(*handshakes.who(f))


@rule("handshake", "iam$")
def iam(f):
    return handshakes.iam(f)


@rule("handshake", "keys")
def keys(f):
    return handshakes.keys(f)


@rule("handshake", ".* data of the")
def data(f):
    return computed(*handshakes.data(f))


@rule("handshake", "hello,")
def read_hello(f):
    handshakes.take_hello(f, f["packet"])
    return {}


@rule("handshake", "reply damaged")
def read_reply(f):
    handshakes.take_reply(f, f["packet"])
    return {}


@rule("handshake", "who, ")
def read_who(f):
    handshakes.take_who(f, f["packet"])
    return {}


@rule("handshake", "iam, ")
def read_iam(f):
    handshakes.outer(f["packet"])
    return {}


@rule("handshake", "data,")
def read_data(f):
    handshakes.take_data(f, f["packet"])
    return {}


# ---- rekey ----

def packed(value):
    """msgpack in its shortest form, which is how version 1 writes it."""
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        if value < 128:
            return bytes([value])
        size = next(s for s in (1, 2, 4, 8) if value < 256**s)
        return bytes([0xcc + size.bit_length() - 1]) + number(value, size)
    if isinstance(value, bytes):
        size = 1 if len(value) < 256 else 2
        return bytes([0xc4 if size == 1 else 0xc5]) + counted(value, size)
    if isinstance(value, list):
        head = bytes([0x90 | len(value)]) if len(value) < 16 else b"\xdc" + number(len(value), 2)
        return head + b"".join(packed(v) for v in value)
    return bytes([0x80 | len(value)]) + b"".join(packed(k) + packed(v) for k, v in sorted(value.items()))


@rule("rekey", ".* asks$")
def rekey(f):
    key = x25519_public(f["ephemeral_secret"])
    body = packed({0: f["epoch"] + 1, 1: key})
    frame = handshakes.frame(0x10, number(f["request_id"], 2) + b"\x20" + body)
    return computed(*handshakes.data(f | {"frames": frame})) | {"ephemeral_public": key, "frame": frame}


@rule("rekey", ".* new keys")
def rekey_keys(f):
    mid, out = handshakes.rekeyed(f)
    return mid | out


@rule("rekey", ".* the answer")
def rekey_answer(f):
    frame = handshakes.frame(0x11, number(f["request_id"], 2) + b"\0\0\1" + packed({1: f["ephemeral_public"]}))
    return computed(*handshakes.data(f | {"frames": frame})) | {"frame": frame}


@rule("rekey", ".* first packet")
def rekey_data(f):
    return computed(*handshakes.data(f))


# ---- frames ----

def nat_class(fields):
    """What is unknown at the end is left out."""
    known = bytes(x["field"] for x in fields).rstrip(b"\0")
    return bytes([len(known)]) + known


FRAMES = {
    "probe": (0x01, lambda f: (f["nonce"] + bytes([f["path"], f["flags"]])).ljust(f["body_length"], b"\0")),
    "probe ack": (0x02, lambda f: f["nonce"] + bytes([f["path"]]) + (address(f["observed"]) if "observed" in f else b"")),
    "path ack": (0x03, lambda f: bytes([f["path"]]) + f["largest"] + number(f["count"], 4) + number(f["delay_us"], 4) +
                 bytes([f["flags"]])),
    "idle": (0x04, lambda f: bytes([f["path"]])),
    "candidates": (0x05, lambda f: bytes([f["generation"]]) + nat_class(f["nat"]) + bytes([len(f["candidates"])]) +
                   b"".join(bytes([c["kind"]]) + objects.endpoint(c) for c in f["candidates"])),
    "punch": (0x06, lambda f: bytes([f["round"], f["generation"]])),
    "punch with a spread": (0x06, lambda f: bytes([f["round"], f["generation"]]) + number(f["sockets"], 2)),
    "keepalive": (0x07, lambda f: bytes([f["sequence"]]) + f["zeros"]),
    "path close": (0x08, lambda f: bytes([f["path"]])),
    "leg asked": (0x0C, lambda f: f["tunnel"]),
    "leg told": (0x0C, lambda f: f["tunnel"] + f["proven"]),
    "relay limited": (0x09, lambda f: f["tunnel"] + bytes([f["limit"]])),
    "rename": (0x0a, lambda f: f["session_name"]),
    "spare": (0x0b, lambda f: f["spare_name"]),
    "close": (0x0f, lambda f: number(f["reason"], 2) + f["text"].encode()),
    "request": (0x10, lambda f: number(f["id"], 2) + bytes([f["kind"]]) + f["body"]),
    "answer": (0x11, lambda f: number(f["id"], 2) + bytes([f["status"], f["index"], f["count"]]) + f["bytes"]),
    "answer more": (0x12, lambda f: number(f["id"], 2) + number(f["bitmap"], 2)),
    "datagram": (0x18, lambda f: number(f["channel"], 2) + f["bytes"]),
    "burst": (0x1a, lambda f: (bytes([f["round"]]) + number(f["packet"], 2) + f["nonce"]).ljust(1065, b"\0")),
    "hello": (0x40, lambda f: handshakes.hello_frame(f)[3:]),
    "chain": (0x41, lambda f: f["chain"]),
    "service": (0x42, lambda f: f["service"].encode()),
    "verdict": (0x43, lambda f: number(f["reason"], 2) + f["text"].encode()),
    "fresh": (0x44, lambda f: f["epoch"]),
    "cancel": (0x45, lambda f: b""),
    "crossed": (0x46, lambda f: number(f["timestamp_ms"], 8) + f["call_id"]),
    "early": (0x47, lambda f: f["bytes"]),
}
for frame_name, (frame_type, frame_body) in FRAMES.items():
    rule("frames", frame_name + "(, (padded|relay|keepalive|none))?$")(
        lambda f, t=frame_type, b=frame_body: {"frame": handshakes.frame(t, b(f))})


@rule("frames", "candidates, ")
def read_candidates(f):
    reader = objects.Reader(f["body"])
    reader.bytes(1)
    reader.counted(1)
    for _ in range(reader.number(1)):
        reader.bytes(1)
        objects.read_endpoint(reader, checked=False)
    reader.end()
    return {}


@rule("frames", "padding|unknown frame|frame beyond")
def read_frames(f):
    data, taken = f["frames"], []
    while data and data[0] != 0:
        size = int.from_bytes(data[1:3], "big")
        if len(data) < 3 + size:
            raise Refused(None, "beyond the end", {"taken": taken})
        taken.append({"type": data[0], "body": data[3:3 + size]})
        data = data[3 + size:]
    return {"taken": taken, "well_formed": True}


# ---- requests ----

def fields(f):
    if "object" in f:
        return f["object"]
    if "fields" not in f:
        return b""
    numbers = {"uint": lambda v: int.from_bytes(v, "big")}
    return packed({x["key"]: numbers.get(x["type"], lambda v: v)(x["value"]) for x in f["fields"]})


@rule("requests", "body,")
def read_find(f):
    key = body_of(f["body_of_find"]).get(0)
    objects.refuse("KITH_EPROTO", "the key is missing", not isinstance(key, bytes) or len(key) != 32)
    return {"key": key}


@rule("requests", "")
def request(f):
    body, who = fields(f), number(f["request_id"], 2)
    if "kind" in f:
        return {"body": body, "frame": handshakes.frame(0x10, who + bytes([f["kind"]]) + body)}
    pieces = [body[i:i + 1024] for i in range(0, max(len(body), 1), 1024)]
    frames = [handshakes.frame(0x11, who + bytes([f["status"], i, len(pieces)]) + piece) for i, piece in enumerate(pieces)]
    return {"body": body, "frame": frames[0], "more_frames": frames[1:]}


# ---- replicas ----

def ring_prefix(text):
    packed_address = address(text)
    return packed_address[:1] + packed_address[3:5 if packed_address[0] == 4 else 7]


@rule("replicas", "")
def replicas(f):
    key = int.from_bytes(f["key"], "big")

    def place(m):
        clockwise = (int.from_bytes(m["id"], "big") - key) % 2**256
        return min(clockwise, 2**256 - clockwise), clockwise > 2**255

    walk = sorted((m for m in f["members"] if not m["left"]), key=place)
    near, groups = walk[:64], []
    for _ in range(2):
        taken = []
        for m in near:
            if len(taken) < 6 and ring_prefix(m["address"]) not in [ring_prefix(t["address"]) for t in taken]:
                taken.append(m)
        taken += [m for m in near if m not in taken][:6 - len(taken)]
        near = [m for m in near if m not in taken]
        groups.append([m["id"] for m in taken])
    return {"walk": [m["id"] for m in walk], "replicas": groups[0], "next": groups[1]}


# ---- gossip ----

class Body(objects.Reader):
    """msgpack, as far as bodies may use it. A str is read as a Python str, a bin as bytes."""

    def __init__(self, data):
        super().__init__(data)
        self.items = 0

    def value(self, depth=1):
        self.items += 1
        head = self.number(1)
        nested = 0x80 <= head < 0xa0 or 0xdc <= head <= 0xdf
        objects.refuse("KITH_EPROTO", "too deep, or too many items", (nested and depth > 8) or self.items > 256)
        if head < 0x80 or 0xcc <= head <= 0xcf:
            return head if head < 0x80 else self.number(1 << head - 0xcc)
        if head in (0xc0, 0xc2, 0xc3):
            return {0xc0: None, 0xc2: False, 0xc3: True}[head]
        if 0xc4 <= head <= 0xc6:
            return self.counted(1 << head - 0xc4, 16384)
        if head & 0xe0 == 0xa0 or 0xd9 <= head <= 0xdb:
            return (self.bytes(head & 31) if head < 0xc0 else self.counted(1 << head - 0xd9, 16384)).decode(errors="replace")
        if head & 0xf0 == 0x80 or head in (0xde, 0xdf):
            return self.map(head & 15 if head < 0x90 else self.number(2 << head - 0xde), depth)
        if head & 0xf0 == 0x90 or head in (0xdc, 0xdd):
            n = head & 15 if head < 0xa0 else self.number(2 << head - 0xdc)
            objects.refuse("KITH_EPROTO", "too many items", n > 256)
            return [self.value(depth + 1) for _ in range(n)]
        raise Refused("KITH_EPROTO", f"type {head:#x}: a negative number, a float or an extension")

    def map(self, n, depth):
        objects.refuse("KITH_EPROTO", "too many items", n > 128)
        last, value = -1, {}
        for _ in range(n):
            key = self.value(depth + 1)
            right = isinstance(key, int) and not isinstance(key, bool) and last < key < 2**32
            objects.refuse("KITH_EPROTO", "keys are numbers and ascend", not right)
            last, value[key] = key, self.value(depth + 1)
        return value


def body_of(data):
    body = Body(data)
    value = body.value()
    objects.refuse("KITH_EPROTO", "a body is a map", not isinstance(value, dict))
    body.end()
    return value


def offer(member):
    return member["id"][:16] + member["seq"]


def inside(member, depth, path):
    return int.from_bytes(member["id"][:4], "big") >> (32 - 4 * depth) == path if depth else path == 0


def digest(table, salt, depth, path):
    out = b""
    for child in range(16):
        value = 0
        for m in table:
            if inside(m, depth + 1, path << 4 | child):
                value ^= siphash(salt, 0x6b697468, offer(m))
        out += number(value, 8)
    return number(depth, 1) + number(path, 4) + out


class Exchange:
    """Both tables of the vectors "exchange, ..."; each step is held against them."""

    def __init__(self):
        self.tables, self.salt = {}, None

    def digests(self, who, data):
        for i in range(0, len(data), 133):
            reader = objects.Reader(data[i:i + 133])
            depth, path = reader.number(1), reader.number(4)
            assert data[i:i + 133] == digest(self.tables[who], self.salt, depth, path), f"digest of {depth}, {path}"

    def offers(self, who, data):
        held = [offer(m) for m in self.tables[who]]
        assert all(data[i:i + 24] in held for i in range(0, len(data), 24)), "an offer of what is not held"

    def request(self, f, body):
        if "asker" in f:
            self.tables = {"asker": f["asker"], "answerer": f["answerer"]}
            self.salt = body[0]
        assert body[0] == self.salt
        self.digests("asker", body.get(1, b""))
        self.offers("asker", body.get(2, b""))
        self.wants("asker", "answerer", body.get(3, b""))
        self.heard = body.get(2, b"")

    def wants(self, who, other, data):
        """What is newer there, or not here at all."""
        here = {m["id"][:16]: m["seq"] for m in self.tables[who]}
        there = {m["id"][:16]: m["seq"] for m in self.tables[other]}
        for i in range(0, len(data), 16):
            assert there[data[i:i + 16]] > here.get(data[i:i + 16], b""), "nothing newer there"

    def own_request(self, data):
        """What the answerer asks for itself: of the offers that it heard, those that are newer than what it holds."""
        here = {m["id"][:16]: m["seq"] for m in self.tables["answerer"]}
        offered = [self.heard[i:i + 24] for i in range(0, len(self.heard), 24)]
        wanted = b"".join(o[:16] for o in offered if o[16:] > here.get(o[:16], b""))
        assert data == packed({0: self.salt, 3: wanted}), "the answerer's own request"

    def answer(self, body):
        assert body[0] == self.salt and body[5] == len(self.tables["answerer"])
        self.digests("answerer", body.get(1, b""))
        lists = objects.Reader(body.get(2, b""))
        while lists.at < len(lists.data):
            depth, path, n = lists.number(1), lists.number(4), lists.number(1)
            wanted = b"".join(offer(m) for m in self.tables["answerer"] if inside(m, depth, path))
            assert lists.bytes(24 * n) == wanted, f"list of {depth}, {path}"
        self.offers("answerer", body.get(6, b""))
        for entry in body.get(3, []):
            m, person = self.verifier.member(entry)
            held = {t["id"]: t["seq"] for t in self.tables["answerer"]}
            member_id = objects.supernode_id(self.verifier.network, person["placement"])
            assert held[member_id] == number(m["seq"], 8), "an entry that is not held"


EXCHANGE = Exchange()


@rule("gossip", "exchange, request")
def gossip_request(f, out):
    if "root" in f:
        EXCHANGE.verifier = verifier(f)
    EXCHANGE.request(f, body_of(out["body"]))
    return {}


@rule("gossip", "exchange, answer")
def gossip_answer(f, out):
    EXCHANGE.answer(body_of(out["body"]))
    if "own_request" in out:
        EXCHANGE.own_request(out["own_request"])
    return {}


@rule("gossip", "news")
def gossip_news(f):
    return {"body": packed({0: int.from_bytes(f["salt"], "big"), 2: offer(f["asker"][0])})}


@rule("gossip", "editions")
def gossip_editions(f):
    told = [b"\x01" + e["signer"] + e["number"] for e in f["held"]]
    told.append(b"\x82" + f["held"][1]["signer"] + f["time"] + f["digest"])
    key = total = int.from_bytes(b"editions", "big")
    for edition in told:
        total ^= siphash(key, key, edition)
    return {"sum": total.to_bytes(8, "big"),
            "body": packed({0: int.from_bytes(f["salt"], "big"), 6: b"".join(told), 7: total})}


@rule("gossip", "")
def gossip_refused(f):
    body = body_of(f["body"])
    for key, size in ((1, 133), (2, 24), (3, 16), (4, 16)):
        objects.refuse("KITH_EPROTO", "length", len(body.get(key, b"")) % size)
    run = body.get(6, b"")
    while run:
        size = 33 if run[0] & 0x80 else 17
        objects.refuse("KITH_EPROTO", "length", len(run) < size)
        run = run[size:]
    return {}


# ---- streams ----

def varint(data):
    size = 1 << (data[0] >> 6)
    return int.from_bytes(data[:size], "big") & 4**(4 * size - 1) - 1, data[size:]


@rule("streams", "first packet")
def first_packet(f, out):
    """Reads the body as section 7 has it; the one STREAM frame must be what the inputs say."""
    body = out["body"]
    full = out["packet_number"]
    kind_and_mark, generation, first = body[0], body[1], body[2]
    assert (kind_and_mark, generation) == (f["mark"], f["generation"]) and first & 0xc0 == 0x40
    size = (first & 3) + 1
    assert body[3:5] == b"\0\0", "connection id 0"
    assert body[5:5 + size] == full[-size:]
    rest = body[5 + size:-2]
    if rest[0] == 0x02:  # ACK: largest, delay, no further range, length of the first
        largest, rest = varint(rest[1:])
        assert largest == 2
        for _ in range(3):
            _, rest = varint(rest)
    assert rest[0] == 0x0a | f["fin"], "STREAM with a length, from offset 0"
    stream, rest = varint(rest[1:])
    length, rest = varint(rest)
    channel = number(f["channel"], 2) if "channel" in f else b""
    assert stream == f["stream"] and rest == channel + f["bytes"] and length == len(rest)
    return {"body": body, "frame": handshakes.frame(0x19, body), "packet_number": number(2, 8), "connection_id": body[3:5],
            "quic_header": body[2:5 + size], "quic_frames": body[5 + size:-2], "tag_sent": bytes([full[6], full[5]])}


@rule("streams", "gone|wish")
def stream_hint(f):
    body = bytes([1 << 6 | f["mark"] if "mark" in f else 2 << 6, f["generation"]])
    return {"body": body, "frame": handshakes.frame(0x19, body)}


@rule("streams", "")
def stream_dropped(f):
    handshakes.drop("kind", f["body"][0] >> 6 == 3)
    handshakes.drop("older", 0 < (f["last_generation"] - f["body"][1]) % 256 < 128)
    return {}


# ---- files ----

def secrets(f):
    return number(len(f["secrets"]), 1) + b"".join(number(s["kind"], 1) + counted(s["secret"]) for s in f["secrets"])


@rule("files", "key file, sealed")
def key_file(f):
    contents = secrets(f)
    head = b"KITHKEYS\1\x0b\2" + number(f["passes"], 4) + number(f["memory_kib"], 4) + f["salt"] + f["nonce"]
    head += number(len(contents) + 16, 2)
    key = argon2id(f["passphrase"].encode(), f["salt"], f["passes"], f["memory_kib"])
    return {"key": key, "contents": contents, "header": head, "file": head + xseal(key, f["nonce"], head, contents)}


@rule("files", "key file, plain")
def key_file_plain(f):
    contents = secrets(f)
    head = b"KITHKEYS\1\x0b\1" + bytes(48) + number(len(contents) + 32, 2)
    return {"file": head + contents + blake2b(head, contents)}


@rule("files", "key file, ")
def read_key_file(f):
    head, body = f["file"][:61], f["file"][61:]
    protection, passes, memory = head[10], int.from_bytes(head[11:15], "big"), int.from_bytes(head[15:19], "big")
    if protection == 1:
        objects.refuse("KITH_EPROTO", "checksum", blake2b(head, body[:-32]) != body[-32:])
        return {}
    objects.refuse("KITH_EPROTO", "bounds", not 1 <= passes <= 16 or not 8 <= memory <= 1 << 20)
    try:
        xopen(argon2id(f["passphrase"].encode(), head[19:35], passes, memory), head[35:59], head, body)
    except Refused as error:
        raise Refused("KITH_EPASSPHRASE", str(error)) from error
    return {}


@rule("files", "armour$")
def armoured(f):
    return {"text": armour("KEY FILE", f["bytes"])}


@rule("files", "armour,")
def read_armour(f):
    inside_it = "".join(f["text"].splitlines()[1:-1])
    objects.refuse("KITH_EPROTO", "not base64", not re.fullmatch(r"[A-Za-z0-9+/]*=*", inside_it))
    return {}


@rule("files", "contacts$")
def contacts(f):
    body = b"\1\x0a" + number(len(f["contacts"]), 2)
    for c in sorted(f["contacts"], key=lambda c: c["name"].encode()):
        body += counted(c["name"].encode()) + bytes([c["flags"]]) + c["identity"]
    return {"file": body + blake2b(body)}


@rule("files", "contacts,")
def read_contacts(f):
    objects.refuse("KITH_EPROTO", "checksum", blake2b(f["file"][:-32]) != f["file"][-32:])
    return {}


@rule("files", "siphash")
def siphashed(f):
    k0, k1 = (int.from_bytes(f[k], "big") for k in ("k0", "k1"))
    return {"hash": number(siphash(k0, k1, f["message"]), 8)}


def host_cache_sum(body):
    return number(siphash(0x6b69746820686f73, 0x7420636163686500, body), 8)


@rule("files", "host cache$")
def host_cache(f):
    body = b"KHOS\3\0" + number(len(f["hosts"]), 2)
    for h in f["hosts"]:
        body += bytes([h["flags"], h["failures"]]) + number(h["success_ms"], 8) + number(h["source"], 4)
        body += objects.host(h["x25519"], [{"transport": 1, "address": h["address"]}])
        body += number(h["seq"], 8) + h["author"]
    return {"checked": body, "checksum": host_cache_sum(body), "file": body + host_cache_sum(body)}


@rule("files", "host cache,")
def read_host_cache(f):
    objects.refuse("KITH_EPROTO", "checksum", host_cache_sum(f["file"][:-8]) != f["file"][-8:])
    return {}


# ---- the run ----

def apply(function, vector, wanted):
    """What was computed, and the Refused if the input is not taken."""
    given = decoded(vector.get("in", {}))
    try:
        # It reads the output, or makes it.
        got = function(given, wanted) if "out" in function.__code__.co_varnames[:2] else function(given)
    except Refused as error:
        return error.computed, error
    return got, None


def check(topic, vector):
    """What is wrong with a vector, or None."""
    function = next((f for pattern, f in RULES.get(topic, []) if pattern.match(vector["name"])), None)
    if function is None:
        return "no rule takes it"
    refused, wanted = vector.get("refused"), decoded(vector.get("mid", {})) | decoded(vector.get("out", {}))
    try:
        got, error = apply(function, vector, wanted)
    except (AssertionError, IndexError, KeyError, ValueError, struct.error) as problem:
        return f"{type(problem).__name__}: {problem}"
    if error is not None and (refused is None or error.error != refused.get("error")):
        return f"refused with {error}, not with {refused}"
    if error is None and refused is not None:
        return f"was taken; should be refused: {refused}"
    for key, value in wanted.items():
        if key not in got and key not in NOT_COMPUTED.get(topic, ()):
            return f"{key} is not computed"
        if key in got and got[key] != value:
            return f"{key} is {show(got[key])}, the file has {show(value)}"
    return None


def show(value):
    return value.hex() if isinstance(value, bytes) else repr(value)


def vectors(folder):
    """All of them: (file, topic, vector)."""
    for path in sorted(folder.glob("*.json")):
        topic = json.loads(path.read_text())
        for vector in topic["vectors"]:
            yield path.name, topic["topic"], vector


def altered(vector):
    """Copies of a vector that each tell one thing wrongly: (what, vector)."""
    for part in ("mid", "out", "refused"):
        for key, value in vector.get(part, {}).items():
            if key == "why" or not isinstance(value, (str, list)) or value == []:
                continue
            other = value[:-1]
            if isinstance(value, str):
                middle = len(value) // 2
                other = value[:middle] + ("0" if value[middle:middle + 1] != "0" else "1") + value[middle + 1:]
            yield f"{part} {key}", vector | {part: vector[part] | {key: other}}


def self_test(folder):
    changes, missed = 0, 0
    for name, topic, vector in vectors(folder):
        for what, other in altered(vector):
            changes += 1
            if check(topic, other) is None:
                missed += 1
                print(f"{name}: {vector['name']}: another {what} was not noticed")
        check(topic, vector)  # what it leaves behind must be right for the next one
    print(f"self-test: {changes} changes, {missed} not noticed")
    return missed or not changes


def check_all(folder):
    total, failed = 0, 0
    for name, topic, vector in vectors(folder):
        total += 1
        problem = check(topic, vector)
        if problem:
            failed += 1
            print(f"{name}: {vector['name']}: {problem}")
    print(f"{total} vectors, {failed} wrong")
    return failed or not total


def main():
    here = Path(__file__).resolve().parent
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(1 if self_test(here) else 0)
    sys.exit(1 if check_all(Path(sys.argv[1]) if len(sys.argv) > 1 else here) else 0)


if __name__ == "__main__":
    main()
