#!/usr/bin/env bash
# Supernodes elect themselves, by real kithds between namespaces: when a crowd of leaves is too much for the certified ones, a
# candidate that witnesses could reach and found fast serves, and leaves go to it. One behind a NAT, one whose link is slower than it says
# and one with little memory do not, and their status says why. (How the elected stop again: scripts/demo --overlay, sim_election.)
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
# shellcheck source=tests/e2e/lib_net.sh
. "$(dirname "$0")/lib_net.sh"
# shellcheck source=tests/e2e/lib_overlay.sh
. "$(dirname "$0")/lib_overlay.sh"
need_root
sessions_max=34 # so few that the crowd is too much for every one of them: whose leaves the candidates are is drawn
overlay_place 3 1 42
overlay_up
overlay_profiles
overlay_mark begin
overlay_certified
overlay_watch
overlay_mark candidates
overlay_autos

# attested NAME: by three witnesses.
attested() {
	is "$1" '((e["serving"]["attested"] or {}).get("attestations") or 0) >= 3' true
}
for name in open1 open2 open3 liar; do within 120 attested "$name"; done
[ -z "$(overlay_elected)" ] || fail "without need there serve: $(overlay_elected)"
is open1 'e["serving"]["why"] in ("new", "not-asked")' true || fail "open1: $(status open1 'e["serving"]')"

overlay_mark crowd
overlay_crowd_comes
some_serve() { [ -n "$(overlay_elected)" ]; }
within 90 some_serve
helper=$(overlay_elected)
helper=${helper%%$'\n'*}
[[ $helper == open* ]] || fail "$helper serves"
has_leaves() { [ "$(status "$helper" 'e["tables"]["leaves"]')" -ge 3 ]; }
within 60 has_leaves
is "$helper" 'e["serving"]["why"], e["serving"]["last_change"]' "('help', 'help')" || fail "$helper: $(status "$helper" 'e["serving"]')"
within 30 knows_members s1 8

# not NAME WHY: a leaf still, and that is why.
not() {
	is "$1" 'e["serving"]["serves"], e["serving"]["why"]' "(False, '$2')" || fail "$1: $(status "$1" 'e["serving"]')"
}
not nat1 unproven
not liar slow
not small small
is liar 'e["serving"]["attested"]["up"] < 125000 and e["serving"]["caps"]["up"]' "$((10 * link_rate))" || fail "liar: $(status liar 'e["serving"]')"

overlay_mark end
stop watch
overlay table "$tmp"
echo "PASS"
