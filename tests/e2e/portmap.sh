#!/usr/bin/env bash
# Two accounts behind routers that give each flow a random port and let nothing in: no hole can be punched, and a call stays
# relayed. Then the routers learn to map ports (miniupnpd): the nodes hear of it and ask, and the call goes directly. A
# mapping is gone when its node has ended; it comes back when the router has forgotten it; where the router speaks neither
# PCP nor NAT-PMP, UPnP makes it. Judged by the routers' rules and counters.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
# shellcheck source=tests/e2e/lib_net.sh
. "$(dirname "$0")/lib_net.sh"
need_root
cd "$tmp"
net_up
net_supernodes

# hard ROUTER: a random port for each flow; in from outside comes what is mapped, and nothing else.
hard() {
	local rule
	rule=$(in_ns "$1" nft -a list chain ip kith forward | sed -n 's/.*ct state new drop # handle //p')
	in_ns "$1" nft -f - <<-END
	replace rule ip kith forward handle $rule iifname "wan" ct state new ct status and 0x20 == 0 drop
	flush chain ip kith postrouting
	add rule ip kith postrouting oifname "wan" masquerade fully-random
	table inet mapper {
		chain forward { type filter hook forward priority filter; policy accept; jump miniupnpd; }
		chain prerouting { type nat hook prerouting priority dstnat; policy accept; jump prerouting_miniupnpd; }
		chain postrouting { type nat hook postrouting priority srcnat - 1; policy accept; jump postrouting_miniupnpd; }
		chain miniupnpd { }
		chain prerouting_miniupnpd { }
		chain postrouting_miniupnpd { }
	}
	END
}

# mapper ROUTER NATPMP UPNP: starts its miniupnpd.
mapper() {
	cat >"$tmp/$1.conf" <<-END
	ext_ifname=wan
	listening_ip=lan
	enable_natpmp=$2
	enable_upnp=$3
	upnp_table_name=mapper
	upnp_nat_table_name=mapper
	secure_mode=yes
	system_uptime=no
	uuid=7a6c0000-0000-4000-8000-000000000001
	allow 1024-65535 192.168.0.0/16 1024-65535
	deny 0-65535 0.0.0.0/0 0-65535
	END
	start "$1" "$(ns "$1")" miniupnpd -d -f "$tmp/$1.conf" -P "$tmp/$1.pid"
}

# How many mappings of UDP a router has; one of TCP is there while a relayed call may need it.
mapped() {
	in_ns "$1" nft list chain inet mapper prerouting_miniupnpd | grep dnat | grep -vc ' 0x6 ' || true
}

has_mapped() {
	[ "$(mapped "$1")" = "$2" ]
}

# leaf_conf NAME [LINE...]
leaf_conf() {
	local name=$1
	shift
	printf '%s\n' 'role = leaf' "profile = \"$tmp/$name\"" "control = \"$tmp/$name.sock\"" 'log_format = json' 'log_clear = yes' "$@" \
		>"$tmp/$name.conf"
}

hard ra
hard rb
start_peer bob "$(ns bob)"
start_peer alice "$(ns alice)"
from=$(mark alice)
say alice call bob
wait_for alice "$from" 5 'e["event"] == "connected"' >/dev/null
say alice flow 10
until_true 20 has_received bob 120
no_event alice "$from" 'e["event"] == "path" and e["kind"] == "direct"'
[ "$(mapped ra)" = 0 ] || fail "there is a mapping without a mapper"
echo "relayed, for 120 records: the routers map nothing"

mapper ra yes no
mapper rb yes no
until_true 5 has_mapped ra 1
until_true 5 has_mapped rb 1
wait_for alice "$from" 40 'e["event"] == "path" and e["kind"] == "direct"' >/dev/null
relayed=$(flow_directly packets)
echo "mapped by PCP: direct, with $relayed packets to supernodes meanwhile; all $(all_arrived alice bob) records arrived, in order"

# Its end takes the mapping along, and no other.
say alice quit
await_end alice 10
has_mapped ra 0 || fail "alice has ended, and her mapping is there: $(in_ns ra nft list table inet mapper)"
has_mapped rb 1 || fail "bob's mapping went with alice"

# A router that has forgotten all says so when it is back.
crash rb
in_ns rb nft flush chain inet mapper prerouting_miniupnpd
in_ns rb nft flush chain inet mapper miniupnpd
mapper rb yes no
until_true 5 has_mapped rb 1
say bob quit
await_end bob 10
has_mapped rb 0 || fail "bob has ended, and his mapping is there"
echo "the mappings went with their nodes, and came back when the router had forgotten them"

# UPnP alone; and the option, while it runs.
stop ra
mapper ra no yes
leaf_conf alice
start_kithd alice "$(ns alice)"
until_true 20 is alice 'e["mapping"]["state"]' mapped
is alice 'e["mapping"]["by"]' upnp || fail "mapped, but not by UPnP: $(status alice 'e["mapping"]')"
has_mapped ra 1 || fail "status tells of a mapping that is not there"
ends 0 "mapped: ${address[ra]}:" "$kith" status --socket "$tmp/alice.sock"
ends 0 ' by UPnP until 20' "$kith" status --socket "$tmp/alice.sock"
leaf_conf alice 'port_mapping = no'
kill -HUP "${pid_of[alice]}"
until_true 10 has_mapped ra 0
until_true 5 is alice 'e["mapping"]["state"]' off
ends 0 'mapped: no, the options say no' "$kith" status --socket "$tmp/alice.sock"
leaf_conf alice
kill -HUP "${pid_of[alice]}"
until_true 20 has_mapped ra 1
before=$(now_ms)
stop alice
took=$(($(now_ms) - before))
has_mapped ra 0 || fail "kithd has ended, and its mapping is there"
[ "$took" -lt 4000 ] || fail "kithd took $took ms to end"
is s1 'e["mapping"]["state"]' off || fail "a supernode asks for a mapping"
echo "mapped by UPnP where the router speaks neither PCP nor NAT-PMP; taken back by the option, and at the end"
echo "PASS"
