#!/usr/bin/env bash
# One local network, no way out of it, and no supernode anywhere: alice calls bob, who is her contact, and data flows at once. Over
# IPv4, then over IPv6. Carol is no contact of bob's: she calls in vain, and hears nothing. The switch between them counts what they
# send to all, and that is nothing until somebody calls.
#
#    alice 10.7.0.1 fd07::1      bob 10.7.0.2 fd07::2      carol 10.7.0.3 fd07::3
#        |                           |                         |
#        +------------------------ [ hub ] -------------------+
#
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
# shellcheck source=tests/e2e/lib_net.sh
. "$(dirname "$0")/lib_net.sh"
need_root
people=(alice bob carol)
nets=(hub "${people[@]}")
calls=10

# A namespace with both families; addresses are known to be free (no DAD), and nobody advertises routes.
lan_host() {
	ip netns add "$net-$1"
	in_ns "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
		net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.accept_ra=0
	in_ns "$1" ip link set lo up
}

# lan_address NUMBER: nobody has another address than these, and no route but to its network.
lan_join() {
	local number=0 name
	for name in "${people[@]}"; do
		number=$((number + 1))
		ip link add eth0 netns "$net-$name" type veth peer name "to-$name" netns "$net-hub"
		in_ns hub ip link set "to-$name" master br0 up
		in_ns "$name" ip link set eth0 up
		in_ns "$name" ip address add "10.7.0.$number/24" dev eth0
		in_ns "$name" ip -6 address add "fd07::$number/64" dev eth0 nodad
	done
}

net_hub lan_host
lan_join
in_ns hub nft -f - <<-END
	table bridge seen {
		counter asked4 { }
		counter asked6 { }
		chain forward {
			type filter hook forward priority filter; policy accept;
			ip daddr 239.255.75.72 udp dport 7411 counter name asked4
			ip6 daddr ff02::4b49:5448 udp dport 7411 counter name asked6
		}
	}
END
asked() {
	in_ns hub nft -j list counter bridge seen "$1" | value 'e["nftables"][1]["counter"]["packets"]'
}

make_profiles 11.1.0.1:4433 -- -- "${people[@]}"
declare -A identity
for name in "${people[@]}"; do
	identity[$name]=$("$kith" id show "$tmp/$name" --json | value 'next(o["identity key"] for o in e if "identity key" in o)')
done

# people_start [OPTION...]: all, each with the contacts it has: alice and bob know each other, carol knows bob.
people_start() {
	local name
	for name in "${people[@]}"; do start "$name" "$(ns "$name")" "$peer" --profile "$tmp/$name" "$@"; done
	for name in "${people[@]}"; do wait_for "$name" 0 10 'e["event"] == "started"' >/dev/null; done
	say alice "show bob ${identity[bob]}"
	say bob "show alice ${identity[alice]}"
	say carol "show bob ${identity[bob]}"
}

people_stop() {
	local name
	for name in "${people[@]}"; do stop "$name"; done
}

# How long a call of alice's took until its first byte was there, in milliseconds.
call_bob() {
	local from at connected
	from=$(mark alice)
	say alice call bob
	at=$(wait_for alice "$from" 5 'e["event"] == "calling"' | value 'e["at"]')
	connected=$(wait_for alice "$from" 5 'e["event"] == "connected"')
	[ "$(value 'e["paths"][0]["kind"]' <<<"$connected")" = direct ] || fail "the first path is not direct: $connected"
	value "e['at'] - $at" <<<"$connected"
	from=$(mark alice)
	say alice close
	wait_for alice "$from" 5 'e["event"] == "closed"' >/dev/null
}

median() {
	sort -n | awk '{ v[NR] = $1 } END { printf "%.1f and %.1f", v[int((NR + 1) / 2)], v[NR] }'
}

# family COUNTER: all talk over one family, and say so.
family() {
	local counter=$1 from figures
	[ "$(asked "$counter")" = 0 ] || fail "something was sent to all before any call"
	figures=$(for _ in $(seq "$calls"); do call_bob; done | median)
	[ "$(asked "$counter")" -ge "$calls" ] || fail "nobody asked: $(asked "$counter")"

	# A flow, both ways, with no home and no other path.
	from=$(mark alice)
	say alice call bob
	wait_for alice "$from" 5 'e["event"] == "connected"' >/dev/null
	say alice flow 10
	say bob flow 10
	has_some() {
		[ "$(stats_of alice | value 'e["records"]["received"]')" -ge 100 ] &&
			[ "$(stats_of bob | value 'e["records"]["received"]')" -ge 100 ]
	}
	until_true 10 has_some
	all_arrived alice bob >/dev/null

	# Carol is a stranger to bob: silence, and no home that could be asked.
	from=$(mark carol)
	say carol call bob
	[ "$(wait_for carol "$from" 10 'e["event"] == "call-failed"' | value 'e["error"]')" = EDETACHED ] || fail "carol's call"
	echo "$counter: $calls calls with no supernode, median and longest until connected: $figures ms"
}

people_start
for name in "${people[@]}"; do in_ns "$name" ip -6 address flush dev eth0 scope global; done
family asked4
people_stop

for name in "${people[@]}"; do in_ns "$name" ip address flush dev eth0; done
number=0
for name in "${people[@]}"; do
	number=$((number + 1))
	in_ns "$name" ip -6 address add "fd07::$number/64" dev eth0 nodad
done
people_start
family asked6
people_stop

# Told not to, bob does not hear, and alice does not ask.
in_ns hub nft reset counters >/dev/null
people_start --no-lan
from=$(mark alice)
say alice call bob
wait_for alice "$from" 10 'e["event"] == "call-failed"' >/dev/null
[ "$(asked asked4)$(asked asked6)" = 00 ] || fail "asked though told not to"
echo "PASS"
