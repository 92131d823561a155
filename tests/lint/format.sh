#!/usr/bin/env bash
# Every C file is as clang-format would write it (scripts/format writes it so).
# Usage: format.sh [root] | format.sh --self-test
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

check() {
	local root=$1 bad
	cd "$root"
	local -a folders=()
	for folder in include lib node examples bench tests; do
		[ -d "$folder" ] && folders+=("$folder")
	done
	bad=$(find "${folders[@]}" -name '*.[ch]' -print0 | sort -z |
		xargs -0 -r -n 1 -P 2 bash -c 'clang-format "$1" | cmp -s - "$1" || echo "$1: differs from clang-format"' _)
	[ -z "$bad" ] || { echo "$bad" | sort; echo "run scripts/format"; return 1; }
	echo "the format is right"
}

self_test() {
	local tmp
	tmp=$(mktemp -d)
	# shellcheck disable=SC2064 # tmp is local
	trap "rm -rf '$tmp'" EXIT
	mkdir "$tmp/lib"
	cp "$here/../../.clang-format" "$tmp/"
	printf 'int kith_f(void)\n{\n\treturn 0;\n}\n' >"$tmp/lib/a.c"
	(check "$tmp") >/dev/null || { echo "self-test: a well-formatted file was refused"; return 1; }
	printf 'int kith_f(void) {\n  return 0; }\n' >"$tmp/lib/b.c"
	if (check "$tmp") >/dev/null; then echo "self-test: a badly formatted file passed"; return 1; fi
	echo "self-test: told a good file from a bad one"
}

command -v clang-format >/dev/null || { echo "clang-format is missing (Debian: apt-get install clang-format)"; exit 1; }
case ${1:-} in
--self-test) self_test ;;
*) check "${1:-$here/../..}" ;;
esac
