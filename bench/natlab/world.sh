#!/usr/bin/env bash
# The world of a run of natlab: namespaces by a plan, then supernodes, accounts and what routers run. Started by natlab.py, which
# speaks with it by lines; everything is removed when its input ends, or it is ended.
# Usage: world.sh PLAN     needs root
#
#     {"event": "made", "net": ..., "tmp": ...}   namespaces and TUN devices are there: kith-natbox may open them
#     go                                          (to it) it has
#     {"event": "ready", "pids": {NAME: N}}       supernodes know each other, accounts have profiles in tmp
#     again NAME...                               (to it) these supernodes were killed: they shall run again
#     {"event": "again", "pids": {NAME: N}}       all know each other again
#
# Lines of the plan, in this order (a kind's words are those of kinds.toml):
#     supernode NAME V4 [V6]
#     servers V4 V4 V6 V6                         of the probe, in the namespace "probe"
#     site NAME [v4=ADDRESS] [v6=PREFIX] [router=kernel|none|SITE] [inside=ADDRESS] [nat=...] [wall=...] [timeout=S] [nat64=PREFIX]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/e2e/lib_common.sh
. "$here/../../tests/e2e/lib_common.sh"
# shellcheck source=tests/e2e/lib_net.sh
. "$here/../../tests/e2e/lib_net.sh"
export KITH_QUIET=1
need_root
net=natlab$$
nets=()
supernodes=() sites=() only443=() bootstrap=() later=()
declare -A address6=()
cleaners+=(net_down)

# natlab_host NAME: a namespace with both families; addresses are known to be free (no DAD), and nobody advertises routes.
natlab_host() {
	nets+=("$1")
	ip netns add "$net-$1"
	in_ns "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
		net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.accept_ra=0
	ip -n "$net-$1" link set lo up
}

# natlab_tun NAME DEVICE [ADDRESS...]: its way to the internet, with a default route for each family that it has.
natlab_tun() {
	local name=$1 device=$2 one
	shift 2
	in_ns "$name" ip tuntap add dev "$device" mode tun
	ip -n "$net-$name" link set "$device" up
	for one in "$@"; do
		if [[ $one = *:* ]]; then
			ip -n "$net-$name" -6 address add "$one" dev "$device" nodad
			ip -n "$net-$name" -6 route replace default dev "$device"
		else
			ip -n "$net-$name" address add "$one" dev "$device"
			ip -n "$net-$name" route replace default dev "$device"
		fi
	done
}

plan_supernode() {
	natlab_host "$1"
	natlab_tun "$1" eth0 "$2/32" ${3:+"$3/128"}
	supernodes+=("$1") address[$1]=$2 address6[$1]=${3:-}
	bootstrap+=("$2:$supernode_port" ${3:+"[$3]:$supernode_port"})
}

plan_servers() {
	natlab_host probe
	natlab_tun probe eth0 "$1/32" "$2/32" "$3/128" "$4/128"
	later+=("serve probe $1 $2 $3 $4")
}

# The word in the place of a site's router. $k has the site's words.
site_router() {
	local name=$1 router=$1.r
	natlab_host "$router"
	in_ns "$router" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	natlab_tun "$router" wan ${k[v4]:+"${k[v4]}/32"} ${k[v6]:+"${k[v6]}::1/128"}
	ip -n "$net-$router" link add lan type bridge
	ip -n "$net-$router" link set lan up
	ip -n "$net-$router" address add 192.168.1.1/24 dev lan
	[ -z "${k[v6]:-}" ] || ip -n "$net-$router" -6 address add "${k[v6]}:4::1/64" dev lan nodad
	site_rules "$router" | in_ns "$router" nft -f -
	[ -z "${k[timeout]:-}" ] || in_ns "$router" sysctl -qw net.netfilter.nf_conntrack_udp_timeout="${k[timeout]}" \
		net.netfilter.nf_conntrack_udp_timeout_stream="${k[timeout]}"
	[ "${k[wall]:-}" != proxy ] || later+=("proxy $router")
	[ -z "${k[nat64]:-}" ] || site_nat64 "$router"
}

# Both families: nothing that is new comes in from outside, to the router itself neither (lib_net.sh says why).
site_rules() {
	local translate='' wall=''
	case ${k[nat]:-off} in
	masquerade) translate='masquerade' ;;
	random) translate='masquerade fully-random' ;;
	range) translate="snat to ${k[v4]}:20000-20511 random" ;;
	esac
	case ${k[wall]:-} in
	tcp) wall='iifname "lan" meta l4proto != tcp drop' ;;
	443) wall='iifname "lan" tcp dport != 443 drop; iifname "lan" meta l4proto != tcp drop' ;;
	proxy) wall='iifname "lan" drop' ;;
	esac
	cat <<-END
	table inet kith {
		chain input {
			type filter hook input priority filter; policy accept;
			iifname "wan" meta l4proto { udp, tcp } ct state new drop
		}
		chain forward {
			type filter hook forward priority filter; policy accept;
			iifname "wan" ct state { new, invalid } drop
			$wall
		}
	}
	END
	[ -z "$translate" ] || printf 'table ip kith {\nchain postrouting {\n%s\noifname "wan" meta l4proto { udp, tcp } %s\n}\n}\n' \
		'type nat hook postrouting priority srcnat; policy accept;' "$translate"
}

