#!/usr/bin/env bash
# Behind walls that let no UDP through, then none but TCP to port 443: whoever is there joins, is found and is called, and a line
# of a chat goes through; not much later than where UDP gets through. When the wall falls, homes are reached by UDP again.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
# shellcheck source=tests/e2e/lib_net.sh
. "$(dirname "$0")/lib_net.sh"
need_root
net_up

# wall ROUTER RULE...: what hosts behind it do not get through; none: everything gets through.
wall() {
	local name=$1 rule
	shift
	in_ns "$name" nft delete chain ip kith wall 2>/dev/null || true
	in_ns "$name" nft add chain ip kith wall '{ type filter hook forward priority filter - 1; policy accept; }'
	for rule in "$@"; do in_ns "$name" nft add rule ip kith wall iifname lan "$rule" drop; done
}

no_udp='meta l4proto udp'
only_443=("$no_udp" 'tcp dport != 443')

net_supernodes 'listen_tcp = 443'
"$kith" status --socket "$tmp/s1.sock" >"$tmp/said"
grep -q "^reached at: ${address[s1]}:443 over TCP" "$tmp/said" || fail "no TCP port is named: $(grep reached "$tmp/said")"

took=0
# Both come, with nothing that they remember, find and call each other, and data goes both ways. In $took: how many ms the
# slower one needed until others could find it.
joins() {
	local name at ms
	took=0
	for name in bob alice; do
		rm -rf "$tmp/$name/state"
		start_peer "$name" "$(ns "$name")"
		at=$(wait_for "$name" 0 1 'e["event"] == "started"' | value 'e["at"]')
		ms=$(wait_for "$name" 0 1 'e["event"] == "published"' | value "round(e['at'] - $at)")
		[ "$ms" -le "$took" ] || took=$ms
	done
	call_both_ways alice bob
}

part() {
	stop alice
	stop bob
}

joins
open=$took
part
echo "UDP gets through: found after $open ms"

has_homes() {
	wait_for alice 0 0 'e["event"] == "attached" and e["homes"] == 3'
}

# Lines of a chat go both ways.
chats() {
	local name
	for name in alice bob; do rm -rf "$tmp/$name/state"; done
	start alice "$(ns alice)" "$chat" "$tmp/alice" bob
	start bob "$(ns bob)" "$chat" "$tmp/bob"
	until_true 15 grep -qF "talking with bob" "$tmp/alice.out"
	until_true 15 grep -qF "talking with alice" "$tmp/bob.out"
	say alice "hello bob"
	until_true 10 grep -qF "alice: hello bob" "$tmp/bob.out"
	say bob "hello alice"
	until_true 10 grep -qF "bob: hello alice" "$tmp/alice.out"
	part
}

# behind WHAT: as fast as that, within 2 s.
behind() {
	joins
	[ "$took" -le $((open + 2000)) ] || fail "$1: found after $took ms, $open ms without a wall"
	say alice paths
	wait_for alice 0 5 'e["event"] == "paths"' >"$tmp/paths"
	[ "$(value 'any(p["carrier"] == "tcp" for p in e["paths"])' <"$tmp/paths")" = true ] ||
		fail "$1: no path over TCP: $(cat "$tmp/paths")"
	part
	chats
	echo "$1: found after $took ms, $((took - open)) ms more"
}

wall ra "$no_udp"
behind "no UDP at one end"
wall rb "$no_udp"
behind "no UDP at both ends"
for name in alice bob; do
	sed -i "s/:$supernode_port\>/:443/" "$tmp/$name/bootstrap"
done
wall ra "${only_443[@]}"
wall rb "${only_443[@]}"
behind "only port 443 of TCP at both ends"

# The wall falls: homes answer over UDP soon, and none is lost.
wall ra "$no_udp"
wall rb
for name in alice bob; do
	sed -i "s/:443\>/:$supernode_port/" "$tmp/$name/bootstrap"
	rm -rf "$tmp/$name/state"
done
in_ns ra nft add counter ip kith udp_in
in_ns ra nft add rule ip kith forward iifname wan meta l4proto udp counter name udp_in
start_peer alice "$(ns alice)"
until_true 15 has_homes
from=$(mark alice)
wall ra
answered() {
	[ "$(packets ra udp_in)" -ge 9 ]
}
until_true 90 answered # at three homes each of the first probes but one
no_event alice "$from" 'e["event"] == "attached" and e["homes"] < 3'
echo "the wall fell: homes answer over UDP"
echo "PASS"
