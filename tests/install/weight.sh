#!/usr/bin/env bash
# What a program that uses libkith loads, of an installed tree that was moved: few objects; a component only where its
# option is on, from beside the library; without it a clear refusal. And a wholly static program, where the archives of
# what libkith builds on are installed.
# Usage: weight.sh <build directory> <C compiler> <whether the component stun was built>
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$1
cc=$2
stun=$3
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
prefix=$stage/moved
fail() { echo "FAIL: $*" >&2; exit 1; }

cmake --install "$build" --prefix "$stage/prefix" >"$stage/install.log" || { cat "$stage/install.log"; exit 1; }
mv "$stage/prefix" "$prefix"
libdir=$(dirname "$(find "$prefix" -name 'libkith.so')")
export PKG_CONFIG_PATH=$libdir/pkgconfig
unset KITH_COMPONENT_PATH

# ---- objects: those that ldd lists, the C library, the loader and the kernel's own included ----
objects_max=10
# shellcheck disable=SC2046
"$cc" -std=c11 -Wall -Werror "$here/node.c" -o "$stage/node" $(pkg-config --cflags --libs kith libuv) -Wl,-rpath,"$libdir"
for program in "$stage/node" "$prefix/bin/kithd"; do
	ldd "$program" >"$stage/ldd"
	n=$(wc -l <"$stage/ldd")
	[ "$n" -le $objects_max ] || { cat "$stage/ldd"; fail "$(basename "$program") loads $n objects"; }
	if grep -qE 'nice|glib|gobject|upnp|natpmp|libssl|libcrypto|wslay' "$stage/ldd"; then cat "$stage/ldd"; fail "$(basename "$program") loads a component's libraries"; fi
	echo "$(basename "$program"): $n objects"
done

# ---- starting: against a program that links libuv and libsodium alone, one after the other, many times ----
# shellcheck disable=SC2046
"$cc" -x c - -o "$stage/bare" -Wl,--no-as-needed $(pkg-config --libs libuv libsodium) <<<'int main(void) { return 0; }'
python3 - "$stage/node" "$stage/bare" <<'END' || fail "a program with libkith starts too slowly"
import os, sys, time
def start(program):
    begin = time.perf_counter()
    os.waitpid(os.posix_spawn(program, [program], {}), 0)
    return time.perf_counter() - begin
times = {program: [] for program in sys.argv[1:]}
for _ in range(300):
    for program in times:
        times[program].append(start(program))
ours, bare = (min(t) for t in times.values()) # whatever else runs here only adds to it
print(f"starting: {ours * 1e3:.2f} ms, {ours / bare:.2f} times as long as without libkith ({bare * 1e3:.2f} ms)")
sys.exit(ours > 1.5 * bare)
END

# ---- a component: found, and not found ----
"$stage/node" leaf || fail "a leaf does not start"
if [ "$stun" = 1 ]; then
	"$stage/node" stun || fail "a supernode with stun does not start"
	rm "$libdir/kith/kith-stun.so"
fi
if "$stage/node" stun 2>"$stage/why"; then fail "a supernode starts without the component it needs"; fi
grep -q 'kith-stun\.so' "$stage/why" || fail "the refusal names no component: $(cat "$stage/why")"

# kithd says so too.
"$prefix/bin/kith" id new "$stage/profile" --open weight --no-passphrase >"$stage/log" || { cat "$stage/log"; fail "kith id new"; }
printf 'role = supernode\nprofile = "%s"\nlisten = {"127.0.0.1:%d"}\nadvertise = {"127.0.0.1:9"}\nallow_loopback = yes\nstun = yes\n' \
	"$stage/profile" $((20000 + $$ % 20000)) >"$stage/kithd.conf"
code=0
timeout 20 "$prefix/bin/kithd" -c "$stage/kithd.conf" >"$stage/log" 2>&1 || code=$?
[ $code = 3 ] || { cat "$stage/log"; fail "kithd ended with $code without the component"; }
grep -q 'kith-stun\.so' "$stage/log" || { cat "$stage/log"; fail "kithd does not name the component"; }

# ---- wholly static ----
# Debian's archive of libuv has another name than its library.
static=$(pkg-config --static --libs kith | sed -E 's/-l(kith(_core)?)( |$)/-l:lib\1.a /g; s/-luv( |$)/-l:libuv_a.a /g')
# shellcheck disable=SC2086
if ! "$cc" -static -x c - -o "$stage/try" ${static/-l:libkith.a/} <<<'int main(void) { return 0; }' 2>"$stage/log"; then
	echo "no wholly static program here: $(tail -n 1 "$stage/log")"
	exit 0
fi
# shellcheck disable=SC2086,SC2046
"$cc" -std=c11 -static "$here/node.c" -o "$stage/static" $(pkg-config --cflags kith libuv) $static 2>"$stage/log" ||
	{ cat "$stage/log"; fail "no static program"; }
if ldd "$stage/static" >/dev/null 2>&1; then fail "the static program is dynamic"; fi
"$stage/static" leaf || fail "the static program does not start"
export KITH_COMPONENT_PATH=$build/lib/kith # even if it is there: the program has no loader
if "$stage/static" stun 2>"$stage/why"; then fail "the static program starts with a component"; fi
grep -q 'kith-stun\.so' "$stage/why" || fail "the static program's refusal names no component: $(cat "$stage/why")"
echo "a static program starts"
