#!/usr/bin/env bash
# A supernode answers STUN binding requests of other people's clients, on the port of everything else.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
port=$((20000 + $$ % 20000))
make_profiles 127.0.0.1:1 -- s1 --
supernode_conf s1 "127.0.0.1:$port" 'allow_loopback = yes'
start_kithd s1 -
if command -v turnutils_stunclient >/dev/null; then
	timeout 10 turnutils_stunclient -p "$port" 127.0.0.1 >"$tmp/turnutils" 2>&1 || fail "turnutils_stunclient: $(cat "$tmp/turnutils")"
	grep -qi "reflexive addr: 127.0.0.1" "$tmp/turnutils" || fail "turnutils_stunclient: $(cat "$tmp/turnutils")"
	echo "turnutils_stunclient was answered"
else
	echo "turnutils_stunclient (package coturn) is not installed; asked by hand only"
fi
if command -v stun >/dev/null; then
	# Test 1: what is our address? It exits with the number of the NAT type, so its words count. It sends a CHANGE-REQUEST of
	# zero, and knows neither the magic cookie nor XOR-MAPPED-ADDRESS.
	timeout 20 stun "127.0.0.1:$port" 1 -v >"$tmp/classic" 2>&1 || true
	grep -q "MappedAddress = 127.0.0.1:" "$tmp/classic" || fail "stun: $(cat "$tmp/classic")"
	grep -q "ok=1" "$tmp/classic" || fail "stun: $(cat "$tmp/classic")"
	echo "stun was answered"
else
	echo "stun (package stun-client) is not installed; asked by hand only"
fi
# The same by hand (RFC 8489), so that there is a test where neither client is.
python3 - "$port" <<'END' || fail "no proper answer to a binding request"
import os, socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.connect(("127.0.0.1", int(sys.argv[1])))
tid = os.urandom(12)
s.send(struct.pack("!HHI", 1, 0, 0x2112A442) + tid)
answer = s.recv(2048)
kind, length, cookie = struct.unpack("!HHI", answer[:8])
assert (kind, cookie, answer[8:20]) == (0x0101, 0x2112A442, tid), answer.hex()
assert length == len(answer) - 20
at = 20
while at < len(answer):
    attribute, size = struct.unpack("!HH", answer[at:at + 4])
    if attribute == 0x0020:
        port = struct.unpack("!H", answer[at + 6:at + 8])[0] ^ 0x2112
        assert port == s.getsockname()[1], port
        sys.exit(0)
    at += 4 + (size + 3) // 4 * 4
sys.exit("no XOR-MAPPED-ADDRESS")
END
[ "$("$kith" status --json --socket "$tmp/s1.sock" | value 'e["stun"]["answers"]')" -ge 1 ] || fail "the node did not count it"
echo "PASS"
