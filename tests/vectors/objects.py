"""Signed objects of PROTOCOL.md, sections 8 and 9: written from their fields, read, verified."""
import ipaddress

from primitives import Refused, blake2b, ed25519_public, ed25519_sign, ed25519_verify

TOLERANCE_MS = 600_000
RECORD_LIFE_MS = 60 * 60_000
MEMBER_LIFE_MS = 24 * 3600_000
NAME_CHARACTERS = set(b"abcdefghijklmnopqrstuvwxyz0123456789.-_")
LABELS = {1: "kith issuer certificate v1", 2: "kith name certificate v1", 3: "kith device certificate v1",
          5: "kith device list v1", 6: "kith revocation list v1", 8: "kith challenge v1", 9: "kith enrolment v1",
          12: "kith log head v1", 14: "kith network parameters v1",
          16: "kith presence record v1", 17: "kith vanish report v1", 18: "kith member entry v1",
          19: "kith attestation v1", 20: "kith busy notice v1",
          21: "kith help token v1"}


def number(value, size):
    return value.to_bytes(size, "big")


def counted(data, size=1):
    return number(len(data), size) + data


def refuse(error, why, condition=True):
    if condition:
        raise Refused(error, why)


class Reader:
    """Takes bytes from the front; too few are KITH_EPROTO."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def bytes(self, size):
        refuse("KITH_EPROTO", "too short", self.at + size > len(self.data))
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, size):
        return int.from_bytes(self.bytes(size), "big")

    def counted(self, size=1, most=2**16):
        length = self.number(size)
        refuse("KITH_EPROTO", "longer than it may be", length > most)
        return self.bytes(length)

    def peek(self, ahead=0):
        at = self.at + ahead
        return self.data[at] if at < len(self.data) else None

    def left(self):
        return len(self.data) - self.at

    def end(self):
        refuse("KITH_EPROTO", "bytes after the end", self.at != len(self.data))


# ---- addresses ----

def address(text):
    host, port = text.rsplit(":", 1)
    ip = ipaddress.ip_address(host.strip("[]"))
    return number(ip.version, 1) + number(int(port), 2) + ip.packed


def read_address(reader, checked=True):
    family = reader.number(1)
    refuse("KITH_EPROTO", "family", family not in (4, 6))
    port, ip = reader.number(2), ipaddress.ip_address(reader.bytes(4 if family == 4 else 16))
    bad = port == 0 or ip.is_unspecified or ip.is_multicast or (family == 4 and int(ip) >> 28 == 15)
    bad = bad or (family == 6 and ip.ipv4_mapped is not None)
    refuse("KITH_EPROTO", "no packet may be sent there", checked and bad)
    return ip, port


def endpoint(f):
    packed = address(f["address"])
    return bytes([f["transport"], len(packed)]) + packed


def endpoints(list_of):
    return number(len(list_of), 1) + b"".join(endpoint(e) for e in list_of)


def read_endpoint(reader, checked=True):
    """None for a kind or a family that is not known."""
    kind, inner = reader.number(1), Reader(reader.counted(1))
    if kind not in (1, 2, 3) and kind < 240 or (inner.left() > 0 and inner.peek() not in (4, 6)):
        return None
    return kind, read_address(inner, checked)


def read_endpoints(reader):
    n = reader.number(1)
    refuse("KITH_EPROTO", "one endpoint at least", n == 0)
    return [e for e in [read_endpoint(reader) for _ in range(n)] if e is not None][:4]


def host(key, list_of):
    return key + endpoints(list_of)


def read_host(reader):
    key = reader.bytes(32)
    refuse("KITH_EPROTO", "a host has a key", key == bytes(32))
    return key, read_endpoints(reader)


# ---- the frame of signed objects ----

def signed_message(kind, body):
    return blake2b(LABELS[kind].encode(), b"\0", body, size=64)


def sign(seed, body, over=None):
    return body + ed25519_sign(seed, signed_message(body[1], body if over is None else over))


def begin(data, kind):
    reader = Reader(data)
    version = reader.number(1)
    got = reader.number(1)
    refuse("KITH_EPROTO", "another type", got != kind)
    refuse("KITH_EVERSION", "another version", version != 1)
    return reader


def read_extensions(reader):
    ext = Reader(reader.counted(1, 128))
    last = -1
    critical = False
    while ext.at < len(ext.data):
        kind = ext.number(1)
        ext.counted()
        refuse("KITH_EPROTO", "extensions ascend", kind & 127 <= last)
        last, critical = kind & 127, critical or kind & 128
    refuse("KITH_ENOTSUP", "a critical extension that is not known", critical)


def finish(reader):
    """Extensions and signature, which end the object: (signed bytes, signature)."""
    read_extensions(reader)
    body = reader.data[:reader.at]
    signature = reader.bytes(64)
    reader.end()
    return body, signature


def verify(signed, kind, key, over=None):
    body, signature = signed
    if not ed25519_verify(key, signed_message(kind, body if over is None else over), signature):
        raise Refused("KITH_ESIGNATURE", LABELS[kind])


def validity(reader):
    first, last = reader.number(5), reader.number(5)
    refuse("KITH_EPROTO", "times out of order", first > last)
    return first, last


def valid_name(name):
    return 1 <= len(name) <= 32 and set(name) <= NAME_CHARACTERS


def text(reader, most):
    value = reader.counted(1, most)
    refuse("KITH_EPROTO", "not printable", any(not 0x20 <= c <= 0x7e for c in value))
    return value


# ---- certificates and chains ----

def issuer_certificate(f):
    return b"\1\1" + f["issuer"] + f["serial"] + number(f["not_before_s"], 5) + number(f["expires_s"], 5) + counted(
        f["constraint"].encode()) + bytes([f["flags"]]) + b"\0"


def name_certificate(f):
    return b"\1\2" + f["issuer_id"] + counted(f["name"].encode()) + f["identity"] + f["serial"] + number(
        f["not_before_s"], 5) + number(f["expires_s"], 5) + f["placement"] + bytes([f["flags"]]) + b"\0"


def device_certificate(f):
    return b"\1\3" + f["x25519"] + f["ed25519"] + number(f["not_before_s"], 5) + number(
        f["expires_s"], 5) + b"\0"


def read_issuer(data):
    r = begin(data, 1)
    c = {"issuer": r.bytes(32), "serial": r.number(8), "validity": validity(r), "constraint": text(r, 31),
         "flags": r.number(1)}
    c["signed"] = finish(r)
    return c


def read_name(data):
    r = begin(data, 2)
    c = {"issuer_id": r.bytes(8), "name": text(r, 32), "identity": r.bytes(32), "serial": r.number(8),
         "validity": validity(r), "placement": r.bytes(16), "flags": r.number(1)}
    refuse("KITH_ENAME", "not a name", not valid_name(c["name"]))
    c["signed"] = finish(r)
    return c


def read_device(data):
    r = begin(data, 3)
    c = {"x25519": r.bytes(32), "ed25519": r.bytes(32), "validity": validity(r)}
    c["signed"] = finish(r)
    return c


def read_chain(data):
    refuse("KITH_EPROTO", "too long", len(data) > 640)
    r = begin(data, 4)
    chain = {"kind": r.number(1), "hint": r.bytes(4)}
    refuse("KITH_EPROTO", "kind", chain["kind"] not in (1, 2, 3))
    if chain["kind"] == 3:
        chain["identity"] = r.bytes(32)
    links = {1: ("issuer", "name", "device"), 2: ("name", "device"), 3: ("device",)}[chain["kind"]]
    readers = {"issuer": read_issuer, "name": read_name, "device": read_device}
    for link in links:
        data = r.counted(2, 320)
        refuse("KITH_ECHAIN", "another certificate", data[1:2] != bytes([1 + list(readers).index(link)]))
        chain[link] = readers[link](data)
    r.end()
    return chain


class Verifier:
    """Who is who in one network with a root: section 8.4."""

    def __init__(self, root, now_ms):
        self.root, self.network, self.now_ms = root, blake2b(root), now_ms
        self.issuers, self.revocations, self.devices = {}, {}, {}

    def hold_issuer(self, data):
        c = read_issuer(data)
        self.issuers[blake2b(c["issuer"])[:8]] = c

    def hold_revocations(self, data):
        c = read_revocations(data)
        key = self.root if c["signer"] == 1 else self.issuers[c["signer_id"]]["issuer"]
        verify(c["signed"], 6, key)
        self.revocations[c["signer_id"]] = c

    def hold_devices(self, identity, data):
        c = read_devices(data)
        verify(c["signed"], 5, identity)
        self.devices[identity] = c

    def revoked(self, signer_id, serial, key):
        c = self.revocations.get(signer_id)
        return c is not None and (key in c["keys"] or any(a <= serial <= b for a, b in c["serials"]))

    def chain(self, data):
        chain = read_chain(data)
        refuse("KITH_ENETWORK", "hint or kind", chain["hint"] != self.network[:4] or chain["kind"] == 3)
        name, device = chain["name"], chain["device"]
        issuer = chain.get("issuer") or self.issuers.get(name["issuer_id"])
        refuse("KITH_ECHAIN", "the issuer", issuer is None or blake2b(issuer["issuer"])[:8] != name["issuer_id"])
        limit = issuer["constraint"]
        refuse("KITH_ENAME", "constraint", limit != b"" and not (name["name"].endswith(limit) and len(name["name"]) > len(limit)))
        listed = self.devices.get(name["identity"])
        refuse("KITH_EREVOKED", "by a list", self.revoked(self.network[:8], issuer["serial"], issuer["issuer"]) or
               self.revoked(name["issuer_id"], name["serial"], name["identity"]) or
               (listed is not None and device_tag(listed["number"], device["ed25519"]) not in listed["tags"]))
        times = [issuer["validity"], name["validity"], device["validity"]]
        first, last = max(t[0] for t in times), min(t[1] for t in times)
        refuse("KITH_EEXPIRED", "expired", self.now_ms > last * 1000 + TOLERANCE_MS)
        refuse("KITH_ENOTYET", "not yet", self.now_ms < first * 1000 - TOLERANCE_MS)
        verify(issuer["signed"], 1, self.root)
        verify(name["signed"], 2, issuer["issuer"])
        verify(device["signed"], 3, name["identity"])
        return {"name": name["name"].decode(), "identity": name["identity"],
                "x25519": device["x25519"], "ed25519": device["ed25519"], "not_before_s": first, "expires_s": last,
                "placement": name["placement"], "flags": name["flags"] & (issuer["flags"] | 254), "issuer": issuer["issuer"]}

    # ---- objects of the directory ----

    def times(self, thing, life):
        refuse("KITH_EEXPIRED", "expired", thing["expires_ms"] < self.now_ms - TOLERANCE_MS)
        ahead = thing["seq"] > self.now_ms + TOLERANCE_MS or thing["expires_ms"] > self.now_ms + TOLERANCE_MS + life
        refuse("KITH_ENOTYET", "ahead of time", ahead)

    def record(self, data):
        r = read_record(data)
        self.times(r, RECORD_LIFE_MS)
        person = self.chain(r["chain"])
        refuse("KITH_ENAME", "another name's key", r["key"] != blake2b(self.network, person["name"].encode()))
        verify(r["signed"], 16, person["ed25519"])
        return r, person

    def member(self, data):
        m = read_member(data)
        self.times(m, MEMBER_LIFE_MS)
        person = self.chain(m["chain"])
        refuse("KITH_EACCES", "the supernode flag", not person["flags"] & 1 and not m["attestations"])
        verify(m["signed"], 18, person["ed25519"])
        return m, person


# ---- lists ----

def device_tag(list_number, key):
    return blake2b(b"kith device tag v1\0", list_number, key)[:8]


def device_tags(f):
    """Those of the devices, and others of none, made with the signer's secret."""
    keys, most = f["devices"], next(n for n in (3, 6, 12, 16) if n >= len(f["devices"]))
    return sorted([device_tag(f["number"], key) for key in keys] +
                  [blake2b(b"kith device fill v1\0", f["number"], bytes((i,)), key=f["signer_seed"])[:8]
                   for i in range(len(keys), most)])


