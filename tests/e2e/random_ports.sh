#!/usr/bin/env bash
# The kernel's NAT gives alice a random port for every destination (masquerade fully-random), and bob's lets in only what comes from
# where he has sent to. A call becomes direct all the same, whoever of them dials, and the many sockets that this takes are
# closed again but for the one that hit.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
# shellcheck source=tests/e2e/lib_net.sh
. "$(dirname "$0")/lib_net.sh"
need_root
net_up
in_ns ra nft -f - <<-END
	flush chain ip kith postrouting
	table ip kith {
		chain postrouting {
			oifname "wan" masquerade fully-random
		}
	}
END
net_supernodes
start_peer bob "$(ns bob)"
start_peer alice "$(ns alice)"

udp_sockets() {
	in_ns alice ss -uanH | wc -l
}

before=$(udp_sockets)
# becomes_direct CALLER CALLEE: the call, its direct path, and its end.
becomes_direct() {
	local caller=$1 callee=$2 from connected direct start_at
	from=$(mark "$caller")
	say "$caller" call "$callee"
	connected=$(wait_for "$caller" "$from" 5 'e["event"] == "connected"')
	[ "$(value 'e["paths"][0]["kind"]' <<<"$connected")" = relay ] || fail "the first path is no relay: $connected"
	direct=$(wait_for "$caller" "$from" 15 'e["event"] == "path" and e["kind"] == "direct"')
	start_at=$(wait_for "$caller" "$from" 1 'e["event"] == "calling"' | value 'e["at"]')
	echo "$caller calls $callee: direct after $(value "round(e['at'] - $start_at, 1)" <<<"$direct") ms"
}

few_sockets() {
	[ "$(udp_sockets)" -le $((before + $1)) ]
}

becomes_direct alice bob
relayed=$(flow_directly packets)
echo "data: more than 200 packets each way directly, $relayed to supernodes meanwhile"
until_true 5 few_sockets 1
from=$(mark bob)
say alice close
wait_for bob "$from" 5 'e["event"] == "closed"' >/dev/null
until_true 5 few_sockets 0
[ "$(packets ra direct_out)" -ge 200 ] || fail "too little went directly"

becomes_direct bob alice
until_true 5 few_sockets 1
echo "PASS"
