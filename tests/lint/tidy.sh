#!/usr/bin/env bash
# clang-tidy over the library and the node, with the checks of .clang-tidy. A file that passed is not checked again until it,
# a header, the configuration or its command changes: the digests of passes are kept in the build directory.
# Usage: tidy.sh <build directory with compile_commands.json> [path filter] | tidy.sh --self-test
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

# tidy_file <build> <file> <cache> <digest of all headers and the configuration>
tidy_file() {
	local build=$1 file=$2 cache=$3 common=$4 digest out
	digest=$( { echo "$common"; cat "$file"; } | sha256sum | cut -c1-40)
	[ -e "$cache/$digest" ] && return 0
	if out=$(clang-tidy --quiet -p "$build" "$file" 2>/dev/null); then
		touch "$cache/$digest"
	else
		echo "$out"
		return 1
	fi
}
export -f tidy_file

check() {
	local build=$1 filter=${2:-} common files
	mkdir -p "$build/tidy-cache"
	# A gcc tree's commands are fine, as our flags mean the same to clang.
	files=$(python3 - "$build" "$root" "$filter" <<-'PY'
		import json, sys
		build, root, filter = sys.argv[1:]
		seen = {c["file"] for c in json.load(open(build + "/compile_commands.json"))}
		for f in sorted(seen):
		    if f.startswith((root + "/lib/", root + "/node/")) and filter in f:
		        print(f)
	PY
	)
	[ -n "$files" ] || { echo "nothing to check in $build"; return 1; }
	common=$( { clang-tidy --version; cat "$root/.clang-tidy"; find "$root/include" "$root/lib" "$root/node" -name '*.h' -print0 |
		sort -z | xargs -0 cat; grep '"command"' "$build/compile_commands.json" | sort -u; } | sha256sum)
	echo "$files" | xargs -P "$(nproc)" -I{} bash -c 'tidy_file "$@"' _ "$build" {} "$build/tidy-cache" "$common" ||
		return 1
	echo "$(echo "$files" | wc -l) files are tidy"
}

self_test() {
	local tmp
	tmp=$(mktemp -d)
	# shellcheck disable=SC2064 # tmp is local
	trap "rm -rf '$tmp'" EXIT
	cp "$root/.clang-tidy" "$tmp/"
	printf 'int kith_f(const char *p);\nint kith_f(const char *p)\n{\n\treturn p ? *p : 0;\n}\n' >"$tmp/good.c"
	printf 'int kith_f(void);\nint kith_f(void)\n{\n\tint *p = 0;\n\treturn *p;\n}\n' >"$tmp/bad.c"
	(cd "$tmp" && clang-tidy --quiet good.c -- -std=c11) >/dev/null 2>&1 || { echo "self-test: a good file was refused"; return 1; }
	if (cd "$tmp" && clang-tidy --quiet bad.c -- -std=c11) >/dev/null 2>&1; then
		echo "self-test: a null dereference passed"
		return 1
	fi
	echo "self-test: told a good file from a bad one"
}

command -v clang-tidy >/dev/null || { echo "clang-tidy is missing (Debian: apt-get install clang-tidy)"; exit 1; }
case ${1:-} in
--self-test) self_test ;;
"") echo "usage: $0 <build directory> [path filter] | --self-test" >&2; exit 2 ;;
*) check "$@" ;;
esac
