"""The primitives of section 1 of PROTOCOL.md, in plain Python: slow, not constant in time, for checking vectors only.

From the standard library: BLAKE2b, SHA-256, HMAC. Here: X25519 (RFC 7748), Ed25519 (RFC 8032), ChaCha20-Poly1305 (RFC 8439),
XChaCha20-Poly1305, SipHash-2-4, Argon2id (RFC 9106, one lane), base32 as keys are written.
"""
import base64
import hashlib
import hmac
import struct

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


class Refused(Exception):
    """The reason why an input is not taken: a name of include/kith/err.h, or None where nobody is told; and what was computed
    before that was found."""

    def __init__(self, error, why="", computed=None):
        super().__init__(f"{error}: {why}")
        self.error, self.computed = error, computed or {}


# ---- hashes ----

def blake2b(*parts, size=32, key=b""):
    return hashlib.blake2b(b"".join(parts), digest_size=size, key=key).digest()


def sha256(data):
    return hashlib.sha256(data).digest()


def hkdf2(chaining_key, data):
    temp = hmac.new(chaining_key, data, hashlib.sha256).digest()
    first = hmac.new(temp, b"\x01", hashlib.sha256).digest()
    return first, hmac.new(temp, first + b"\x02", hashlib.sha256).digest()


def siphash(k0, k1, data):
    mask = 2**64 - 1
    v = [k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573]

    def turn(x, n):
        return (x << n | x >> (64 - n)) & mask

    def rounds(n):
        for _ in range(n):
            v[0] = (v[0] + v[1]) & mask
            v[1] = turn(v[1], 13) ^ v[0]
            v[0] = turn(v[0], 32)
            v[2] = (v[2] + v[3]) & mask
            v[3] = turn(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & mask
            v[3] = turn(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & mask
            v[1] = turn(v[1], 17) ^ v[2]
            v[2] = turn(v[2], 32)

    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 255])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xff
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


# ---- X25519 ----

def x25519(secret, public):
    k = bytearray(secret)
    k[0] &= 248
    k[31] = k[31] & 127 | 64
    k = int.from_bytes(k, "little")
    x1 = int.from_bytes(public, "little") % 2**255 % P
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in range(254, -1, -1):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b = x2 + z2, x2 - z2
        aa, bb = a * a % P, b * b % P
        e = aa - bb
        da, cb = (x3 - z3) * a % P, (x3 + z3) * b % P
        x3, z3 = (da + cb)**2 % P, x1 * (da - cb)**2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    shared = (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")
    if shared == bytes(32):
        raise Refused("KITH_EAUTH", "an all-zero result of DH")
    return shared


def x25519_public(secret):
    return x25519(secret, (9).to_bytes(32, "little"))


# ---- Ed25519 ----

def _add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _multiply(n, p):
    q = (0, 1, 1, 0)
    while n:
        if n & 1:
            q = _add(q, p)
        p = _add(p, p)
        n >>= 1
    return q


def _recover_x(y, sign):
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * SQRT_M1 % P
    if (x * x - x2) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


_BASE_Y = 4 * pow(5, P - 2, P) % P
_BASE_X = _recover_x(_BASE_Y, 0)
_BASE = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % P)


