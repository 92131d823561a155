#!/usr/bin/env bash
# natlab report, of lines that are made up here: shares have Wilson's intervals, the rate in the wild follows from the weights, gaps of
# real and of simulated calls stand side by side, pictures are drawn, and the same lines give the same files. Needs no root.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
lab=$e2e/../../bench/natlab
report=("$e2e/../../scripts/natlab" report)
cd "$tmp"

# line CALLER CALLEE REP HOW [DIRECT_MS]
line() {
	printf '{"caller": "%s", "callee": "%s", "rep": %d, "connected": true, "how": "%s", "first_byte_ms": 160, "caller_join_ms": 100%s}\n' \
		"$1" "$2" "$3" "$4" "${5:+, \"direct_ms\": $5}"
}
for rep in 0 1 2; do
	line open open $rep direct 200
	line open random $rep direct $((300 + rep))
	line random open $rep direct 400
done >lines
line random random 0 relay >>lines
line random random 1 direct 5000 >>lines
cat >weights <<-'END'
	[open]
	share = 0.6
	low = 0.5
	high = 0.9
	source = "made up"
	[random]
	share = 0.2
	low = 0.0
	high = 0.4
	source = "made up"
END
# open 3/4, random 1/4: 1 - 1/16 / 2 = 31/32; random at 0: all direct; at 0.4: of 1, 0.16 / 2 less.
ends 0 'in the wild, by the weights: 96.9% direct' "${report[@]}" lines --weights weights --output one
grep -q 'pairs that were run are 100.0% of the weight' out || fail "$(cat out)"
grep -Eq 'random +0.00 to 0.40: 100.0% to 92.0%' out || fail "sensitivity: $(cat out)"
grep -q '^open,random,3,3,1.0000,0.4385,1.0000,3,1.0000,0.4385,1.0000,160,160,160,160,301,302,302,302' one/cells.csv || fail "$(cat one/cells.csv)"
grep -q '^random,random,2,2,1.0000,0.3424,1.0000,1,0.5000,0.0945,0.9055' one/cells.csv || fail "$(cat one/cells.csv)"
for picture in direct direct-ms times direct-by-caller; do
	grep -q '</svg>' "one/$picture.svg" || fail "no picture $picture: $(cat err)"
done
grep -q 'made up' one/index.html || fail "the page does not name the sources"
ends 0 '' "${report[@]}" lines --weights weights --output two
for file in cells.csv weights.csv direct.svg direct-ms.svg times.svg direct-by-caller.svg; do
	cmp "one/$file" "two/$file" || fail "$file is not the same again"
done

# Gaps: an end that was spared is no sample, and cells of the simulator stand before those of real nodes.
printf '{"fault": "dropped one way", "rtt_ms": 40, "host": "virtual", "lost": 0, "gaps_ms": [83, 84]}\n' >sim
python3 - >gaps <<-'END'
	import json
	end = {"gap_ms": 122.4, "heard": 490, "late": 3, "lost": 7, "pause_ms": 21.0, "spared": False}
	for rep in range(2):
	    ends = {"caller": end, "callee": {**end, "gap_ms": 20.0, "spared": True}}
	    print(json.dumps({"fault": "dropped one way", "rtt_ms": 40, "host": "quiet", "rep": rep, "kept": True, "steps": [{"ends": ends}]}))
	print(json.dumps({"fault": "dropped one way", "rtt_ms": 40, "host": "quiet", "rep": 2, "kept": False, "steps": [], "why": "it ended"}))
END
ends 0 '' "${report[@]}" gaps sim --output gapped
printf '%s\r\n' 'fault,rtt_ms,host,n,p50_ms,p90_ms,p99_ms,max_ms,late_frames,lost_frames,speaker_pause_max_ms' \
	'dropped one way,40,virtual,2,83,84,84,84,,,' 'dropped one way,40,quiet,2,122,122,122,122,3.00,7.00,21' >wanted
cmp wanted gapped/gaps.csv || fail "$(cat gapped/gaps.csv)"
grep -q 'it ended' gapped/not-kept.csv || fail "a call that ended is not told"
for picture in gaps-40 gap-cdfs-40; do
	grep -q '</svg>' "gapped/$picture.svg" || fail "no picture $picture: $(cat err)"
done

# What is wrong is told.
echo '{"caller": "open"}' >bad
ends 2 'bad:1: expected a line of natlab' "${report[@]}" bad --output three
ends 2 'nowhere: No such file' "${report[@]}" nowhere --output three
sed 's/low = 0.5/low = 0.7/' weights >wrong
ends 2 'wrong: [open]: expected share, low, high' "${report[@]}" lines --weights wrong --output three
: >empty
ends 2 'no line in empty' "${report[@]}" empty --output three
[ ! -e three ] || fail "a report was written of nothing"

# Intervals of others: R's prop.test(correct = FALSE), binom.confint(method = "wilson").
python3 - "$lab" <<-'END' || fail "an interval is wrong"
	import sys
	sys.path.insert(0, sys.argv[1])
	from statistics_of import percentile, wilson
	for (hits, trials), (low, high) in {(3, 3): (0.4385, 1), (0, 10): (0, 0.2775), (50, 100): (0.4038, 0.5962), (9, 10): (0.5958, 0.9821)}.items():
	    assert all(abs(a - b) < 1e-4 for a, b in zip(wilson(hits, trials), (low, high))), (hits, trials, wilson(hits, trials))
	assert wilson(0, 0) == (0.0, 1.0)
	assert [percentile(list(range(1, 101)), p) for p in (50, 90, 99, 100)] == [50, 90, 99, 100]
	assert percentile([7], 50) == 7
END
echo "PASS"
