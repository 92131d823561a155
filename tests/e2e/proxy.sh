#!/usr/bin/env bash
# Behind a wall that lets nothing through but what a proxy fetches: HTTP's CONNECT to port 443 with a password (tinyproxy), then
# SOCKS 5 (dante). Whoever is there joins, is found and is called; what the proxy refuses is told.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
# shellcheck source=tests/e2e/lib_net.sh
. "$(dirname "$0")/lib_net.sh"
need_root
net_up

net_supernodes 'listen_tcp = 443'

# Nothing of alice's is forwarded; the proxies are at her router.
in_ns ra nft add rule ip kith forward iifname lan drop
sed -i "s/:$supernode_port\>/:443/" "$tmp/alice/bootstrap"
cat >"$tmp/tinyproxy.conf" <<END
Port 8888
Listen 192.168.1.1
Timeout 600
ConnectPort 443
BasicAuth alice secret
LogLevel Warning
END
cat >"$tmp/danted.conf" <<END
logoutput: stderr
internal: lan port = 1080
external: wan
socksmethod: none
clientmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 192.168.1.0/24 to: 0.0.0.0/0 }
socks pass { from: 192.168.1.0/24 to: 0.0.0.0/0 command: connect }
END
start tinyproxy "$(ns ra)" tinyproxy -d -c "$tmp/tinyproxy.conf"
start danted "$(ns ra)" danted -f "$tmp/danted.conf"
listens() {
	in_ns ra ss -Hltn "sport = :$1" | grep -q .
}
until_true 10 listens 8888
until_true 10 listens 1080

# joins PROXY: alice is found within 3 s, calls bob, and data goes both ways.
joins() {
	local at ms
	rm -rf "$tmp/alice/state"
	start_peer bob "$(ns bob)"
	start_peer alice "$(ns alice)" --proxy "$1"
	at=$(wait_for alice 0 1 'e["event"] == "started"' | value 'e["at"]')
	ms=$(wait_for alice 0 1 'e["event"] == "published"' | value "round(e['at'] - $at)")
	[ "$ms" -le 3000 ] || fail "$1: found after $ms ms"
	call_both_ways alice bob
	no_event alice 0 'e["event"] == "trouble"'
	stop alice
	stop bob
	echo "${1%%:*}: found after $ms ms"
}
joins http://alice:secret@192.168.1.1:8888
joins socks5://192.168.1.1:1080

# refused PROXY TEXT: it does not join, and says why.
refused() {
	rm -rf "$tmp/alice/state"
	start alice "$(ns alice)" "$peer" --profile "$tmp/alice" --proxy "$1"
	wait_for alice 0 10 "e['event'] == 'trouble' and '$2' in e['why']" >/dev/null
	no_event alice 0 'e["event"] == "attached"'
	stop alice
}
refused http://alice:wrong@192.168.1.1:8888 'refuses us: is the user, or the password, right?'
refused http://192.168.1.1:8888 'refuses us'
refused http://192.168.1.1:9 'a supernode was not reached through the proxy 192.168.1.1:9'
cat >"$tmp/wrong.conf" <<END
profile = "$tmp/alice"
proxy = "socks5://proxy.example:1080"
END
ends 2 'wrong.conf:2: proxy: found "socks5://proxy.example:1080"; expected "socks5://ADDRESS:PORT"' "$kithd" -c "$tmp/wrong.conf"
echo "PASS"
