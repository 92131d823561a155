#!/usr/bin/env bash
# What an attached, idle leaf costs a machine: memory that is its own, and objects that it loads.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
private_max_kib=2048
objects_max=10
port=$((20000 + $$ % 20000))
make_profiles "127.0.0.1:$port" -- s1 -- alice
supernode_conf s1 "127.0.0.1:$port" 'allow_loopback = yes'
start_kithd s1 -
printf 'role = leaf\nprofile = "%s"\nlog_format = json\nallow_loopback = yes\ncontrol = "%s"\n' "$tmp/alice" "$tmp/alice.sock" >"$tmp/alice.conf"
start_kithd alice -
wait_for alice 0 15 'e["event"] == "published"' >/dev/null
pid=${pid_of[alice]}

kib() { awk -v what="$1:" '$1 == what { print $2 }' "/proc/$pid/smaps_rollup"; }
objects=$(awk '/ r-xp / && $6 ~ /\.so/ { print $6 }' "/proc/$pid/maps" | sort -u | wc -l)
echo "an idle leaf: $(kib Private_Dirty) KiB of its own, $(kib Rss) KiB resident, $objects shared objects"
if nm -D "$kithd" 2>/dev/null | grep -q __asan_init; then
	echo "sanitized: not judged"
else
	[ "$(kib Private_Dirty)" -le $private_max_kib ] || fail "more than $private_max_kib KiB of its own"
	[ "$objects" -le $objects_max ] || fail "more than $objects_max shared objects"
fi
echo "PASS"
