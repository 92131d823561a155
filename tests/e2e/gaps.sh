#!/usr/bin/env bash
# What failures cost a call between real nodes (bench/natlab/gaps.py), a few of them: every call goes on, and the longest silence is
# within bounds that bench/natlab/gaptable.py gives reasons for. A call that is silent for longer is noticed; what a run made is
# removed when it is interrupted, busy loops included.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
# shellcheck source=tests/e2e/lib_net.sh
. "$(dirname "$0")/lib_net.sh"
need_root
lab=$e2e/../../bench/natlab
gaps=(python3 "$lab/gaps.py" --output "$tmp/lines")
cd "$tmp"

ends 2 'argument --faults: found "earthquake"; expected of direct path dropped' "${gaps[@]}" --faults earthquake
ends 2 'argument --rtts: found "41"; expected of 40, 150' "${gaps[@]}" --rtts 41
ends 2 '--quick has faults of its own' "${gaps[@]}" --quick --faults reordered
ends 0 'three: relays killed' "${gaps[@]}" --list

# gone FILE: the namespaces that a run named on its standard error are no more.
gone() {
	local prefix
	prefix=$(sed -n 's/^namespaces \(.*\)\*$/\1/p' "$1")
	[ -n "$prefix" ] || fail "no namespaces were named: $(cat "$1")"
	! ip netns list | grep "^$prefix" || fail "namespaces are left"
}

began=$(now_ms)
"${gaps[@]}" --quick >table 2>progress || fail "a call was silent for too long: $(cat table progress)"
echo "$((($(now_ms) - began) / 1000)) s"
gone progress
[ "$(wc -l <lines)" = 8 ] || fail "$(wc -l <lines) lines instead of 8"
cat table

# What each end was dealt is what the fault says: the other direction of a path that is dropped one way has no gap, and a link
# that is down for 3 s is silent for no less.
of() {
	grep "\"$1\"" lines | value "$2"
}
spared=$(of 'dropped one way' 'max(end["gap_ms"] for end in e["steps"][0]["ends"].values() if end["spared"])')
[ "$(value "e < 100" <<<"$spared")" = true ] || fail "the direction that was spared was silent for $spared ms"
[ "$(of 'device down 3 s' 'min(end["gap_ms"] for end in e["steps"][0]["ends"].values()) >= 3000')" = true ] ||
	fail "the device was not down"
[ "$(of 'larger than 1000 lost' 'min(end["lost"] + end["late"] > 0 or end["gap_ms"] > 40 for end in e["steps"][0]["ends"].values())')" = true ] ||
	fail "no frame of 1100 bytes was lost"

# A bound that is missed is told.
python3 - "$lab" lines <<-'END' >held
	import json, sys
	sys.path.insert(0, sys.argv[1])
	import gaptable
	results = [json.loads(line) for line in open(sys.argv[2])]
	print(*gaptable.judged(results) or ["all held"], sep="\n")
	for result in results:
	    next(end for end in result["steps"][0]["ends"].values() if not end["spared"])["gap_ms"] = 9000
	print(*gaptable.judged(results[:-1]), sep="\n")
END
for text in '^all held' '40 ms: 9000 ms, wanted: 280' '^NOT MEASURED'; do
	grep -q "$text" held || fail "no '$text' in what is held: $(cat held)"
done

# Interrupted on a loaded host.
start interrupted - "${gaps[@]}" --hosts loaded --rtts 40 --faults 'reordered' --jobs 1 --reps 2
until_true 60 grep -q namespaces interrupted.log
loops() {
	[ "$(pgrep -c -P "${pid_of[interrupted]}" -f getppid)" = "$(nproc)" ]
}
until_true 60 loops
mapfile -t busy < <(pgrep -P "${pid_of[interrupted]}" -f getppid)
stop interrupted INT
[ "$exit_code" = 130 ] || fail "interrupted, it ends with $exit_code: $(tail -n 3 interrupted.log)"
gone interrupted.log
for pid in "${busy[@]}"; do
	! kill -0 "$pid" 2>/dev/null || fail "a busy loop is left"
done
echo "PASS"
