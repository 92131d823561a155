#!/usr/bin/env bash
# Every shell script under shellcheck. Usage: shell.sh [root] | shell.sh --self-test
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

check() {
	cd "$1"
	local -a scripts
	mapfile -t scripts < <(find scripts tests bench examples node .ci -type f -exec grep -lIE '^#!.*\b(ba)?sh\b' {} + 2>/dev/null | sort)
	[ ${#scripts[@]} -gt 0 ] || { echo "no scripts in $1"; return 1; }
	shellcheck -S warning -x -P SCRIPTDIR "${scripts[@]}" || return 1
	echo "${#scripts[@]} scripts are sound"
}

self_test() {
	local tmp
	tmp=$(mktemp -d)
	# shellcheck disable=SC2064 # tmp is local
	trap "rm -rf '$tmp'" EXIT
	mkdir "$tmp/scripts"
	printf '#!/usr/bin/env bash\necho "$1"\n' >"$tmp/scripts/good"
	(check "$tmp") >/dev/null || { echo "self-test: a good script was refused"; return 1; }
	printf '#!/usr/bin/env bash\ncd $1\nfor f in $(ls *.c); do rm -r $f; done\nlocal x=$(false)\n' >"$tmp/scripts/bad"
	if (check "$tmp") >/dev/null; then echo "self-test: a careless script passed"; return 1; fi
	echo "self-test: told a good script from a bad one"
}

command -v shellcheck >/dev/null || { echo "shellcheck is missing (Debian: apt-get install shellcheck)"; exit 1; }
case ${1:-} in
--self-test) self_test ;;
*) check "${1:-$here/../..}" ;;
esac
