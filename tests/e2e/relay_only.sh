#!/usr/bin/env bash
# Alice hides from bob: he is relay-only. They have no home in common, so that her home has his open the tunnel. The call works,
# and no packet passes between their addresses, nor from her to a home of his. Then she hides no more, and the call is direct: what
# counts packets does count. Judged by the routers' counters, and by what is seen on the hub between them.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
# shellcheck source=tests/e2e/lib_net.sh
. "$(dirname "$0")/lib_net.sh"
need_root
net_up
block ra "${address[s2]}"
block ra "${address[s3]}"
block rb "${address[s1]}"
net_supernodes
identity=$("$kith" id show "$tmp/bob" --json | value 'next(o["identity key"] for o in e if "identity key" in o)')

# On the hub, whatever passes a router: between alice's and bob's, and between alice's and bob's homes.
in_ns hub nft -f - <<-END
	table bridge seen {
		counter between { }
		counter homes { }
		chain forward {
			type filter hook forward priority filter; policy accept;
			ip saddr ${address[ra]} ip daddr ${address[rb]} counter name between
			ip saddr ${address[rb]} ip daddr ${address[ra]} counter name between
			ip saddr ${address[ra]} ip daddr { ${address[s2]}, ${address[s3]} } counter name homes
			ip saddr { ${address[s2]}, ${address[s3]} } ip daddr ${address[ra]} counter name homes
		}
	}
END
seen() {
	in_ns hub nft -j list counter bridge seen "$1" | value 'e["nftables"][1]["counter"]["packets"]'
}

start_peer bob "$(ns bob)"
start_peer alice "$(ns alice)"
say alice "hide bob $identity"

# talks KIND: alice calls bob over that kind of path, and data goes both ways.
talks() {
	local from at to_bob to_alice
	to_bob=$(received bob)
	to_alice=$(received alice)
	from=$(mark alice)
	at=$(date +%s%N)
	say alice call bob
	wait_for alice "$from" 10 'e["event"] == "connected"' >/dev/null
	echo "$1: connected after $((($(date +%s%N) - at) / 1000000)) ms"
	[ "$1" = relay ] || wait_for alice "$from" 10 'e["event"] == "path" and e["kind"] == "direct"' >/dev/null
	say alice flow 10
	say bob flow 10
	until_true 20 has_received bob $((to_bob + 300))
	until_true 20 has_received alice $((to_alice + 300))
	say alice flow 0
	say bob flow 0
}

talks relay
no_event alice 0 'e["event"] == "path" and e["kind"] == "direct"'
say alice explain
wait_for alice 0 5 'e["event"] == "explain" and "the contact is relay-only" in e["text"]' >/dev/null
say bob explain
explain=$(wait_for bob 0 5 'e["event"] == "explain"' | value 'e["text"]')
! grep -qE "${address[ra]}|192\.168\.1\." <<<"$explain" || fail "bob knows an address of alice's: $explain"
[ "$(seen between)" = 0 ] || fail "$(seen between) packets between alice's address and bob's"
[ "$(seen homes)" = 0 ] || fail "$(seen homes) packets between alice's address and bob's homes"

from=$(mark alice)
say alice close
wait_for alice "$from" 10 'e["event"] == "closed"' >/dev/null
unblock ra "${address[s2]}"
unblock ra "${address[s3]}"
say alice "show bob $identity"
talks direct
[ "$(seen between)" -ge 300 ] || fail "a direct call was hardly seen: the counter is not to be believed"
echo "PASS"
