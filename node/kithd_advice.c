#include "kithd_advice.h"

static const char *advice_key(int err)
{
	switch (err) {
	case KITH_ENOENT:
		return "check key or profile in the configuration, or make a profile: kith id new";
	case KITH_EPASSPHRASE:
		return "check passphrase_file, or the key file itself if it was copied";
	case KITH_EEXPOSED:
		return "take the rights of others away: chmod 600; if others may have read it, make a new key";
	case KITH_EACCES:
		return "let the user that runs kithd own the key file: chown, and mode 600";
	case KITH_EAUTH:
		return "take key and chain from the same profile";
	case KITH_ENOMEM:
		return "a protected key file takes as much memory as it was made with, 256 MiB if nothing else was "
		       "said";
	default:
		return "restore the key file from its copy, or make a new profile: kith id new";
	}
}

static const char *advice_chain(int err)
{
	switch (err) {
	case KITH_EEXPIRED:
		return "renew the certificate (kith id renew, or a new grant of the issuer), or set the clock";
	case KITH_ENOTYET:
		return "set the clock";
	case KITH_ENETWORK:
		return "take chain and network from the same profile, or correct network or open_network";
	case KITH_EREVOKED:
		return "ask the issuer, who has taken the name back";
	default:
		return "take a chain that kith id accept or kith ca issue wrote for this network";
	}
}

static const char *advice_state(int err)
{
	switch (err) {
	case KITH_ESTATE:
		return "another node uses that directory: stop it, or give each a state of its own";
	case KITH_EACCES:
		return "let the user that runs kithd own the directory, on a file system that can be written";
	case KITH_ENOSPC:
		return "make room on the file system that holds the directory";
	case KITH_ENOENT:
		return "make the directory above it";
	default:
		return "check the directory, and the file system that holds it";
	}
}

static const char *advice_socket(int err)
{
	switch (err) {
	case KITH_EADDRINUSE:
		return "another program uses that port: stop it, or choose another port in listen";
	case KITH_EACCES:
		return "ports below 1024 need CAP_NET_BIND_SERVICE: choose a higher one in listen, or grant it";
	case KITH_EUNREACHABLE:
		return "listen names an address that this host does not have: ip address lists them; 0.0.0.0 and [::] "
		       "stand for all";
	case KITH_ENOTSUP:
		return "this host has no such address family: take it out of listen";
	default:
		return "check listen, and the network of this host";
	}
}

static const char *advice_system(int err)
{
	switch (err) {
	case KITH_EMFILE:
		return "raise the limit of open files: LimitNOFILE in the unit, or ulimit -n";
	case KITH_ENOMEM:
		return "give it more memory, or lower sessions_max";
	default:
		return "see kithd(8) for what it needs";
	}
}

const char *advice(enum kith_part part, int err)
{
	if (err == KITH_EMFILE)
		return advice_system(err);
	switch (part) {
	case KITH_PART_KEY:
		return advice_key(err);
	case KITH_PART_CHAIN:
		return advice_chain(err);
	case KITH_PART_ROLE:
		if (err == KITH_ENOTSUP)
			return "set role = leaf, or build with KITH_BUILD_SERVING";
		return "set role = auto or leaf, or have the name certified as a supernode: kith ca issue --supernode";
	case KITH_PART_LIST:
		return "take lists and certificates of this network's issuers, as kith ca wrote them";
	case KITH_PART_STATE:
		return advice_state(err);
	case KITH_PART_SOCKET:
		return advice_socket(err);
	case KITH_PART_COMPONENT:
		return "install the component, or turn the option off that needs it (stun)";
	case KITH_PART_OPTIONS:
		return "kithd --check-config says what does not fit together";
	case KITH_PART_NONE:
	case KITH_PART_SYSTEM:
		break;
	}
	return advice_system(err);
}

const char *advice_control(int err)
{
	switch (err) {
	case KITH_EADDRINUSE:
		return "stop the kithd that listens there, or give each a control of its own";
	case KITH_EEXIST:
		return "choose another path: what is there is not kithd's, and stays";
	case KITH_EMSGSIZE:
		return "choose a shorter path";
	case KITH_ENOENT:
		return "make the directory, or leave control out; systemd makes /run/kith by RuntimeDirectory=kith";
	case KITH_EACCES:
		return "let the user that runs kithd own the directory of the socket";
	default:
		return advice_system(err);
	}
}

const char *advice_trouble(enum kith_trouble what, int err)
{
	if (what == KITH_TROUBLE_PROXY && err != 0)
		return "correct proxy, or have its rules let CONNECT to the supernodes' ports (443) through";
	if (what == KITH_TROUBLE_WEB && err == KITH_ENOTSUP)
		return "install kith-web.so beside the library, or remove the wss:// hosts of bootstrap";
	if (what == KITH_TROUBLE_WEB)
		return "correct the wss:// host of bootstrap; or something on the way reads what passes through TLS";
	if (what == KITH_TROUBLE_TURN && err == KITH_EACCES)
		return "correct turn: the user and the password that the server's operator gave you";
	if (what == KITH_TROUBLE_TURN && err != 0)
		return "see that the server of turn runs, and that UDP to it gets through; it is asked again";
	if (what == KITH_TROUBLE_MTU)
		return "give the interface, or the VPN behind it, an MTU of 1280 or more";
	if (what != KITH_TROUBLE_ENDPOINT || err == 0)
		return NULL;
	return "let UDP to that port through the firewall and the router, or correct advertise";
}

bool mends_itself(enum kith_part part, int err)
{
	switch (part) {
	case KITH_PART_SOCKET:
		return err != KITH_EACCES && err != KITH_ENOTSUP;
	case KITH_PART_STATE:
		return err == KITH_ENOSPC || err == KITH_ESTATE || err == KITH_EIO;
	case KITH_PART_CHAIN:
		return err == KITH_ENOTYET;
	case KITH_PART_NONE:
	case KITH_PART_SYSTEM:
		return true;
	case KITH_PART_KEY:
	case KITH_PART_ROLE:
	case KITH_PART_LIST:
	case KITH_PART_COMPONENT:
	case KITH_PART_OPTIONS:
		break;
	}
	return err == KITH_ENOMEM || err == KITH_EMFILE;
}

const char *part_text(enum kith_part part)
{
	static const char *const texts[] = { "start", "options", "key",	   "chain",	"role",
					     "list",  "state",	 "socket", "component", "system" };
	return texts[part];
}