def device_list(f):
    tags = device_tags(f)
    return b"\1\5" + f["number"] + number(len(tags), 1) + b"".join(tags) + b"\0"


def read_devices(data):
    r = begin(data, 5)
    c = {"number": r.bytes(8), "tags": [r.bytes(8) for _ in range(r.number(1))]}
    refuse("KITH_EPROTO", "ascending", c["tags"] != sorted(set(c["tags"])) or len(c["tags"]) > 16)
    c["signed"] = finish(r)
    return c


def revocation_list(f):
    ranges = b"".join(s["first"] + s["last"] for s in f["serials"])
    return b"\1\6" + number(f["signer"], 1) + f["signer_id"] + f["number"] + number(f["issued_s"], 5) + number(
        f["next_update_s"], 5) + number(len(f["serials"]), 2) + ranges + number(len(f["keys"]), 2) + b"".join(
            f["keys"]) + b"\0"


def read_revocations(data):
    r = begin(data, 6)
    c = {"signer": r.number(1), "signer_id": r.bytes(8), "number": r.number(8), "times": validity(r)}
    c["serials"] = [(r.number(8), r.number(8)) for _ in range(r.number(2))]
    c["keys"] = [r.bytes(32) for _ in range(r.number(2))]
    c["signed"] = finish(r)
    return c


