#!/usr/bin/env bash
# A link that carries no packet of 1200 bytes (a VPN inside of a VPN): the caller's own, then one behind its router. Handshakes, a
# call and streams work all the same, and the application is told.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
# shellcheck source=tests/e2e/lib_net.sh
. "$(dirname "$0")/lib_net.sh"
need_root
net_up
net_supernodes

# talk WHAT: alice calls bob, directly, and a stream carries more than a megabyte both ways.
talk() {
	local what=$1 from bob_from to out=
	start_peer bob "$(ns bob)"
	start_peer alice "$(ns alice)"
	from=$(mark alice)
	bob_from=$(mark bob)
	say alice call bob
	wait_for alice "$from" 10 'e["event"] == "path" and e["kind"] == "direct"' >/dev/null
	for to in bob alice; do
		from=$(mark $to)
		[ $to = bob ] && say alice bulk 500 || say bob bulk 500
		bulk=$(wait_for $to "$from" 20 'e["event"] == "bulk"')
		[ "$(value 'e["bytes"] > 1e6' <<<"$bulk")" = true ] || fail "$what, to $to: hardly anything comes through: $bulk"
		out="$out $(value 'round(e["bytes"] / 1e6, 1)' <<<"$bulk") MB to $to"
	done
	no_event alice 0 'e["event"] == "closed"'
	no_event bob "$bob_from" 'e["event"] == "closed"'
	echo "$what:$out in half a second each"
}

end_talk() {
	stop alice
	stop bob
}

# told WHO TEXT: of the trouble.
told() {
	wait_for "$1" 0 5 "e[\"event\"] == \"trouble\" and \"$2\" in e[\"why\"]" >/dev/null
}

in_ns alice ip link set eth0 mtu 1280
in_ns ra ip link set lan mtu 1280
talk "the caller's link carries 1280 bytes"
no_event alice 0 'e["event"] == "trouble" and "bytes" in e["why"]'
end_talk

in_ns alice ip link set eth0 mtu 1124
in_ns ra ip link set lan mtu 1124
talk "the caller's link carries 1124 bytes"
told alice "eth0 carries packets of 1124 bytes at most"
end_talk

in_ns alice ip link set eth0 mtu 1500
in_ns ra ip link set lan mtu 1500
in_ns ra ip link set wan mtu 1124
talk "a link behind the caller's router carries 1124 bytes"
told alice "a link on the way"
end_talk
echo "PASS"
