#!/usr/bin/env bash
# Where no UDP gets through, a call becomes direct over TCP if one of both can be connected to: a leaf behind a NAT and one on a
# public address, whoever of them calls; two on one network. When UDP gets through again, it takes over. Where a firewall drops the
# connections too, the call stays relayed, and `explain` says why.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
# shellcheck source=tests/e2e/lib_net.sh
. "$(dirname "$0")/lib_net.sh"
need_root

# carol is alice's neighbour, dave is on a public address: rb is no router, but dave's own machine.
address[carol]=192.168.1.3
address[dave]=66.6.0.6
nets+=(carol dave)
net_up
net_public dave eth0
ip link add lan2 netns "$(ns ra)" type veth peer name eth0 netns "$(ns carol)"
in_ns ra ip address flush dev lan
in_ns ra ip link add br1 type bridge
in_ns ra ip link set lan master br1
in_ns ra ip link set lan2 master br1 up
in_ns ra ip address add 192.168.1.1/24 dev br1
in_ns ra ip link set br1 up
in_ns carol ip address add "${address[carol]}/24" dev eth0
in_ns carol ip link set eth0 up
in_ns carol ip route add default via 192.168.1.1

# no_udp NAME...: these hosts neither send nor get any; and udp_again.
no_udp() {
	local name
	for name in "$@"; do
		in_ns "$name" nft -f - <<-END
			table ip wall {
				chain out { type filter hook output priority filter; meta l4proto udp drop; }
				chain in { type filter hook input priority filter; meta l4proto udp drop; }
			}
		END
	done
}

udp_again() {
	local name
	for name in "$@"; do in_ns "$name" nft delete table ip wall; done
}

# What passes the hub between ra and dave, by protocol.
in_ns hub nft -f - <<-END
	table bridge seen {
		counter by_tcp { }
		counter by_udp { }
		chain forward {
			type filter hook forward priority filter; policy accept;
			ip saddr { ${address[ra]}, ${address[dave]} } ip daddr { ${address[ra]}, ${address[dave]} } meta l4proto tcp counter name by_tcp
			ip saddr { ${address[ra]}, ${address[dave]} } ip daddr { ${address[ra]}, ${address[dave]} } meta l4proto udp counter name by_udp
		}
	}
END
seen() {
	in_ns hub nft -j list counter bridge seen "$1" | value 'e["nftables"][1]["counter"]["packets"]'
}

make_profiles "${address[s1]}:$supernode_port" "${address[s2]}:$supernode_port" "${address[s3]}:$supernode_port" -- \
	s1 s2 s3 -- alice bob carol dave
for name in s1 s2 s3; do
	supernode_conf "$name" "${address[$name]}:$supernode_port"
	start_kithd "$name" "$(ns "$name")"
done
await_members s1 s2 s3

# becomes_direct CALLER CALLEE: over TCP, and data goes both ways.
becomes_direct() {
	local caller=$1 callee=$2 from direct start_at to_caller to_callee
	from=$(mark "$caller")
	say "$caller" call "$callee"
	wait_for "$caller" "$from" 10 'e["event"] == "connected"' >/dev/null
	start_at=$(wait_for "$caller" "$from" 1 'e["event"] == "connected"' | value 'e["at"]')
	direct=$(wait_for "$caller" "$from" 10 'e["event"] == "path" and e["kind"] == "direct"')
	[ "$(value 'e["carrier"]' <<<"$direct")" = tcp ] || fail "$caller calls $callee: direct, but not over TCP: $direct"
	to_callee=$(received "$callee")
	to_caller=$(received "$caller")
	say "$caller" flow 10
	say "$callee" flow 10
	until_true 20 has_received "$callee" $((to_callee + 200))
	until_true 20 has_received "$caller" $((to_caller + 200))
	say "$caller" flow 0
	say "$callee" flow 0
	echo "$caller calls $callee: direct over TCP $(value "round(e['at'] - $start_at)" <<<"$direct") ms after it was connected"
}

hang_up() {
	local from
	from=$(mark "$2")
	say "$1" close
	wait_for "$2" "$from" 5 'e["event"] == "closed"' >/dev/null
}

no_udp alice carol dave
for name in alice carol dave; do start_peer "$name" "$(ns "$name")"; done
listeners() {
	in_ns "$1" ss -tlnH | wc -l
}
[ "$(listeners dave)" = 0 ] || fail "dave listens before anybody has called"
becomes_direct alice dave
[ "$(seen by_tcp)" -ge 400 ] || fail "only $(seen by_tcp) packets of TCP went directly"
[ "$(seen by_udp)" = 0 ] || fail "$(seen by_udp) packets of UDP"
hang_up alice dave
becomes_direct dave alice

# UDP gets through again: it takes over.
from=$(mark dave)
begun=$(date +%s%N)
udp_again alice dave
say alice flow 50
wait_for dave "$from" 120 'e["event"] == "path" and e["kind"] == "direct" and e["carrier"] == "udp"' >/dev/null
echo "UDP gets through again: it took over after $((($(date +%s%N) - begun) / 1000000)) ms"
say alice flow 0
hang_up dave alice

# Two on one network, in which no UDP passes.
no_udp alice
becomes_direct alice carol
say carol paths
wait_for carol 0 5 'e["event"] == "paths"' >"$tmp/paths"
[ "$(value 'any(p["kind"] == "direct" and p["address"].startswith("192.168.1.") for p in e["paths"])' <"$tmp/paths")" = true ] ||
	fail "alice and carol do not meet on their network: $(cat "$tmp/paths")"
hang_up alice carol

# A firewall on dave's machine lets no connection in: the call is relayed. Both begin anew, since a connection of an earlier call
# would be used for this one.
for name in alice dave; do
	stop "$name"
	rm -rf "$tmp/$name/state"
done
no_udp dave
in_ns dave nft add rule ip wall in 'tcp flags syn / syn,ack drop'
for name in dave alice; do start_peer "$name" "$(ns "$name")"; done
from=$(mark alice)
say alice call dave
wait_for alice "$from" 10 'e["event"] == "connected"' >/dev/null
explains() {
	local at
	at=$(mark alice)
	say alice explain
	wait_for alice "$at" 5 'e["event"] == "explain"' >"$tmp/explained"
	grep -qF "TCP was tried as well, but no connection to ${address[dave]}:" "$tmp/explained"
}
until_true 30 explains
no_event alice "$from" 'e["event"] == "path" and e["kind"] == "direct"'
grep -o 'verdict: [^\\]*' "$tmp/explained"

# Both routers choose a random port for each destination, and bob's forwards one of TCP to him, set by hand.
for name in ra rb; do
	in_ns "$name" nft -f - <<-END
		flush chain ip kith postrouting
		table ip kith { chain postrouting { oifname "wan" masquerade fully-random; }; }
	END
done
in_ns rb nft -f - <<-END
	table ip kith {
		chain forwarded { type nat hook prerouting priority dstnat; iifname "wan" tcp dport 1024-65535 dnat to ${address[bob]}; }
	}
	insert rule ip kith forward ip daddr ${address[bob]} tcp dport 1024-65535 accept
END
stop alice
rm -rf "$tmp/alice/state"
udp_again alice
for name in bob alice; do start_peer "$name" "$(ns "$name")"; done
becomes_direct alice bob
hang_up alice bob
becomes_direct bob alice
echo "PASS"
