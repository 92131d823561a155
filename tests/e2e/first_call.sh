#!/usr/bin/env bash
# Two accounts behind NATs find each other by name. The first packets go through a relay, then the direct path takes over: by the
# packet counters of their routers, not by what the programs say.
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
say alice lookup bob
found=$(wait_for alice "$from" 5 'e["event"] == "found"')
[ "$(value 'e["online"]' <<<"$found")" = true ] || fail "bob is not online: $found"
[ "$(value 'len(e["homes"])' <<<"$found")" = 3 ] || fail "bob has not three homes: $found"

[ "$(packets ra direct_out)" = 0 ] || fail "packets to bob's router before any call: an address has leaked"
from=$(mark alice)
say alice call bob
connected=$(wait_for alice "$from" 5 'e["event"] == "connected"')
[ "$(value 'e["name"]' <<<"$connected")" = bob ] || fail "not bob: $connected"
wait_for bob 0 5 'e["event"] == "incoming" and e["name"] == "alice" and e["service"] == "flow"' >/dev/null
early=$(wait_for bob 0 5 'e["event"] == "early" and e["text"] == "are you there?"')
[ "$(value 'e["paths"][0]["kind"]' <<<"$connected")" = relay ] || fail "the first path is no relay: $connected"
direct=$(wait_for alice "$from" 5 'e["event"] == "path" and e["kind"] == "direct"')
[ "$(value 'e["address"].split(":")[0]' <<<"$direct")" = "${address[rb]}" ] || fail "direct, but not to bob's router: $direct"
start_at=$(wait_for alice "$from" 1 'e["event"] == "calling"' | value 'e["at"]')
first=$(wait_for bob 0 5 'e["event"] == "opened"')
echo "early data at bob after $(value "round(e['at'] - $start_at, 1)" <<<"$early") ms," \
	"the first byte on the session after $(value "round(e['at'] - $start_at, 1)" <<<"$first") ms"
echo "connected after $(value "round(e['at'] - $start_at, 1)" <<<"$connected") ms," \
	"direct after $(value "round(e['at'] - $start_at, 1)" <<<"$direct") ms"
wait_for bob 0 5 'e["event"] == "path" and e["kind"] == "direct"' >/dev/null

# With data flowing both ways, the routers see it go directly, and almost nothing to the supernodes.
relayed=$(flow_directly packets)
echo "data: more than 200 packets each way directly, $relayed to supernodes meanwhile"
echo "PASS"
