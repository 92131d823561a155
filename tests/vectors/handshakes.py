"""Packets, handshakes and keys of PROTOCOL.md, sections 2 to 4, recomputed from secrets."""
from objects import address, number
from primitives import (Refused, blake2b, chacha20_block, counter_nonce, hkdf2, open_sealed, seal, sha256, x25519, x25519_public, xopen,
                        xseal)

HELLO, REPLY, WHO, COOKIE, VERSION, GONE, BUSY, DATA, TUNNEL, IAM, KNOCK, WHERE, HERE, ECHO = range(0xe1, 0xef)
LEAST = {HELLO: 44, REPLY: 12, WHO: 28, COOKIE: 80, VERSION: 12, GONE: 12, BUSY: 88, DATA: 32, TUNNEL: 13, IAM: 12,
         KNOCK: 20, WHERE: 778, HERE: 762, ECHO: 28}
PAYLOAD_MAX = 1200


class Noise:
    """Noise, revision 34, sections 5.1 and 5.2: the state of one end."""

    def __init__(self, prologue, responder):
        self.h = self.ck = b"Noise_IK_25519_ChaChaPoly_SHA256"
        self.key, self.counter = None, 0
        self.mix_hash(prologue)
        self.mix_hash(responder)

    def mix_hash(self, data):
        self.h = sha256(self.h + data)

    def mix_key(self, shared):
        self.ck, self.key = hkdf2(self.ck, shared)
        self.counter = 0

    def write(self, plain):
        sealed = plain
        if self.key:
            sealed = seal(self.key, counter_nonce(self.counter), self.h, plain)
            self.counter += 1
        self.mix_hash(sealed)
        return sealed

    def read(self, sealed):
        plain = sealed
        if self.key:
            plain = open_sealed(self.key, counter_nonce(self.counter), self.h, sealed)
            self.counter += 1
        self.mix_hash(sealed)
        return plain


def prologue(network):
    return b"kith\1" + network


def header(kind, sender, receiver):
    return bytes([kind, 1, 0, 0]) + number(sender, 4) + number(receiver, 4)


def frame(kind, body):
    return number(kind, 1) + number(len(body), 2) + body


def hello_frame(f):
    return frame(0x40, number(f["features"], 4) + number(f["timestamp_ms"], 8) + f["call_id"] + number(f["role"], 1)
                 + f["session_name"] + f["spare_name"])


def hello_payload(f):
    """In the order in which version 1 writes them; any other is as good."""
    payload = hello_frame(f) + frame(0x41, f["chain"])
    if "fresh" in f:
        payload += frame(0x44, f["fresh"])
    if "service" in f:
        payload += frame(0x42, f["service"].encode())
    if f.get("cancel"):
        payload += frame(0x45, b"")
    if "early" in f:
        payload += frame(0x47, f["early"])
    if "request" in f:
        payload += frame(0x10, f["request"])
    return payload


def reply_payload(f):
    payload = hello_frame(f) + frame(0x41, f["chain"])
    if "verdict" in f:
        payload += frame(0x43, number(f["verdict"], 2))
    if "crossed_call_id" in f:
        payload += frame(0x46, number(f["crossed_timestamp_ms"], 8) + f["crossed_call_id"])
    if "answer" in f:
        payload += frame(0x11, f["answer"])
    return payload


def mac_key(label, f):
    return blake2b(label, x25519_public(f["responder_static_secret"]))


def with_macs(packet, mac1_key, cookie=None):
    packet += blake2b(packet, size=16, key=mac1_key)
    return packet + (blake2b(packet, size=16, key=cookie) if cookie else bytes(16))


