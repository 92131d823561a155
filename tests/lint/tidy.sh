#!/usr/bin/env bash
# clang-tidy over all sources, or those of the given files, with the checks of the .clang-tidy nearest to each. A file that
# passed is not checked again until it, a header that it includes, the configuration or its command changes: the digests of
# passes are kept in the build directory.
# Usage: tidy.sh [--deep] <build directory with compile_commands.json> [file...] | tidy.sh --self-test
# Files are named from the root. Nearly all of the time goes into the paths that the static analyzer follows through each
# function: a ninth of the steps that it would take by itself, or with --deep all of them.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=lib_passed.sh
. "$here/lib_passed.sh"

# sources <build> [file...]: "digest file" of each source, of all that clang-tidy would read of the project.
sources() {
	python3 - "$root" "$@" <<-'PY'
		import hashlib, json, os, shlex, subprocess, sys
		from concurrent.futures import ThreadPoolExecutor
		root, build, wanted = sys.argv[1], sys.argv[2], {os.path.join(sys.argv[1], f) for f in sys.argv[3:]}

		def digest(entry):
		    words = shlex.split(entry["command"])
		    words = [w for w in words if not w.endswith("/ccache")]
		    at = words.index("-o")
		    rule = subprocess.run([*words[:at], *words[at + 2:], "-MM"], cwd=entry["directory"], capture_output=True, text=True)
		    read = [entry["file"], *rule.stdout.replace("\\\n", " ").split()[1:]]
		    sha = hashlib.sha256(entry["command"].encode())
		    for path in read:
		        with open(os.path.join(entry["directory"], path), "rb") as file:
		            sha.update(file.read())
		    return sha.hexdigest() if rule.returncode == 0 else "unknown"

		with open(build + "/compile_commands.json") as file:
		    entries = {c["file"]: c for c in json.load(file)}
		folders = tuple(f"{root}/{folder}/" for folder in ("lib", "node", "examples", "bench", "tests"))
		chosen = [f for f in sorted(entries) if f.startswith(folders) and not f.startswith(build) and (not wanted or f in wanted)]
		with ThreadPoolExecutor(os.cpu_count()) as pool:
		    for path, state in zip(chosen, pool.map(lambda f: digest(entries[f]), chosen)):
		        print(state, path)
	PY
}

# tidy_file <build> <folder of passes> <digest> <file>
tidy_file() {
	local out
	[ -e "$2/$3" ] && return 0
	# shellcheck disable=SC2086 # words
	if out=$(clang-tidy --quiet -p "$1" $KITH_TIDY_DEPTH "$4" 2>/dev/null); then
		[ "$3" = unknown ] || : >"$2/$3"
	else
		echo "$out"
		return 1
	fi
}
export -f tidy_file
shallow="--extra-arg=-Xclang --extra-arg=-analyzer-config --extra-arg=-Xclang --extra-arg=max-nodes=25000"
export KITH_TIDY_DEPTH=$shallow

# A gcc tree's commands are fine, as our flags mean the same to clang.
check() {
	local build=$1 passed found
	export KITH_LINT_CACHE=$build/lint-cache
	passed=$({ clang-tidy --version; cat "$root/.clang-tidy" "$root"/*/.clang-tidy; echo "$KITH_TIDY_DEPTH"; } | passed_folder tidy)
	found=$(sources "$@")
	if [ -z "$found" ]; then
		[ $# -gt 1 ] || { echo "nothing to check in $build"; return 1; }
		echo "no sources among these files"
		return 0
	fi
	echo "$found" | xargs -P "$(nproc)" -n 2 bash -c 'tidy_file "$@"' _ "$build" "$passed" || return 1
	echo "$(echo "$found" | wc -l) files are tidy"
}

self_test() {
	local tmp
	tmp=$(mktemp -d)
	# shellcheck disable=SC2064 # tmp is local
	trap "rm -rf '$tmp'" EXIT
	mkdir "$tmp/lib" "$tmp/build"
	mkdir "$tmp/tests"
	cp "$root/.clang-tidy" "$tmp/"
	cp "$root/tests/.clang-tidy" "$tmp/tests/"
	root=$tmp
	# tree <value of null.h>: one source, which takes what it does from a header.
	tree() {
		printf 'int kith_f(int *q);\nint kith_f(int *q)\n{\n#include "body.h"\n}\n' >"$tmp/lib/a.c"
		printf '%s\n' "$1" >"$tmp/lib/body.h"
		printf '[{"directory":"%s","file":"%s","command":"cc -std=c11 -o a.o -c %s"}]' "$tmp" "$tmp/lib/a.c" "$tmp/lib/a.c" \
			>"$tmp/build/compile_commands.json"
	}
	tree 'return q != 0 ? *q : 0;'
	(check "$tmp/build") >/dev/null || { echo "self-test: a good file was refused"; return 1; }
	tree 'int *p = 0; (void)q; return *p;'
	for _ in first second; do # that it passed with another header does not count, nor that it was looked at
		if (check "$tmp/build") >/dev/null; then echo "self-test: a null dereference passed"; return 1; fi
	done
	(check "$tmp/build" lib/other.c) >/dev/null || { echo "self-test: a file that was not asked about was looked at"; return 1; }
	if (check "$tmp/build" lib/a.c) >/dev/null; then echo "self-test: a null dereference passed when named"; return 1; fi
	echo "self-test: told a good file from a bad one"
}

command -v clang-tidy >/dev/null || { echo "clang-tidy is missing (Debian: apt-get install clang-tidy)"; exit 1; }
if [ "${1:-}" = --deep ]; then
	KITH_TIDY_DEPTH=
	shift
fi
case ${1:-} in
--self-test) self_test ;;
"") echo "usage: $0 [--deep] <build directory> [file...] | --self-test" >&2; exit 2 ;;
*) check "$@" ;;
esac
