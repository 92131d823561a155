#!/usr/bin/env bash
# IPv6 only, no NAT anywhere: two accounts, each behind a stateful firewall that lets nothing in unasked, find each other by name. Data
# flows through a relay first, then directly, by the firewalls' counters.
#
#    alice 2a02:44:4::2                                              bob 2a02:55:5::2
#        |                                                                |
#    [ ra ]  routes 2a02:44:4::/64, drops what is new from outside    [ rb ]  routes 2a02:55:5::/64
#        |  2a02:44::1                                                    |  2a02:55::1
#        +-------------------------- [ hub ] ----------------------------+
#                        |              |              |
#                 s1 2a00:11::1   s2 2a01:22::1   s3 2a03:33::1            the supernodes, in different networks (/32)
#
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
# shellcheck source=tests/e2e/lib_net.sh
. "$(dirname "$0")/lib_net.sh"
need_root
address=([s1]=2a00:11::1 [s2]=2a01:22::1 [s3]=2a03:33::1 [ra]=2a02:44::1 [rb]=2a02:55::1 [alice]=2a02:44:4::2 [bob]=2a02:55:5::2)

# A namespace without IPv4 addresses. Addresses are known to be free (no DAD), and nobody advertises routes.
net6_host() {
	ip netns add "$net-$1"
	in_ns "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
		net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.accept_ra=0
	in_ns "$1" ip link set lo up
}

# A place on the hub: everybody is on the link, but the networks behind the firewalls are behind them.
net6_public() {
	ip link add "$2" netns "$net-$1" type veth peer name "to-$1" netns "$net-hub"
	in_ns hub ip link set "to-$1" master br0 up
	in_ns "$1" ip link set "$2" up
	in_ns "$1" ip -6 address add "${address[$1]}/128" dev "$2" nodad
	in_ns "$1" ip -6 route add default dev "$2"
	[ "$1" = ra ] || in_ns "$1" ip -6 route add 2a02:44:4::/64 via "${address[ra]}" dev "$2" onlink
	[ "$1" = rb ] || in_ns "$1" ip -6 route add 2a02:55:5::/64 via "${address[rb]}" dev "$2" onlink
}

# net6_firewall NAME HOST OTHER_HOST NETWORK
net6_firewall() {
	local name=$1 host=$2 other=${address[$3]} network=$4
	net6_public "$name" wan
	ip link add lan netns "$net-$name" type veth peer name eth0 netns "$net-$host"
	in_ns "$name" ip link set lan up
	in_ns "$host" ip link set eth0 up
	in_ns "$name" ip -6 address add "$network::1/64" dev lan nodad
	in_ns "$host" ip -6 address add "${address[$host]}/64" dev eth0 nodad
	in_ns "$host" ip -6 route add default via "$network::1"
	in_ns "$name" sysctl -qw net.ipv6.conf.all.forwarding=1
	in_ns "$name" nft -f - <<-END
	table ip6 kith {
		counter direct_out { }
		counter direct_in { }
		counter relay_out { }
		counter relay_in { }
		counter refused { }
		chain input {
			type filter hook input priority filter; policy drop;
			iifname { "lan", "lo" } accept
			meta l4proto ipv6-icmp accept
		}
		chain forward {
			type filter hook forward priority filter; policy drop;
			iifname "wan" ct state new counter name refused drop
			ct state invalid drop
			ip6 daddr $other counter name direct_out
			ip6 saddr $other counter name direct_in
			ip6 daddr { ${address[s1]}, ${address[s2]}, ${address[s3]} } counter name relay_out
			ip6 saddr { ${address[s1]}, ${address[s2]}, ${address[s3]} } counter name relay_in
			iifname "lan" accept
			ct state established,related accept
		}
	}
	END
}

packets6() {
	in_ns "$1" nft -j list counter ip6 kith "$2" | value 'e["nftables"][1]["counter"]["packets"]'
}

net_hub net6_host
for name in s1 s2 s3; do net6_public "$name" eth0; done
net6_firewall ra alice bob 2a02:44:4
net6_firewall rb bob alice 2a02:55:5

bootstrap=()
for name in s1 s2 s3; do bootstrap+=("[${address[$name]}]:$supernode_port"); done
make_profiles "${bootstrap[@]}" -- s1 s2 s3 -- alice bob
for name in s1 s2 s3; do
	supernode_conf "$name" "[${address[$name]}]:$supernode_port"
	start_kithd "$name" "$(ns "$name")"
done
await_members s1 s2 s3
start_peer bob "$(ns bob)"
start_peer alice "$(ns alice)"

# The firewall keeps strangers out, also from a port that bob is known to have.
before=$(packets6 rb refused)
in_ns s1 python3 -c 'import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"x", ("2a02:55:5::2", 9))'
refused_one() {
	[ "$(packets6 rb refused)" -gt "$before" ]
}
until_true 5 refused_one

# kith and kithd over IPv6: from the supernode, which is outside, and from behind the firewall.
[ "$("$kith" status --json --socket "$tmp/s1.sock" | value '[e["ipv4"], e["ipv6"]]')" = "[false, true]" ] || fail "s1 is not on IPv6 alone"
"$kith" ping s2 --json --count 3 --interval 20 --socket "$tmp/s1.sock" | value 'e["received"]' | grep -q 3 || fail "ping over IPv6"
"$kith" ca issue "$tmp/ca" dave --profile "$tmp/dave" --no-passphrase --bootstrap "${bootstrap[0]}" >/dev/null
in_ns alice "$kith" ping s3 --json --profile "$tmp/dave" --count 3 --interval 20 | value 'e["received"]' | grep -q 3 || fail "a node of its own over IPv6"

from=$(mark alice)
say alice lookup bob
found=$(wait_for alice "$from" 5 'e["event"] == "found"')
[ "$(value 'e["online"]' <<<"$found")" = true ] || fail "bob is not online: $found"
[ "$(value 'len(e["homes"])' <<<"$found")" = 3 ] || fail "bob has not three homes: $found"
[ "$(packets6 ra direct_out)" = 0 ] || fail "packets to bob before any call: an address has leaked"

relayed=$(packets6 ra relay_out)
from=$(mark alice)
say alice call bob
connected=$(wait_for alice "$from" 5 'e["event"] == "connected"')
[ "$(value 'e["paths"][0]["kind"]' <<<"$connected")" = relay ] || fail "the first path is no relay: $connected"
[ "$(packets6 ra relay_out)" -gt "$relayed" ] || fail "connected, but nothing went to the supernodes"
direct=$(wait_for alice "$from" 10 'e["event"] == "path" and e["kind"] == "direct"')
[[ $(value 'e["address"]' <<<"$direct") = "[${address[bob]}]:"* ]] || fail "direct, but not to bob: $direct"
wait_for bob 0 5 'e["event"] == "path" and e["kind"] == "direct"' >/dev/null

relayed=$(flow_directly packets6)
count=$(all_arrived alice bob)
echo "all $count records arrived in order; data went directly over IPv6, $relayed packets to supernodes meanwhile"
echo "PASS"