def hello(f):
    """The packet, and what lies between."""
    responder, own = x25519_public(f["responder_static_secret"]), x25519_public(f["initiator_static_secret"])
    noise = Noise(prologue(f["network_id"]), responder)
    ephemeral = x25519_public(f["ephemeral_secret"])
    noise.mix_hash(ephemeral)
    mid = {"prologue": prologue(f["network_id"]), "ephemeral_public": ephemeral, "initiator_static_public": own,
           "responder_static_public": responder, "mac1_key": mac_key(b"kith mac1", f),
           "es": x25519(f["ephemeral_secret"], responder), "ss": x25519(f["initiator_static_secret"], responder),
           "payload_before_padding": hello_payload(f)}
    noise.mix_key(mid["es"])
    message = ephemeral + noise.write(own)
    noise.mix_key(mid["ss"])
    room = f["length"] - 12 - len(message) - 16 - 32
    payload = mid["payload_before_padding"]
    message += noise.write(payload + bytes(max(0, room - len(payload))))
    packet = with_macs(header(HELLO, f["sender_index"], 0) + message, mid["mac1_key"], f.get("cookie"))
    return packet, mid | {"h": noise.h, "ck": noise.ck}


def read_hello(f, packet):
    """The responder's state behind a HELLO: (noise, initiator's static key, its ephemeral)."""
    responder = x25519_public(f["responder_static_secret"])
    noise, message = Noise(prologue(f["network_id"]), responder), packet[12:-32]
    ephemeral, rest = message[:32], message[32:]
    noise.mix_hash(ephemeral)
    noise.mix_key(x25519(f["responder_static_secret"], ephemeral))
    static = noise.read(rest[:48])
    noise.mix_key(x25519(f["responder_static_secret"], static))
    noise.read(rest[48:])
    return noise, static, ephemeral


def reply(f):
    noise, static, remote = read_hello(f, f["hello"])
    ephemeral = x25519_public(f["ephemeral_secret"])
    noise.mix_hash(ephemeral)
    mid = {"ee": x25519(f["ephemeral_secret"], remote), "se": x25519(f["ephemeral_secret"], static),
           "ephemeral_public": ephemeral, "prologue": prologue(f["network_id"]),
           "initiator_static_public": x25519_public(f["initiator_static_secret"]),
           "responder_static_public": x25519_public(f["responder_static_secret"]), "payload": reply_payload(f)}
    noise.mix_key(mid["ee"])
    noise.mix_key(mid["se"])
    message = ephemeral + noise.write(mid["payload"])
    packet = header(REPLY, f["sender_index"], f["receiver_index"]) + message
    return packet, mid | {"h": noise.h, "ck": noise.ck}


def read_reply(f, packet):
    """The initiator reads a REPLY."""
    secret, message, static = f["initiator_ephemeral_secret"], packet[12:], f["initiator_static_secret"]
    responder = x25519_public(f["responder_static_secret"])
    noise = Noise(prologue(f["network_id"]), responder)
    noise.mix_hash(x25519_public(secret))
    sent = f["hello"][44:-32]  # its own first message once more, up to the state that it left
    noise.mix_key(x25519(secret, responder))
    noise.read(sent[:48])
    noise.mix_key(x25519(static, responder))
    noise.read(sent[48:])
    noise.mix_hash(message[:32])
    noise.mix_key(x25519(secret, message[:32]))
    noise.mix_key(x25519(static, message[:32]))
    noise.read(message[32:])


def who(f):
    mid = {"mac1_key": blake2b(b"kith mac1", f["network_id"])}
    packet = header(WHO, f["sender_index"], 0)
    packet += bytes(f["length"] - 16 - len(packet))
    return packet + blake2b(packet, size=16, key=mid["mac1_key"]), mid


def iam(f):
    return {"packet": header(IAM, 0, f["receiver_index"]) + f["chain"]}


def keys(f):
    first, second = hkdf2(f["ck"], b"")
    return {"initiator_key": first, "responder_key": second, "chain_key": hkdf2(f["ck"], b"kith rekey")[0]}


def rekeyed(f):
    shared = x25519(f["asker_ephemeral_secret"], x25519_public(f["answerer_ephemeral_secret"]))
    chain, seed = hkdf2(f["chain_key"], shared)
    first, second = hkdf2(seed, b"")
    return {"dh": shared}, {"chain_key": chain, "initiator_key": first, "responder_key": second}


