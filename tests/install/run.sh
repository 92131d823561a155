#!/usr/bin/env bash
# Installs a build into a fresh prefix and builds and runs tests/install/consumer.c against it: with find_package and with
# pkg-config, kith and kith-core, shared and static; and examples/hello.c, as C and as C++, without a warning. Also: what is
# installed shows no symbol but kith_*, and nothing of the
# simulated crypto suite.
# Usage: run.sh <build directory> <C compiler>
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$1
cc=$2
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
prefix=$stage/moved

cmake --install "$build" --prefix "$stage/prefix" >"$stage/install.log" || { cat "$stage/install.log"; exit 1; }
mv "$stage/prefix" "$prefix" # an installed tree must not care where it stands
libdir=$(dirname "$(find "$prefix" -name 'libkith_core.so' | head -n 1)")
fail() { echo "FAIL: $*" >&2; exit 1; }

for lib in "$libdir"/libkith.so "$libdir"/libkith_core.so; do
	alien=$(nm -D --defined-only "$lib" | awk '{print $3}' | grep -v '^kith_' || true)
	[ -z "$alien" ] || fail "$(basename "$lib") exports: $alien"
	readelf -d "$lib" | grep -q 'SONAME.*\.so\.0\.1\]' || fail "$(basename "$lib") has no SONAME with version 0.1"
done
for lib in "$libdir"/libkith*; do
	if nm "$lib" 2>/dev/null | grep -q 'kith_suite_sim'; then fail "$(basename "$lib") holds the simulated suite"; fi
done

export PKG_CONFIG_PATH=$libdir/pkgconfig
for module in kith kith-core; do
	[ "$(pkg-config --modversion $module)" ] || fail "no version of $module"
	# shellcheck disable=SC2046 # the flags are meant to be split
	"$cc" -std=c11 -Wall -Werror "$here/consumer.c" -o "$stage/$module-shared" \
		$(pkg-config --cflags --libs $module) -Wl,-rpath,"$libdir"
	"$stage/$module-shared" || fail "$module, shared, by pkg-config"
	# Our archive by name, and what it needs as pkg-config tells it.
	static=$(pkg-config --static --libs $module | sed -E 's/-l(kith(_core)?)( |$)/-l:lib\1.a /')
	# shellcheck disable=SC2046,SC2086
	"$cc" -std=c11 -Wall -Werror "$here/consumer.c" -o "$stage/$module-static" $(pkg-config --cflags $module) $static
	if readelf -d "$stage/$module-static" | grep -q 'NEEDED.*libkith'; then fail "$module: not linked statically"; fi
	"$stage/$module-static" || fail "$module, static, by pkg-config"
done

# The program of README.md, and with it all headers: as C11 and C++17, by both compilers, and as whoever just says cc has it.
for how in "gcc -std=c11" "clang -std=c11" "g++ -x c++ -std=c++17" "clang++ -x c++ -std=c++17" "$cc"; do
	# shellcheck disable=SC2046,SC2086
	$how -Wall -Wextra -Werror "$here/../../examples/hello.c" -o "$stage/hello" $(pkg-config --cflags --libs kith libuv) \
		-Wl,-rpath,"$libdir" || fail "hello.c with $how"
	code=0
	"$stage/hello" 2>"$stage/log" || code=$?
	[ "$code" = 1 ] && grep -q 'hello: usage: ' "$stage/log" || fail "hello with $how: $code, $(cat "$stage/log")"
done

mkdir -p "$stage/src"
cp "$here/consumer.c" "$stage/src/"
cp "$here/consumer.cmake" "$stage/src/CMakeLists.txt"
cmake -S "$stage/src" -B "$stage/cmake" -G Ninja -DCMAKE_C_COMPILER="$cc" -DCMAKE_PREFIX_PATH="$prefix" >"$stage/log" 2>&1 ||
	{ cat "$stage/log"; fail "find_package(kith)"; }
cmake --build "$stage/cmake" >"$stage/log" 2>&1 || { cat "$stage/log"; fail "building against kith::*"; }
for program in kith core kith_static core_static; do
	"$stage/cmake/$program" || fail "$program, by CMake package"
done
echo "8 consumers built and ran, and hello.c in 5 ways"