def _encode_point(p):
    inverse = pow(p[2], P - 2, P)
    x, y = p[0] * inverse % P, p[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _decode_point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y % 2**255
    x = _recover_x(y, sign) if y < P else None
    return None if x is None else (x, y, 1, x * y % P)


def _expand(seed):
    h = hashlib.sha512(seed).digest()
    a = int.from_bytes(h[:32], "little") & ~7 & (2**254 - 1) | 2**254
    return a, h[32:]


def _challenge(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % L


def ed25519_public(seed):
    return _encode_point(_multiply(_expand(seed)[0], _BASE))


def ed25519_sign(seed, message):
    a, prefix = _expand(seed)
    public = _encode_point(_multiply(a, _BASE))
    r = _challenge(prefix, message)
    point = _encode_point(_multiply(r, _BASE))
    return point + ((r + _challenge(point, public, message) * a) % L).to_bytes(32, "little")


def ed25519_verify(public, message, signature):
    a, r, s = _decode_point(public), _decode_point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    right = _add(r, _multiply(_challenge(signature[:32], public, message), a))
    return _encode_point(_multiply(s, _BASE)) == _encode_point(right)


# ---- ChaCha20-Poly1305 ----

def _turn32(x, n):
    return (x << n | x >> (32 - n)) & 0xffffffff


def _quarter(s, a, b, c, d):
    for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        s[x] = (s[x] + s[y]) & 0xffffffff
        s[z] = _turn32(s[z] ^ s[x], n)


def _rounds(state):
    s = list(state)
    for _ in range(10):
        for i in range(4):
            _quarter(s, i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            _quarter(s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return s


_CONSTANTS = struct.unpack("<4I", b"expand 32-byte k")


def chacha20_block(key, counter, nonce):
    state = [*_CONSTANTS, *struct.unpack("<8I", key), counter, *struct.unpack("<3I", nonce)]
    return struct.pack("<16I", *((a + b) & 0xffffffff for a, b in zip(state, _rounds(state))))


def _stream(key, nonce, data):
    out = bytearray()
    for i in range(0, len(data), 64):
        out += bytes(a ^ b for a, b in zip(data[i:i + 64], chacha20_block(key, 1 + i // 64, nonce)))
    return bytes(out)


def _tag(key, nonce, data, sealed):
    one_time = chacha20_block(key, 0, nonce)
    r = int.from_bytes(one_time[:16], "little") & 0x0ffffffc0ffffffc0ffffffc0fffffff
    s = int.from_bytes(one_time[16:32], "little")
    padded = data + bytes(-len(data) % 16) + sealed + bytes(-len(sealed) % 16) + struct.pack("<QQ", len(data), len(sealed))
    total = 0
    for i in range(0, len(padded), 16):
        total = (total + int.from_bytes(padded[i:i + 16] + b"\x01", "little")) * r % (2**130 - 5)
    return ((total + s) % 2**128).to_bytes(16, "little")


def seal(key, nonce, data, plain):
    """nonce: 12 bytes. data: the associated data."""
    sealed = _stream(key, nonce, plain)
    return sealed + _tag(key, nonce, data, sealed)


def open_sealed(key, nonce, data, sealed):
    if len(sealed) < 16 or _tag(key, nonce, data, sealed[:-16]) != sealed[-16:]:
        raise Refused("KITH_EAUTH", "does not authenticate")
    return _stream(key, nonce, sealed[:-16])


def counter_nonce(counter):
    return bytes(4) + struct.pack("<Q", counter)


def _xkey(key, nonce):
    state = [*_CONSTANTS, *struct.unpack("<8I", key), *struct.unpack("<4I", nonce[:16])]
    s = _rounds(state)
    return struct.pack("<8I", *s[:4], *s[12:])


def xseal(key, nonce, data, plain):
    return seal(_xkey(key, nonce), bytes(4) + nonce[16:], data, plain)


def xopen(key, nonce, data, sealed):
    return open_sealed(_xkey(key, nonce), bytes(4) + nonce[16:], data, sealed)


# ---- Argon2id, version 1.3, one lane ----

_WORD = 2**64 - 1


def _argon_hash(data, size):
    prefix = struct.pack("<I", size)
    if size <= 64:
        return blake2b(prefix, data, size=size)
    out, v = b"", blake2b(prefix, data, size=64)
    while size - len(out) > 64:
        out += v[:32]
        v = blake2b(v, size=min(64, size - len(out)))
    return out + v


def _argon_quarter(v, a, b, c, d):
    def mix(x, y):
        return (x + y + 2 * (x & 0xffffffff) * (y & 0xffffffff)) & _WORD

    def turn(x, n):
        return (x >> n | x << (64 - n)) & _WORD

    for n, m in ((32, 24), (16, 63)):
        v[a] = mix(v[a], v[b])
        v[d] = turn(v[d] ^ v[a], n)
        v[c] = mix(v[c], v[d])
        v[b] = turn(v[b] ^ v[c], m)


def _argon_permute(block, places):
    v = [block[i] for i in places]
    for i in range(4):
        _argon_quarter(v, i, 4 + i, 8 + i, 12 + i)
    for i in range(4):
        _argon_quarter(v, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    for i, value in zip(places, v):
        block[i] = value


def _argon_compress(x, y):
    mixed = [a ^ b for a, b in zip(x, y)]
    z = list(mixed)
    for row in range(8):
        _argon_permute(z, range(16 * row, 16 * row + 16))
    for column in range(8):
        _argon_permute(z, [16 * i + 2 * column + j for i in range(8) for j in (0, 1)])
    return [a ^ b for a, b in zip(z, mixed)]


def argon2id(passphrase, salt, passes, memory_kib, size=32):
    blocks = memory_kib // 4 * 4
    segment = blocks // 4
    first = hashlib.blake2b(struct.pack("<6I", 1, size, memory_kib, passes, 0x13, 2) + struct.pack("<I", len(passphrase)) +
                            passphrase + struct.pack("<I", len(salt)) + salt + bytes(8)).digest()
    memory = [None] * blocks
    for i in range(2):
        memory[i] = list(struct.unpack("<128Q", _argon_hash(first + struct.pack("<II", i, 0), 1024)))
    zero = [0] * 128
    for turn in range(passes):
        for part in range(4):
            numbers = []
            for i in range(segment):
                at = part * segment + i
                if turn == 0 and part < 2:  # addresses that do not depend on the passphrase
                    if i % 128 == 0:
                        source = [turn, 0, part, blocks, passes, 2, i // 128 + 1] + [0] * 121
                        numbers = _argon_compress(zero, _argon_compress(zero, source))
                    number = numbers[i % 128]
                if turn == 0 and at < 2:
                    continue
                if not (turn == 0 and part < 2):
                    number = memory[at - 1][0]
                if turn == 0:
                    area, start = at - 1, 0
                else:
                    area, start = blocks - segment + i - 1, (part + 1) % 4 * segment
                x = (number & 0xffffffff)**2 >> 32
                reference = (start + area - 1 - (area * x >> 32)) % blocks
                made = _argon_compress(memory[at - 1], memory[reference])
                memory[at] = made if turn == 0 else [a ^ b for a, b in zip(made, memory[at])]
    return _argon_hash(struct.pack("<128Q", *memory[-1]), size)


# ---- text ----

def key_text(data):
    return base64.b32encode(data).decode().lower().rstrip("=")


def key_of_text(text):
    try:
        data = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    except ValueError as error:
        raise Refused("KITH_EINVAL", str(error)) from error
    if len(data) != 32 or key_text(data) != text:
        raise Refused("KITH_EINVAL", "another spelling")
    return data
