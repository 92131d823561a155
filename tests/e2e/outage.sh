#!/usr/bin/env bash
# The network changes under two accounts that talk, and their session goes on: the caller's link is down for some seconds,
# then each of the two routers in turn, and at last both at once, get another public address, of which no host is told.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
# shellcheck source=tests/e2e/lib_net.sh
. "$(dirname "$0")/lib_net.sh"
need_root
net_up
net_supernodes
start_peer bob "$(ns bob)"
start_peer alice "$(ns alice)"

from=$(mark alice)
say alice call bob
wait_for alice "$from" 5 'e["event"] == "path" and e["kind"] == "direct"' >/dev/null
say alice flow 10

# goes_on WHAT LIMIT FROM: a hundred more records arrived, in order, on the same connection; the longest silence since the mark in bob's
# output was below the limit, in ms.
goes_on() {
	local silence before
	before=$(received bob)
	until_true 20 has_received bob $((before + 100))
	no_event alice "$from" 'e["event"] in ("closed", "stream-closed")'
	no_event bob 0 'e["event"] == "closed"'
	silence=$(silence_since bob "$3")
	[ "$(value "e < $2" <<<"$silence")" = true ] || fail "$1: $silence ms of silence, more than $2"
	echo "$1: longest silence $silence ms"
}

# The system says that the link is down, and later that it is up.
bob_from=$(mark bob)
alice_from=$(mark alice)
in_ns alice ip link set eth0 down
wait_for alice "$alice_from" 10 'e["event"] == "interrupted"' >/dev/null
in_ns alice ip link set eth0 up
in_ns alice ip route replace default via 192.168.1.1
wait_for alice "$alice_from" 10 'e["event"] == "resumed" and e["silent_ms"] > 1000' >/dev/null
goes_on "the link is down for a while" 8000 "$bob_from"

# readdress ROUTER ADDRESS: translations to the old one end with it.
readdress() {
	in_ns "$1" ip address del "${address[$1]}/32" dev wan
	in_ns "$1" ip address add "$2/32" dev wan
	in_ns "$1" ip route replace default dev wan
	address[$1]=$2
}

bob_from=$(mark bob)
readdress ra 44.4.0.77
goes_on "the caller's router gets another address" 4000 "$bob_from"

bob_from=$(mark bob)
readdress rb 55.5.0.77
goes_on "the callee's router gets another address" 4000 "$bob_from"

bob_from=$(mark bob)
readdress ra 44.4.0.78
readdress rb 55.5.0.78
goes_on "both routers get another address" 4000 "$bob_from"

echo "all $(all_arrived alice bob) records arrived, in order"
echo "PASS"
