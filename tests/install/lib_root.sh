# shellcheck shell=bash
# Sourced by the tests that do what README.md tells: on a host of their own, which is this one with all that they change in memory.
#
#     host_of BUILD        makes it, and goes on in it with the script from the beginning; there it does nothing.
#                          build/release of the sources is BUILD there. Skips (77) without root if KITH_NO_ROOT says so
#     take HEADING         the code blocks of that section of README.md, as $blocks/1.sh, 2.c, ...
#     terminal NAME LINE   runs a line in the background, in a session of its own as a terminal does; output in $blocks/NAME
#     shows NAME TEXT      waits until its output has that text, 10 s at most
#     ctrl_c NAME          what Ctrl-C does to it; it must end with 0
#     fail TEXT
#
# The host: an overlay of / whose upper layer is a tmpfs, in namespaces of its own for mounts, processes and the network, which has
# loopback and 198.51.100.1 (s1.example.org) only. It is gone with the last process. Two commands are stand-ins: cmake, which takes
# the build under test for what `cmake --preset release` and `cmake --build --preset release` would make; and systemctl (see
# systemctl.sh).

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_dir=$(cd "$here/../.." && pwd)

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

host_of() {
	local build=$1
	if [ -n "${KITH_README_HOST:-}" ]; then
		blocks=/tmp/blocks
		mkdir -p "$blocks"
		return
	fi
	if [ "$(id -u)" != 0 ]; then
		if [ -n "${KITH_NO_ROOT:-}" ]; then echo "skipped: a host of its own needs root"; exit 77; fi
		fail "a host of its own needs root; KITH_NO_ROOT=1 skips this"
	fi
	local work code=0
	work=$(mktemp -d)
	unshare --mount --net --pid --fork --kill-child bash "$here/make_root.sh" "$work" "$source_dir" "$build" "$(realpath "$0")" || code=$?
	rmdir "$work" # what was mounted there is gone with the namespace
	exit "$code"
}

take() {
	python3 "$here/blocks.py" "$source_dir/README.md" "$1" "$blocks"
}

declare -A terminals=()

terminal() {
	setsid bash -c "$2" >"$blocks/$1" 2>&1 </dev/null &
	terminals[$1]=$!
}

shows() {
	local _
	for _ in $(seq 200); do
		if grep -qF -- "$2" "$blocks/$1"; then return; fi
		sleep 0.05
	done
	fail "$1 did not show '$2': $(cat "$blocks/$1")"
}

ctrl_c() {
	local code=0
	kill -INT "-${terminals[$1]}"
	wait "${terminals[$1]}" || code=$?
	[ "$code" = 0 ] || fail "Ctrl-C ended $1 with $code: $(cat "$blocks/$1")"
}
