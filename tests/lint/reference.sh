#!/usr/bin/env bash
# The API reference can be made, and no function, struct, enumeration, member or macro of include/kith is without a word.
# Usage: reference.sh [root] | reference.sh --self-test
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# check root
check() {
	local root out
	root=$(cd "$1" && pwd)
	out=$(mktemp -d -p "$tmp")
	sed -e "s|@PROJECT_SOURCE_DIR@|$root|g; s|@PROJECT_VERSION@|0|; s|@PROJECT_DESCRIPTION@||; s|@Python3_EXECUTABLE@|python3|" \
		-e "s|@reference_dir@|$out|" "$root/docs/reference/Doxyfile.in" >"$out/Doxyfile"
	doxygen "$out/Doxyfile" >"$out/log" 2>&1 || { sed "s|^$root/||" "$out/log"; return 1; }
	[ -s "$out/html/index.html" ] || { echo "no reference was made"; return 1; }
	echo "all of include/kith is documented"
}

# tree NAME TEXT: a header after one that is good
tree() {
	mkdir -p "$tmp/$1/include/kith" "$tmp/$1/docs"
	cp -r "$here/../../docs/reference" "$tmp/$1/docs"
	{
		printf '/* A header. */\n\n/* One <kith/x.h>, and 100 %% of @it. */\nvoid kith_good(void);\nvoid kith_both(void);\n\n'
		printf '/* A struct. */\nstruct kith_s { /* fixed */\n\t/* The ends. */\n\tint first, last; /* of it */\n\tint x[2]; /* y */\n'
		printf '\tint x_n;\n};\n\n/* A table. */\n#define KITH_E_MAP(X) \\\n\tX(A, 1, "one, two (three)") \\\n\tX(B, 2, "four")\n\n'
		printf '/* Rows. */\nenum kith_e {\n#define KITH_E_ENUM(name, value, text) KITH_##name = (value),\n'
		printf '\tKITH_E_MAP(KITH_E_ENUM)\n#undef KITH_E_ENUM\n};\n%b' "$2"
	} >"$tmp/$1/include/kith/x.h"
}

self_test() {
	local name
	tree good ''
	(check "$tmp/good") >"$tmp/said" || { echo "self-test: a good header was refused: $(cat "$tmp/said")"; return 1; }
	tree function '\nvoid kith_bare(void);\n'
	tree struct '\nstruct kith_bare {\n\tint x; /* y */\n};\n'
	tree member '\n/* A struct. */\nstruct kith_t {\n\tint x; /* y */\n\tint bare;\n};\n'
	tree enumeration '\nenum kith_f {\n\tKITH_X /* y */\n};\n'
	tree macro '\n#define KITH_BARE 1\n'
	for name in function struct member enumeration macro; do
		if (check "$tmp/$name") >/dev/null; then echo "self-test: a $name without a word passed"; return 1; fi
	done
	echo "self-test: 5 bad headers were refused, a good one passed"
}

command -v doxygen >/dev/null || { echo "doxygen is missing (Debian: apt-get install doxygen)"; exit 1; }
case ${1:-} in
--self-test) self_test ;;
*) check "${1:-$here/../..}" ;;
esac
