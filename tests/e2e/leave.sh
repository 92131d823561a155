#!/usr/bin/env bash
# A supernode is told to stop (SIGTERM) while data flows through it: it ends with 0 within its time, and nothing is lost.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
# shellcheck source=tests/e2e/lib_net.sh
. "$(dirname "$0")/lib_net.sh"
need_root
net_up
net_supernodes
start_peer bob "$(ns bob)"
start_peer alice "$(ns alice)"
block_direct # so that the data has to go through a supernode

from=$(mark alice)
say alice call bob
wait_for alice "$from" 5 'e["event"] == "connected"' >/dev/null
say alice flow 10

until_true 10 has_received bob 100
relay=$(stats_of alice | value '[p["address"] for p in e["paths"] if p["sending"]][0].split(":")[0]')
for name in s1 s2 s3; do [ "${address[$name]}" = "$relay" ] && leaver=$name; done
: "${leaver:?the relay $relay is none of the supernodes}"
before=$(received bob)
bob_from=$(mark bob)
kill -TERM "${pid_of[$leaver]}"
await_end "$leaver" 10
[ "$exit_code" = 0 ] || fail "$leaver ended with $exit_code"
grep -q '"event": "leaving"' "$tmp/$leaver.out" || fail "$leaver did not say that it leaves"
until_true 20 has_received bob $((before + 200))
silence=$(silence_since bob "$bob_from")
count=$(all_arrived alice bob)
no_event alice "$from" 'e["event"] in ("closed", "stream-closed")'
echo "$leaver left; all $count records arrived, longest silence $silence ms"
echo "PASS"
