#!/usr/bin/env bash
# The laboratory of NATs (bench/natlab), with a few cells of its matrix: each is as bench/natlab/cells.txt wants it. It notices a kind that
# is not what it is called, and a cell that is not as wanted; it says what is wrong with options, and removes what it made when it is
# interrupted.
# shellcheck source=tests/e2e/lib_common.sh
. "$(dirname "$0")/lib_common.sh"
# shellcheck source=tests/e2e/lib_net.sh
. "$(dirname "$0")/lib_net.sh"
need_root
lab=$e2e/../../bench/natlab
natlab=(python3 "$lab/natlab.py" --output "$tmp/lines")
cd "$tmp"

ends 2 '--cells: found "open:closed"; expected all, half, or CALLER:CALLEE of these kinds: open, masquerade' "${natlab[@]}" --cells open:closed
ends 2 'argument --reps: found "0"; expected a number from 1 to 1000' "${natlab[@]}" --reps 0
ends 2 'argument --loss: found "5%"; expected a number from 0 to 1' "${natlab[@]}" --loss 5%
ends 2 '--quick has cells of its own' "${natlab[@]}" --quick --cells all
ends 2 "nowhere: No such file" "${natlab[@]}" --kinds "$tmp/nowhere"
sed 's/^home .*/home D D/' "$lab/cells.txt" >wanted
ends 2 'wanted:10: expected a kind and 7 of the letters D d R -' "${natlab[@]}" --wanted wanted
ends 0 'another port for every destination' "${natlab[@]}" --list

# A kind that is not what it is called; nobody sees a call.
sed 's/^nat = "masquerade"/nat = "random"/' "$lab/kinds.toml" >kinds
rm -f lines
ends 3 'masquerade-a: mapping is address-port, not independent' "${natlab[@]}" --kinds kinds --cells masquerade:open
[ ! -e lines ] || fail "calls were made through a NAT that is not what it is called"

# gone FILE: the namespaces that a run named on its standard error are no more.
gone() {
	local prefix
	prefix=$(sed -n 's/^namespaces \(.*\)\*$/\1/p' "$1")
	[ -n "$prefix" ] || fail "no namespaces were named: $(cat "$1")"
	! ip netns list | grep "^$prefix" || fail "namespaces are left"
}
gone err

# A cell that is not as wanted.
sed 's/ R/ D/g' "$lab/cells.txt" >wanted
ends 1 'WRONG tcp-443:open: relay, wanted direct' "${natlab[@]}" --wanted wanted --cells tcp-443:open --patience 2 --no-probe
gone err

# A run is gone on with, and only with what it was made with.
ends 0 '2 trials: 2 connected' "${natlab[@]}" --cells open:open,full-cone:open --no-probe
printf '{"caller": "op' >>lines # a line that was not finished
ends 2 'was made with another delay: 20, now 30.0' "${natlab[@]}" --cells open:open --delay 30 --resume
ends 0 '3 trials: 3 connected' "${natlab[@]}" --cells open:open,full-cone:open,open:full-cone --no-probe --resume
grep -q '^1/1' err || fail "what was there was made again: $(cat err)"
[ "$(wc -l <lines)" = 3 ] || fail "$(wc -l <lines) lines instead of 3"
rm lines.manifest.json
ends 2 'lines.manifest.json is not there' "${natlab[@]}" --cells open:open --resume

# Interrupted while it calls.
rm lines
start interrupted - "${natlab[@]}" --cells 'open:masquerade,open:home,open:cgn' --reps 50 --no-probe
until_true 60 grep -q making interrupted.log
until_true 60 grep -q '"caller"' lines
stop interrupted INT
[ "$exit_code" = 130 ] || fail "interrupted, it ends with $exit_code: $(tail -n 3 interrupted.log)"
gone interrupted.log

began=$(now_ms)
"${natlab[@]}" --quick >table 2>progress || fail "a cell is not as wanted: $(cat table progress)"
took=$((($(now_ms) - began) / 1000))
gone progress
cells=$(wc -l <lines)
[ "$cells" -ge 14 ] || fail "only $cells trials"
grep -q "^$cells trials: $cells connected" table || fail "not all connected: $(cat table)"
cat table
echo "$cells cells in $took s"
echo "PASS"
