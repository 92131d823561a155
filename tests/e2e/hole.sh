#!/usr/bin/env bash
# The direct path loses what is large, and nobody says so: a stream goes on by a relay within a second, while the small packets of
# another never stop. When the hole is gone, data is direct again. KITH_HOLES="1100 1000": sizes to try, in turn.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
# shellcheck source=tests/e2e/lib_net.sh
. "$(dirname "$0")/lib_net.sh"
need_root
net_up
net_supernodes
start_peer bob "$(ns bob)"
start_peer alice "$(ns alice)"

# hole ROUTER ADDRESS BYTES: what the router forwards there and is larger (with its IP header) is lost, and nobody is told.
hole() {
	in_ns "$1" nft insert rule ip kith forward ip daddr "$2" meta length '>' "$3" drop
}

from=$(mark alice)
say alice call bob
wait_for alice "$from" 5 'e["event"] == "path" and e["kind"] == "direct"' >/dev/null
say alice flow 20
until_true 20 has_received bob 100

for bytes in ${KITH_HOLES:-1000}; do
	bob_from=$(mark bob)
	alice_from=$(mark alice)
	hole ra "${address[rb]}" "$bytes"
	say alice bulk 4000
	bulk=$(wait_for bob "$bob_from" 20 'e["event"] == "bulk"')
	wait_for alice "$alice_from" 1 'e["event"] == "path" and e["kind"] == "relay"' >/dev/null
	# As much as goes in 4 s: with a stream that stands still for longer than a second or two it is next to nothing.
	megabytes=$(value 'e["bytes"] / 1e6' <<<"$bulk")
	[ "$(value 'e["bytes"] > 4e6' <<<"$bulk")" = true ] || fail "more than $bytes bytes are lost: only $megabytes MB in 4 s: $bulk"
	silence=$(silence_since bob "$bob_from")
	[ "$(value 'e < 1000' <<<"$silence")" = true ] || fail "more than $bytes bytes are lost: $silence ms of silence of small packets"
	say alice explain
	wait_for alice "$alice_from" 2 'e["event"] == "explain" and "loses large packets" in e["text"]' >/dev/null
	echo "packets of more than $bytes bytes are lost: $megabytes MB in 4 s by a relay, longest silence of small packets $silence ms"
	in_ns ra nft flush chain ip kith forward
	wait_for alice "$alice_from" 100 'e["event"] == "path" and e["kind"] == "direct"' >/dev/null
done
no_event alice "$from" 'e["event"] in ("closed", "stream-closed")'
echo "all $(all_arrived alice bob) records arrived, in order"
echo "PASS"
