#!/usr/bin/env bash
# Every C file, or those given, is as clang-format would write it (scripts/format writes it so).
# Usage: format.sh [root [file...]] | format.sh --self-test      Files are named from the root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lib_passed.sh
. "$here/lib_passed.sh"

# check root [file...]
check() {
	local root=$1 passed
	local -a folders=() files=() todo=()
	cd "$root"
	shift
	for folder in include lib node examples bench tests; do
		[ -d "$folder" ] && folders+=("$folder")
	done
	if [ $# -gt 0 ]; then
		for file in "$@"; do
			[[ $file =~ ^(include|lib|node|examples|bench|tests)/.*\.[ch]$ ]] && [ -e "$file" ] && files+=("$file")
		done
	else
		mapfile -t files < <(find "${folders[@]}" -name '*.[ch]' | sort)
	fi
	passed=$({ clang-format --version; cat .clang-format; } | passed_folder format)
	[ ${#files[@]} = 0 ] || mapfile -t todo < <(passed_not "$passed" "${files[@]}")
	if [ ${#todo[@]} -gt 0 ]; then
		printf '%s\0' "${todo[@]}" | xargs -0 -n 16 -P "$(nproc)" clang-format --dry-run -Werror ||
			{ echo "run scripts/format"; return 1; }
		passed_note "$passed" "${todo[@]}"
	fi
	echo "the format is right"
}

self_test() {
	local tmp
	tmp=$(mktemp -d)
	# shellcheck disable=SC2064 # tmp is local
	trap "rm -rf '$tmp'" EXIT
	mkdir "$tmp/lib"
	export KITH_LINT_CACHE=$tmp/cache
	cp "$here/../../.clang-format" "$tmp/"
	printf 'int kith_f(void)\n{\n\treturn 0;\n}\n' >"$tmp/lib/a.c"
	(check "$tmp") >/dev/null || { echo "self-test: a well-formatted file was refused"; return 1; }
	printf 'int kith_f(void) {\n  return 0; }\n' >"$tmp/lib/b.c"
	for _ in first second; do # and what was refused once is not remembered as good
		if (check "$tmp") >/dev/null 2>&1; then echo "self-test: a badly formatted file passed"; return 1; fi
	done
	(check "$tmp" lib/a.c) >/dev/null || { echo "self-test: a file that was not asked about was looked at"; return 1; }
	if (check "$tmp" lib/b.c) >/dev/null 2>&1; then echo "self-test: a badly formatted file passed when named"; return 1; fi
	echo "self-test: told a good file from a bad one"
}

command -v clang-format >/dev/null || { echo "clang-format is missing (Debian: apt-get install clang-format)"; exit 1; }
case ${1:-} in
--self-test) self_test ;;
"") check "$here/../.." ;;
*) check "$@" ;;
esac
