#!/usr/bin/env bash
# Nothing gets through between the two routers: the call works all the same, over a relay, and kith explain says why. As soon as
# packets get through, the direct path takes over, and the stream has lost nothing. Judged by the routers' counters.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
# shellcheck source=tests/e2e/lib_net.sh
. "$(dirname "$0")/lib_net.sh"
need_root
net_up
net_supernodes
start_peer bob "$(ns bob)"
start_peer alice "$(ns alice)"
block_direct

from=$(mark alice)
say alice call bob
wait_for alice "$from" 5 'e["event"] == "connected" and e["paths"][0]["kind"] == "relay"' >/dev/null
before=$(packets ra relay_out)
say alice flow 10
until_true 10 has_received bob 100
[ "$(packets ra direct_out)" = 0 ] || fail "packets passed a router that blocks them"
[ $(($(packets ra relay_out) - before)) -ge 100 ] || fail "100 records arrived, but not through the supernodes"
no_event alice "$from" 'e["event"] == "path" and e["kind"] == "direct"'
say alice explain
explain=$(wait_for alice "$from" 5 'e["event"] == "explain"' | value 'e["text"]')
grep -q "^verdict: relayed" <<<"$explain" || fail "explain does not say that it is relayed: $explain"
echo "relayed: $(grep ^verdict <<<"$explain")"

unblock_direct
wait_for alice "$from" 60 'e["event"] == "path" and e["kind"] == "direct"' >/dev/null
before=$(packets ra direct_out)
went_direct() {
	[ $(($(packets ra direct_out) - before)) -ge 100 ]
}
until_true 20 went_direct
echo "direct after the way was free; all $(all_arrived alice bob) records arrived in order"
echo "PASS"