# ---- the log of certificates ----

def log_leaf(cert):
    return blake2b(b"kith log leaf v1\0", cert)


def log_root(leaves):
    """MTH of RFC 6962, section 2.1."""
    if len(leaves) < 2:
        return leaves[0] if leaves else blake2b(b"kith log empty v1\0")
    k = log_split(len(leaves))
    return blake2b(b"kith log node v1\0", log_root(leaves[:k]), log_root(leaves[k:]))


def log_split(n):
    return 1 << (n - 1).bit_length() - 1


def log_path(index, leaves):
    """PATH of RFC 6962, section 2.1.1."""
    if len(leaves) == 1:
        return []
    k = log_split(len(leaves))
    if index < k:
        return [*log_path(index, leaves[:k]), log_root(leaves[k:])]
    return [*log_path(index - k, leaves[k:]), log_root(leaves[:k])]


def log_growth(first, leaves, whole=True):
    """SUBPROOF of RFC 6962, section 2.1.2."""
    if first == len(leaves):
        return [] if whole else [log_root(leaves)]
    k = log_split(len(leaves))
    if first <= k:
        return [*log_growth(first, leaves[:k], whole), log_root(leaves[k:])]
    return [*log_growth(first - k, leaves[k:], False), log_root(leaves[:k])]