# tayga translates one to one into 192.168.255.0/24; the kernel's NAT makes the router's address of these.
site_nat64() {
	local router=$1 conf=$tmp/$1.tayga
	printf '%s\n' 'tun-device nat64' 'ipv4-addr 192.168.255.1' "ipv6-addr ${k[v6]}:64::1" "prefix ${k[nat64]}" \
		'dynamic-pool 192.168.255.0/24' "data-dir $tmp/$router.pool" >"$conf"
	mkdir "$tmp/$router.pool"
	in_ns "$router" tayga -c "$conf" --mktun >/dev/null
	ip -n "$net-$router" link set nat64 up
	ip -n "$net-$router" route add 192.168.255.0/24 dev nat64
	ip -n "$net-$router" -6 route add "${k[nat64]}" dev nat64
	printf 'table ip kith {\nchain postrouting {\n%s\noifname "wan" meta l4proto { udp, tcp } masquerade\n}\n}\n' \
		'type nat hook postrouting priority srcnat; policy accept;' | in_ns "$router" nft -f -
	later+=("tayga $router")
}

# site_behind NAME ROUTER NUMBER: a host in the router's home network.
site_behind() {
	local name=$1 router=$2
	natlab_host "$name"
	ip link add eth0 netns "$net-$name" type veth peer name "to$3" netns "$net-$router"
	ip -n "$net-$router" link set "to$3" master lan up
	ip -n "$net-$name" link set eth0 up
	if [ -n "${k[v4]:-}" ] && [ -z "${k[nat64]:-}" ]; then
		ip -n "$net-$name" address add "192.168.1.$3/24" dev eth0
		ip -n "$net-$name" route add default via 192.168.1.1
	fi
	if [ -n "${k[v6]:-}" ]; then
		ip -n "$net-$name" -6 address add "${k[v6]}:4::$3/64" dev eth0 nodad
		ip -n "$net-$name" -6 route add default via "${k[v6]}:4::1"
	fi
}

plan_site() {
	local name=$1 word
	local -A k=()
	shift
	for word in "$@"; do k[${word%%=*}]=${word#*=}; done
	sites+=("$name")
	[[ "${k[wall]:-}" != @(443|proxy) ]] || only443+=("$name")
	case ${k[router]} in
	none)
		natlab_host "$name"
		natlab_tun "$name" eth0 ${k[v4]:+"${k[v4]}/32"} ${k[v6]:+"${k[v6]}::1/128"}
		;;
	kernel)
		site_router "$name"
		site_behind "$name" "$name.r" 2
		;;
	*) site_behind "$name" "${k[router]}.r" 3 ;;
	esac
}

# ---- what runs in it ----

later_serve() {
	start servers "$(ns "$1")" python3 "$here/probe.py" serve "${@:2}"
	wait_for servers 0 10 'e["event"] == "serving"' >/dev/null
}

later_proxy() {
	printf '%s\n' 'Port 8888' 'Listen 192.168.1.1' 'Timeout 600' 'ConnectPort 443' 'LogLevel Warning' >"$tmp/$1.tinyproxy"
	start "proxy-$1" "$(ns "$1")" tinyproxy -d -c "$tmp/$1.tinyproxy"
}

later_tayga() {
	start "tayga-$1" "$(ns "$1")" tayga -d -c "$tmp/$1.tayga"
}

while read -r -a words; do
	"plan_${words[0]}" "${words[@]:1}"
done <"$1"
printf '{"event": "made", "net": "%s", "tmp": "%s"}\n' "$net" "$tmp"
read -r word && [ "$word" = go ] || exit 1

for line in "${later[@]}"; do
	read -r -a words <<<"$line"
	"later_${words[0]}" "${words[@]:1}"
done
make_profiles "${bootstrap[@]}" -- "${supernodes[@]}" -- "${sites[@]}"
# Who gets out to port 443 only was told of it by who gave the certificate.
for name in "${only443[@]}"; do sed -i "s/:$supernode_port\\>/:443/" "$tmp/$name/bootstrap"; done
for name in "${supernodes[@]}"; do
	supernode_conf "$name" "${address[$name]}:$supernode_port${address6[$name]:+\", \"[${address6[$name]}]:$supernode_port}" \
		'listen_tcp = 443'
	start_kithd "$name" "$(ns "$name")"
done
await_members "${supernodes[@]}"
# tell EVENT: with the process of each supernode.
tell() {
	local name list=
	for name in "${supernodes[@]}"; do list+=", \"$name\": ${pid_of[$name]}"; done
	printf '{"event": "%s", "pids": {%s}}\n' "$1" "${list:2}"
}

tell ready
while read -r command names; do
	[ "$command" = again ] || fail "world.sh: found \"$command\"; expected again, and supernodes"
	for name in $names; do
		{ wait "${pid_of[$name]}" || true; } 2>/dev/null
		start_kithd "$name" "$(ns "$name")"
	done
	await_members "${supernodes[@]}"
	tell again
done
