#!/usr/bin/env bash
# The network changes under a call that flows directly, and nobody says so but the network:
#   alice's router forgets its connections, and gives her another port;
#   alice's default route goes to another router, with both interfaces up;
#   a second after she moved back, bob calls her.
# Each time the call is direct again within two seconds, by what alice and the routers' counters tell.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
# shellcheck source=tests/e2e/lib_net.sh
. "$(dirname "$0")/lib_net.sh"
need_root
nets+=(rc)
address[rc]=66.6.0.6
net_up

# Alice's second uplink, as net_router makes them.
net_public rc wan
ip link add lan netns "$(ns rc)" type veth peer name eth1 netns "$(ns alice)"
in_ns rc ip address add 192.168.3.1/24 dev lan
in_ns rc ip link set lan up
in_ns alice ip address add 192.168.3.2/24 dev eth1
in_ns alice ip link set eth1 up
in_ns rc sysctl -qw net.ipv4.ip_forward=1
in_ns rc nft -f - <<-END
table ip kith {
	counter direct_out { }
	chain input { type filter hook input priority filter; iifname "wan" meta l4proto udp ct state new drop; }
	chain forward {
		type filter hook forward priority filter;
		iifname "wan" ct state new drop
		ip daddr ${address[rb]} counter name direct_out
	}
	chain postrouting { type nat hook postrouting priority srcnat; oifname "wan" masquerade; }
}
END

net_supernodes
start_peer bob "$(ns bob)"
start_peer alice "$(ns alice)"
from=$(mark alice)
say alice call bob
wait_for alice "$from" 5 'e["event"] == "path" and e["kind"] == "direct"' >/dev/null
say alice flow 10
say bob flow 10
until_true 10 has_received bob 100

# changes WHAT: from here on, by the clock of the peers' events.
changes() {
	what=$1
	bob_from=$(mark bob)
	begun=$(python3 -c 'import time; print(time.monotonic() * 1000)')
}

# direct_again ROUTER FIRST LAST: bob sends to a port of that router's between these two, within two seconds; it carries the data,
# and none is lost.
direct_again() {
	local out took
	local there="e['address'].split(':')[0] == '${address[$1]}' and $2 <= int(e['address'].split(':')[1]) <= $3"
	took=$(wait_for bob "$bob_from" 10 "e['event'] == 'path' and e['kind'] == 'direct' and $there" |
		value "round(e['at'] - $begun)")
	[ "$took" -le 2000 ] || fail "$what: direct again after $took ms"
	out=$(packets "$1" direct_out)
	flowed() { [ $(($(packets "$1" direct_out) - out)) -ge 50 ]; }
	until_true 5 flowed "$1"
	no_event alice "$from" 'e["event"] in ("closed", "stream-closed")'
	echo "$what: direct again after $took ms, longest silence $(silence_since bob "$bob_from") ms"
}

# The router forgets all connections, as one that was restarted.
changes "another port of the NAT"
in_ns ra nft -f - <<-END
flush chain ip kith postrouting
add rule ip kith postrouting oifname "wan" ip protocol udp masquerade to :20000-20100
END
in_ns ra conntrack -F 2>/dev/null
direct_again ra 20000 20100

changes "another uplink"
in_ns alice ip route replace default via 192.168.3.1
direct_again rc 1024 65535

echo "all $(all_arrived alice bob) records arrived, in order"

# Nothing flows: alice's system alone knows that she has moved.
say alice close
wait_for bob 0 5 'e["event"] == "closed"' >/dev/null
in_ns alice ip route replace default via 192.168.1.1
sleep 1
from=$(mark bob)
say bob call alice
wait_for bob "$from" 2 'e["event"] == "connected"' >/dev/null
wait_for bob "$from" 2 'e["event"] == "path" and e["kind"] == "direct"' >/dev/null
echo "moved a second ago: reached within two seconds"
echo "PASS"
