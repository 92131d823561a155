# shellcheck shell=bash
# Sourced behind lib_common.sh: a small internet of network namespaces, for the end-to-end tests and scripts/demo. Needs root.
#
#    alice 192.168.1.2                                                bob 192.168.2.2
#        |                                                                |
#    [ ra ]  NAT: masquerade, and no way in from outside              [ rb ]
#        |  44.4.0.4                                                      |  55.5.0.5
#        +-------------------------- [ hub ] ----------------------------+
#                        |              |              |
#                    s1 11.1.0.1    s2 22.2.0.2    s3 33.3.0.3            the supernodes, on public addresses
#
# The hub is a bridge. Public hosts have a /32 each, and reach all others on the link: addresses of different prefixes, as on the
# real internet (homes and replicas are chosen so). They look public because libraries treat test networks specially; nothing leaves the
# namespaces. The routers drop what comes from outside unasked, to themselves as well: an early packet to the NAT's own input
# would otherwise confirm a flow there, and the real one would be given another port.
#
# Each router counts by names what it forwards:  direct_out, direct_in: to and from the other router;  relay_out, relay_in: supernodes.

net=kith$$
nets=(hub s1 s2 s3 ra rb alice bob)
declare -A address=([s1]=11.1.0.1 [s2]=22.2.0.2 [s3]=33.3.0.3 [ra]=44.4.0.4 [rb]=55.5.0.5 [alice]=192.168.1.2 [bob]=192.168.2.2)
supernode_port=4433

# Ends the script unless it may make namespaces: skipped if that was asked for, else a failure.
need_root() {
	if [ "$(id -u)" = 0 ] && [ -z "${KITH_NO_ROOT:-}" ]; then return; fi
	if [ -n "${KITH_NO_ROOT:-}" ]; then
		echo "skipped: network namespaces need root"
		exit 77
	fi
	fail "network namespaces need root; KITH_NO_ROOT=1 skips this"
}

ns() {
	echo "$net-$1"
}

in_ns() {
	local name=$1
	shift
	ip netns exec "$net-$name" "$@"
}

net_down() {
	local name
	for name in "${nets[@]}"; do
		ip netns del "$net-$name" 2>/dev/null || true
	done
}

# A namespace with its loopback up, IPv4 only.
net_host() {
	ip netns add "$net-$1"
	in_ns "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	in_ns "$1" ip link set lo up
}

# net_public NAME INTERFACE: a place on the hub.
net_public() {
	ip link add "$2" netns "$net-$1" type veth peer name "to-$1" netns "$net-hub"
	in_ns hub ip link set "to-$1" master br0 up
	in_ns "$1" ip address add "${address[$1]}/32" dev "$2"
	in_ns "$1" ip link set "$2" up
	in_ns "$1" ip route add default dev "$2"
}

# net_router NAME OTHER HOST NETWORK: NAT, counters, and a set of addresses to and from which nothing is forwarded any more.
net_router() {
	local name=$1 other=${address[$2]} host=$3 network=$4 supernodes="${address[s1]}, ${address[s2]}, ${address[s3]}"
	net_public "$name" wan
	ip link add lan netns "$net-$name" type veth peer name eth0 netns "$net-$host"
	in_ns "$name" ip address add "$network.1/24" dev lan
	in_ns "$name" ip link set lan up
	in_ns "$host" ip address add "${address[$host]}/24" dev eth0
	in_ns "$host" ip link set eth0 up
	in_ns "$host" ip route add default via "$network.1"
	in_ns "$name" sysctl -qw net.ipv4.ip_forward=1
	in_ns "$name" nft -f - <<-END
	table ip kith {
		counter direct_out { }
		counter direct_in { }
		counter relay_out { }
		counter relay_in { }
		set blocked { type ipv4_addr; }
		chain input {
			type filter hook input priority filter; policy accept;
			iifname "wan" meta l4proto udp ct state new drop
		}
		chain forward {
			type filter hook forward priority filter; policy accept;
			ip saddr @blocked drop
			ip daddr @blocked drop
			iifname "wan" ct state new drop
			ip daddr $other counter name direct_out
			ip saddr $other counter name direct_in
			ip daddr { $supernodes } counter name relay_out
			ip saddr { $supernodes } counter name relay_in
		}
		chain postrouting {
			type nat hook postrouting priority srcnat; policy accept;
			oifname "wan" masquerade
		}
	}
	END
}

# net_hub HOST: all namespaces, each made by the function HOST, and the bridge in the hub. They are removed at the end.
net_hub() {
	local name
	cleaners+=(net_down)
	for name in "${nets[@]}"; do "$1" "$name"; done
	in_ns hub ip link add br0 type bridge
	in_ns hub ip link set br0 up
}

net_up() {
	local name
	net_hub net_host
	for name in s1 s2 s3; do net_public "$name" eth0; done
	net_router ra rb alice 192.168.1
	net_router rb ra bob 192.168.2
}

# packets ROUTER COUNTER: how many so far.
packets() {
	in_ns "$1" nft -j list counter ip kith "$2" | value 'e["nftables"][1]["counter"]["packets"]'
}

# flow_directly COUNT: alice and bob talk both ways, and alice's router sees it go directly; prints how many packets
# went to the supernodes meanwhile, which must be few. COUNT: packets, or what counts like it.
flow_directly() {
	local count=$1 out in relayed
	say alice flow 10
	say bob flow 10
	out=$("$count" ra direct_out) in=$("$count" ra direct_in) relayed=$("$count" ra relay_out)
	flowed() {
		[ $(($("$count" ra direct_out) - out)) -ge 200 ] && [ $(($("$count" ra direct_in) - in)) -ge 200 ]
	}
	until_true 20 flowed
	relayed=$(($("$count" ra relay_out) - relayed))
	[ "$relayed" -lt 60 ] || fail "$relayed packets to supernodes while the direct path carried the data"
	echo "$relayed"
}

# block ROUTER ADDRESS, unblock ROUTER ADDRESS
block() {
	in_ns "$1" nft add element ip kith blocked "{ $2 }"
}

unblock() {
	in_ns "$1" nft delete element ip kith blocked "{ $2 }"
}

# The two routers let nothing through between each other: only the direct path dies.
block_direct() {
	block ra "${address[rb]}"
	block rb "${address[ra]}"
}

unblock_direct() {
	unblock ra "${address[rb]}"
	unblock rb "${address[ra]}"
}

# net_supernodes [LINE...]: profiles for all, three supernodes that know each other, with these lines in their configuration.
net_supernodes() {
	local name
	make_profiles "${address[s1]}:$supernode_port" "${address[s2]}:$supernode_port" "${address[s3]}:$supernode_port" -- s1 s2 s3 -- alice bob
	for name in s1 s2 s3; do
		supernode_conf "$name" "${address[$name]}:$supernode_port" "$@"
		start_kithd "$name" "$(ns "$name")"
	done
	await_members s1 s2 s3
}