def log_head(f, root):
    return b"\1\x0c" + blake2b(f["issuer"])[:8] + number(len(f["certificates"]), 8) + root + number(f["time_ms"], 8) + b"\0"


# ---- records, reports, entries ----

def record(f):
    homes = b"".join(host(h["x25519"], h["endpoints"]) + h["tag"] for h in f["homes"])
    return b"\1\x10" + number(f["flags"], 2) + f["directory_key"] + f["seq"] + number(f["expires_ms"], 8) + number(
        len(f["homes"]), 1) + homes + counted(f["status"]) + counted(f["device_list"], 2) + counted(f["chain"], 2) + counted(
            b"\1\x10" + f["guard"] if "guard" in f else b"")


def read_record(data):
    refuse("KITH_EPROTO", "too long", len(data) > 1040)
    r = begin(data, 16)
    c = {"flags": r.number(2), "key": r.bytes(32), "seq": r.number(8), "expires_ms": r.number(8)}
    c["homes"] = [(read_host(r), r.bytes(16)) for _ in range(r.number(1))]
    c["status"], c["devices"], c["chain"] = r.counted(1, 64), r.counted(2), r.counted(2)
    c["signed"] = finish(r)
    refuse("KITH_EPROTO", "homes", len(c["homes"]) > 3 or (len(c["homes"]) == 0) != bool(c["flags"] & 2))
    refuse("KITH_EPROTO", "life", c["expires_ms"] == 0 or c["expires_ms"] > c["seq"] + RECORD_LIFE_MS)
    read_chain(c["chain"])
    return c


def vanish(f):
    return b"\1\x11" + f["directory_key"] + f["x25519"] + f["seq"] + number(f["at_ms"], 8) + f["home_ed25519"] + b"\0"


