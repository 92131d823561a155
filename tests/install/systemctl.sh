#!/usr/bin/env bash
# In the place of systemctl where no systemd can be booted: `systemctl enable --now kithd` starts the unit as systemd would, as far as
# that goes without it. systemd-analyze checks the unit. Its user, directories, umask, file system (ProtectSystem=strict, ProtectHome,
# PrivateTmp) and privileges (no capability, none to be had) are applied; what is not: system call filter, namespaces, limits of
# memory and tasks.
set -euo pipefail
[ "$*" = "enable --now kithd" ] || { echo "systemctl: only 'enable --now kithd' is known here, not: $*" >&2; exit 1; }
unit=/etc/systemd/system/kithd.service
value() { sed -n "s/^$1=//p" "$unit" | tail -n 1; }
for wanted in ProtectSystem=strict ProtectHome=yes PrivateTmp=yes NoNewPrivileges=yes CapabilityBoundingSet=; do
	grep -qx "$wanted" "$unit" || { echo "systemctl: the unit has no $wanted; this stand-in would not apply it" >&2; exit 1; }
done
if command -v systemd-analyze >/dev/null; then
	systemd-analyze verify --man=no "$unit"
fi
user=$(value User) group=$(value Group)
install -d -o "$user" -g "$group" "/run/$(value RuntimeDirectory)"
install -d -o "$user" -g "$group" -m "$(value StateDirectoryMode)" "/var/lib/$(value StateDirectory)"
export user group command directories mask
command=$(value ExecStart)
directories="/run/$(value RuntimeDirectory) /var/lib/$(value StateDirectory)"
mask=$(value UMask)
# shellcheck disable=SC2016 # for the inner shell
setsid unshare --mount bash -c '
	for dir in $directories; do mount --bind "$dir" "$dir"; done
	for dir in / /run; do mount -o remount,bind,ro "$dir"; done
	for dir in /tmp /var/tmp /home /root; do mount -t tmpfs -o mode=755 tmpfs "$dir"; done
	umask "$mask"
	exec setpriv --reuid "$user" --regid "$group" --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
		env -i PATH=/usr/sbin:/usr/bin $command
' </dev/null >/tmp/journal 2>&1 &
echo $! >/tmp/kithd.pid
