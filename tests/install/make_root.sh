#!/usr/bin/env bash
# Makes the host that lib_root.sh describes, and runs a script in it. To be run in fresh namespaces.
# Usage: make_root.sh DIR SOURCES BUILD SCRIPT        (DIR: an empty one, to be mounted on; the script gets BUILD)
set -euo pipefail
work=$1 sources=$2 build=$3 script=$4
mount --make-rprivate /
mount -t tmpfs tmpfs "$work"
mkdir "$work/upper" "$work/work" "$work/root"
root=$work/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$root/run"
# The sources and the build may be on file systems of their own, which the overlay does not show; what is written there stays here.
for dir in "$sources" "$build"; do
	mkdir -p "$root$dir"
	[ -n "$(ls -A "$root$dir")" ] || mount --bind "$dir" "$root$dir"
done
if [ "$build" != "$sources/build/release" ]; then
	mkdir -p "$root$sources/build/release"
	mount --bind "$root$build" "$root$sources/build/release"
fi
ip link set lo up
ip addr add 198.51.100.1/32 dev lo
echo '198.51.100.1 s1.example.org' >>"$root/etc/hosts"
install -D -m 755 "$sources/tests/install/systemctl.sh" "$root/stand-ins/systemctl"
cat >"$root/stand-ins/cmake" <<'END'
#!/bin/sh
case "$*" in
"--preset release" | "--build --preset release") exit 0 ;;
esac
PATH=${PATH#/stand-ins:} exec cmake "$@"
END
chmod 755 "$root/stand-ins/cmake"
export KITH_README_HOST=1 PATH=/stand-ins:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset LD_LIBRARY_PATH PKG_CONFIG_PATH CMAKE_PREFIX_PATH
chroot "$root" bash "$script" "$build"
