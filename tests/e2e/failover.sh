#!/usr/bin/env bash
# What dies while data flows between two accounts behind NATs, and what they notice:
#   one of the caller's homes, then a supernode that keeps the callee's record, the direct path, and the callee's address.
# The stream loses nothing in any of it; the silence that the receiver saw is printed.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
# shellcheck source=tests/e2e/lib_net.sh
. "$(dirname "$0")/lib_net.sh"
need_root
net_up
net_supernodes
start_peer bob "$(ns bob)"
start_peer alice "$(ns alice)"

from=$(mark alice)
say alice call bob
wait_for alice "$from" 5 'e["event"] == "path" and e["kind"] == "direct"' >/dev/null
say alice flow 10

# settle WHAT: from here on; goes_on LIMIT: a hundred more records arrived, on the same connection, in order, and the longest silence
# was below the limit, in ms.
settle() {
	what=$1
	before=$(received bob)
	bob_from=$(mark bob)
}

goes_on() {
	local silence
	until_true 30 has_received bob $((before + 100))
	no_event alice "$from" 'e["event"] in ("closed", "stream-closed")'
	silence=$(silence_since bob "$bob_from")
	[ "$(value "e < $1" <<<"$silence")" = true ] || fail "$what: $silence ms of silence, more than $1"
	echo "$what: longest silence $silence ms"
}

settle "nothing dies"
goes_on 1000

# One of bob's homes dies without a word. Data is direct, so nothing may be noticed.
settle "a home dies"
crash s1
goes_on 1000

# With three replicas of which one is dead, a look-up from a fresh place still finds bob.
lookup_works() {
	"$kith" lookup bob --json --socket "$tmp/$1.sock" | value 'any(d["online"] for d in e["devices"])' | grep -q true
}
until_true 20 lookup_works s2
until_true 20 lookup_works s3
echo "a supernode with a replica is dead: the look-up still works"

settle "the direct path dies"
block_direct
goes_on 5000
stats_of alice >"$tmp/after"
value 'any(p["sending"] and p["kind"] == "relay" for p in e["paths"])' <"$tmp/after" | grep -q true ||
	fail "the direct path is dead, but alice does not send through a relay: $(cat "$tmp/after")"
unblock_direct

# Bob's machine gets another address: its old one is gone, with every path.
settle "the callee's address changes"
in_ns bob ip address del "${address[bob]}/24" dev eth0
in_ns bob ip address add 192.168.2.77/24 dev eth0
in_ns bob ip route replace default via 192.168.2.1
goes_on 15000

echo "all $(all_arrived alice bob) records arrived, in order"
echo "PASS"