def check_vanish(data, record_data):
    r = begin(data, 17)
    key, device, seq, _, home = r.bytes(32), r.bytes(32), r.number(8), r.number(8), r.bytes(32)
    signed = finish(r)
    rec = read_record(record_data)
    other = key != rec["key"] or device != read_chain(rec["chain"])["device"]["x25519"] or seq != rec["seq"]
    refuse("KITH_ENOENT", "of another record", other)
    refuse("KITH_EACCES", "no home", home_tag(home) not in [tag for _, tag in rec["homes"]])
    verify(signed, 17, home)


def home_tag(key):
    return blake2b(key, size=16)


def member(f):
    return b"\1\x12" + number(f["flags"], 2) + bytes([f["load"]]) + f["seq"] + number(f["expires_ms"], 8) + endpoints(
        f["endpoints"]) + counted(
            f["attestations"], 2) + counted(f["chain"], 2) + b"\0"


def read_member(data):
    r = begin(data, 18)
    c = {"flags": r.number(2), "load": r.number(1), "seq": r.number(8), "expires_ms": r.number(8)}
    first = r.peek(1), r.peek(3) in (4, 6)
    c["endpoints"] = read_endpoints(r)
    c["attestations"], c["chain"] = r.counted(2), r.counted(2)
    c["signed"] = finish(r)
    refuse("KITH_EPROTO", "the first endpoint is UDP", first != (1, True))
    refuse("KITH_EPROTO", "life", c["expires_ms"] > c["seq"] + MEMBER_LIFE_MS)
    return c


def attest(f):
    where = endpoints(f["endpoints"])[1:]
    return b"\1\x13" + home_tag(f["candidate_ed25519"]) + f["witness_id"][:16] + where + number(f["up"], 4) + number(
        f["down"], 4) + number(f["first_seen_s"], 5) + bytes([f["availability"]]) + number(f["at_s"], 5) + bytes(
            [f["hours"]]) + b"\0"


def supernode_id(network, placement):
    return blake2b(network, placement, b"\0")


def busy(f):
    hosts = b"".join(host(h["x25519"], h["endpoints"]) for h in f["hosts"])
    return b"\1\x14" + number(f["made_ms"], 8) + number(f["retry_s"], 2) + bytes([len(f["hosts"])]) + hosts + counted(
        f["chain"], 2) + b"\0"


def help_token(f):
    return b"\1\x15" + f["x25519"] + f["seq"] + number(f["expires_ms"], 8) + counted(f["chain"], 2) + b"\0"


# ---- challenges, enrolment ----

def challenge(f):
    return b"\1\7" + f["network_id"] + f["asker"] + f["asked"] + f["nonce"] + counted(f["context"].encode()) + b"\0"


def answer(f):
    body = b"\1\x08" + counted(f["chain"], 2) + b"\0"
    return sign(f["signer_seed"], body, f["challenge"] + body)


def check_answer(verifier, question, data):
    r = begin(data, 8)
    chain = r.counted(2)
    signed = finish(r)
    person = verifier.chain(chain)
    refuse("KITH_EAUTH", "another identity than the one asked", person["identity"] != question[66:98])
    verify(signed, 8, person["ed25519"], question + signed[0])


def check_challenge(f, data):
    r = begin(data, 7)
    network, asker, asked = r.bytes(32), r.bytes(32), r.bytes(32)
    r.bytes(32), text(r, 64), read_extensions(r)
    r.end()
    refuse("KITH_ENETWORK", "another network", network != f["network_id"])
    refuse("KITH_EAUTH", "meant for, or by, somebody else", asked != f["own_identity"] or asker != f["peer_identity"])


def enrolment(f):
    return b"\1\x09" + f["network_id"] + f["issuer_id"] + f["nonce"] + f["identity"] + counted(
        f["name"].encode()) + bytes([f["flags"]]) + b"\0"


def check_enrolment(f, data):
    r = begin(data, 9)
    network, issuer_id, nonce, identity, name = r.bytes(32), r.bytes(8), r.bytes(32), r.bytes(32), text(r, 32)
    r.bytes(1)
    signed = finish(r)
    refuse("KITH_ENAME", "name", not valid_name(name))
    refuse("KITH_ENETWORK", "network", network != f["network_id"])
    refuse("KITH_ECHAIN", "issuer", issuer_id != blake2b(f["issuer"])[:8])
    refuse("KITH_EAUTH", "nonce", nonce != f["nonce"])
    verify(signed, 9, identity)


def public(seed):
    return ed25519_public(seed)