def cookie(f):
    key = f["responder_static_public"]
    where = address(f["from"]) + number(f["transport"], 2) + f["tunnel"]
    mid = {"cookie": blake2b(where, size=16, key=f["secret"]), "epoch": blake2b(b"kith epoch", size=16, key=f["secret"]),
           "cookie_key": blake2b(b"kith cookie", key), "mac1": f["hello"][-32:-16]}
    sealed = xseal(mid["cookie_key"], f["nonce"], mid["mac1"], mid["cookie"] + mid["epoch"])
    assert xopen(mid["cookie_key"], f["nonce"], mid["mac1"], sealed) == mid["cookie"] + mid["epoch"]
    return bytes([COOKIE, f["flags"], 0, 0]) + f["hello"][4:8] + f["nonce"] + sealed, mid


def data(f):
    hidden = bytes([f["epoch"] % 16 << 4 | f["way"]]) + f["counter"][2:]
    ad = bytes([DATA]) + hidden + f["session_name"]
    sealed = seal(f["key"], way_nonce(hidden), ad, f["frames"])
    return bytes([DATA]) + flipped(f["key"], sealed, hidden) + f["session_name"] + sealed, {"associated_data": ad}


def way_nonce(hidden):
    return counter_nonce((hidden[0] & 15) << 48 | int.from_bytes(hidden[1:], "big"))


def flipped(key, sealed, hidden):
    """What stands between type and name, hidden or shown."""
    tag = sealed[-16:]
    mask = chacha20_block(key, int.from_bytes(tag[8:12], "little"), bytes([255] * 4) + tag[:8])
    return bytes(a ^ b for a, b in zip(hidden, mask))


# ---- what is dropped ----

def drop(why, condition=True):
    if condition:
        raise Refused(None, why)


def outer(packet):
    """The checks that need no key."""
    drop("type", packet[0] not in LEAST or len(packet) < LEAST[packet[0]])
    if packet[0] in (HELLO, REPLY, WHO, IAM):
        drop("version", packet[1] != 1)
        drop("reserved", packet[2] != 0 or (packet[0] != HELLO and packet[3] != 0))
    reserved = {WHO: packet[8:12], IAM: packet[4:8], COOKIE: packet[2:4], GONE: packet[1:4], BUSY: packet[1:4],
                TUNNEL: packet[1:4], KNOCK: packet[1:4],
                VERSION: packet[3:4] + packet[9:12]}.get(packet[0], b"")
    drop("reserved", any(reserved))
    drop("length", (packet[0] in (COOKIE, VERSION, GONE, KNOCK, WHERE, HERE)) and len(packet) != LEAST[packet[0]])
    drop("echo", packet[0] == ECHO and (len(packet) not in (28, 56) or any(packet[28:])))
    drop("port", packet[0] in (WHERE, HERE) and any(packet[2:4]) != (packet[0] == WHERE))
    drop("versions", packet[0] == VERSION and packet[1] > packet[2])


def take_hello(f, packet):
    outer(packet)
    drop("mac1", blake2b(packet[:-32], size=16, key=mac_key(b"kith mac1", f)) != packet[-32:-16])
    try:
        read_hello(f, packet)
    except Refused as error:
        raise Refused(None, str(error)) from error


def take_data(f, packet):
    outer(packet)
    hidden = flipped(f["key"], packet[16:], packet[1:8])
    counter = int.from_bytes(hidden[1:], "big")
    drop("epoch", hidden[0] >> 4 != f["epoch"] % 16)
    drop("counter", counter >= f["counters_seen"] + 2**36)
    drop("replayed", counter < f["counters_seen"])
    try:
        open_sealed(f["key"], way_nonce(hidden), packet[:1] + hidden + packet[8:16], packet[16:])
    except Refused as error:
        raise Refused(None, str(error)) from error


def take_reply(f, packet):
    outer(packet)
    try:
        read_reply(f, packet)
    except Refused as error:
        raise Refused(None, str(error)) from error


def take_who(f, packet):
    outer(packet)
    drop("mac1", blake2b(packet[:-16], size=16, key=blake2b(b"kith mac1", f["network_id"])) != packet[-16:])
