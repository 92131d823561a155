#!/usr/bin/env bash
# Every shell script, or those given, under shellcheck.
# Usage: shell.sh [root [file...]] | shell.sh --self-test      Files are named from the root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lib_passed.sh
. "$here/lib_passed.sh"

# check root [file...]
check() {
	local passed
	local -a scripts todo=() files
	cd "$1"
	shift
	mapfile -t scripts < <(find scripts tests bench examples node .ci -type f ! -path '*/corpus/*' \
		-exec grep -lIE '^#(!.*\b(ba)?sh\b| shellcheck shell=)' {} + 2>/dev/null | sort)
	[ ${#scripts[@]} -gt 0 ] || { echo "no scripts here"; return 1; }
	files=("${scripts[@]}")
	if [ $# -gt 0 ]; then
		mapfile -t files < <(printf '%s\n' "${scripts[@]}" | grep -Fx -f <(printf '%s\n' "$@") || true)
	fi
	# A script is judged with those that it reads, which have such names.
	passed=$({ shellcheck --version; printf '%s\n' "${scripts[@]}" | grep '/lib_[^/]*$' | xargs -r cat; } | passed_folder shell)
	[ ${#files[@]} = 0 ] || mapfile -t todo < <(passed_not "$passed" "${files[@]}")
	if [ ${#todo[@]} -gt 0 ]; then
		printf '%s\0' "${todo[@]}" | xargs -0 -n 2 -P "$(nproc)" shellcheck -S warning -x -P SCRIPTDIR || return 1
		passed_note "$passed" "${todo[@]}"
	fi
	echo "${#files[@]} scripts are sound"
}

self_test() {
	local tmp
	tmp=$(mktemp -d)
	# shellcheck disable=SC2064 # tmp is local
	trap "rm -rf '$tmp'" EXIT
	mkdir "$tmp/scripts"
	export KITH_LINT_CACHE=$tmp/cache
	printf '#!/usr/bin/env bash\necho "$1"\n' >"$tmp/scripts/good"
	(check "$tmp") >/dev/null || { echo "self-test: a good script was refused"; return 1; }
	printf '#!/usr/bin/env bash\ncd $1\nfor f in $(ls *.c); do rm -r $f; done\nlocal x=$(false)\n' >"$tmp/scripts/bad"
	for _ in first second; do # and what was refused once is not remembered as good
		if (check "$tmp") >/dev/null; then echo "self-test: a careless script passed"; return 1; fi
	done
	(check "$tmp" scripts/good) >/dev/null || { echo "self-test: a script that was not asked about was looked at"; return 1; }
	if (check "$tmp" scripts/bad) >/dev/null; then echo "self-test: a careless script passed when named"; return 1; fi
	echo "self-test: told a good script from a bad one"
}

command -v shellcheck >/dev/null || { echo "shellcheck is missing (Debian: apt-get install shellcheck)"; exit 1; }
case ${1:-} in
--self-test) self_test ;;
"") check "$here/../.." ;;
*) check "$@" ;;
esac
