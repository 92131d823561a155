#include "kithd_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kithd_advice.h"
#include "kithd_control.h"

typedef void (*warn_fn)(const char *text);

enum { WARNING_MAX = 1024 };

static int line_of(const struct config *c, const char *option, const char *instead)
{
	int line = config_line(c, option);
	return line != 0 ? line : config_line(c, instead);
}

/* ---- key, certificates, role ---- */

struct place {
	const char *option, *file; /* file may be NULL */
	int line;
};

/* Where in the configuration a part is said. */
static struct place place_of(const struct config *c, const struct kith_node_options *o, enum kith_part part)
{
	switch (part) {
	case KITH_PART_KEY:
		return (struct place){ "key", o->key_path, line_of(c, "key", "profile") };
	case KITH_PART_ROLE:
		return (struct place){ "role", NULL, config_line(c, "role") };
	case KITH_PART_LIST:
		return (struct place){ "revocations, issuers", NULL, line_of(c, "revocations", "profile") };
	case KITH_PART_CHAIN:
		return (struct place){ "chain", c->chain.s != NULL ? c->chain.s : c->profile.s,
				       line_of(c, "chain", "profile") };
	case KITH_PART_NONE:
	case KITH_PART_OPTIONS:
	case KITH_PART_STATE:
	case KITH_PART_SOCKET:
	case KITH_PART_COMPONENT:
	case KITH_PART_SYSTEM:
		break;
	}
	return (struct place){ part_text(part), NULL, 0 };
}

static int check_identity(struct config *c, const struct kith_node_options *o, warn_fn warn)
{
	enum kith_part part;
	char why[512], text[WARNING_MAX];
	int err = kith_node_options_check(o, &part, why, sizeof why);
	if (err == 0 && part == KITH_PART_KEY) {
		(void)snprintf(text, sizeof text,
			       "key: %s is protected, and was not opened: whether it belongs to the chain "
			       "is seen at the start",
			       o->key_path);
		warn(text);
	}
	if (err == 0 || c->error[0] != '\0')
		return err;
	struct place at = place_of(c, o, part);
	return config_refuse(c, at.line, "%s: %s%s%s; %s", at.option, at.file != NULL ? at.file : "",
			     at.file != NULL ? ": " : "", why, advice(part, err));
}

/* ---- directories ---- */

/* Whether the directory that a path is in is there: 0, or an errno. */
static int check_parent(const char *path)
{
	char dir[PATH_TEXT_MAX];
	struct stat st;
	const char *slash = strrchr(path, '/');
	if (slash == NULL)
		return 0;
	int n = snprintf(dir, sizeof dir, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if (n < 0 || (size_t)n >= sizeof dir)
		return ENAMETOOLONG;
	if (stat(dir, &st) != 0)
		return errno;
	return S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
}

static int check_state(struct config *c, const char *path)
{
	struct stat st;
	int line = line_of(c, "state", "profile");
	if (path == NULL)
		return 0;
	if (stat(path, &st) == 0) {
		if (!S_ISDIR(st.st_mode))
			return config_refuse(c, line, "state: %s is no directory", path);
		if (access(path, W_OK | X_OK) != 0)
			return config_refuse(c, line, "state: %s cannot be written: %s", path, strerror(errno));
		return 0;
	}
	int err = errno == ENOENT ? check_parent(path) : errno;
	return err == 0 ? 0
			: config_refuse(c, line, "state: %s cannot be made: %s; make the directory above it", path,
					strerror(err));
}

/* systemd makes RuntimeDirectory below /run when it starts the unit, and not before. */
static bool is_made_at_start(const char *path)
{
	return strncmp(path, "/run/", 5) == 0 || strncmp(path, "/var/run/", 9) == 0;
}

static int check_control(struct config *c, warn_fn warn)
{
	char text[WARNING_MAX];
	const char *path = c->control.s;
	int err = path == NULL ? 0 : control_look(path);
	if (err == 0 || err == KITH_EADDRINUSE) /* by the kithd that runs with this very file, as a rule */
		return 0;
	if (err == KITH_ENOENT && is_made_at_start(path)) {
		(void)snprintf(text, sizeof text, "control: the directory of %s is not there yet; %s", path,
			       advice_control(err));
		warn(text);
		return 0;
	}
	return config_refuse(c, c->control.line, "control: %s cannot be opened: %s; %s", path, control_why(err),
			     advice_control(err));
}

/* ---- addresses ---- */

enum reach { PUBLIC, PRIVATE, LOOPBACK, NOWHERE };

static enum reach reach_of(const struct kith_addr *a)
{
	static const uint8_t loopback6[16] = { [15] = 1 };
	const uint8_t *ip = a->ip;
	if (a->family == KITH_FAMILY_V6) {
		if (memcmp(ip, loopback6, sizeof loopback6) == 0)
			return LOOPBACK;
		if (ip[0] == 0xff || (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80))
			return NOWHERE;
		return (ip[0] & 0xfe) == 0xfc ? PRIVATE : PUBLIC;
	}
	if (ip[0] == 127)
		return LOOPBACK;
	if (ip[0] >= 224 || (ip[0] == 169 && ip[1] == 254))
		return NOWHERE;
	if (ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) || (ip[0] == 192 && ip[1] == 168) ||
	    (ip[0] == 100 && (ip[1] & 0xc0) == 64))
		return PRIVATE;
	return PUBLIC;
}

static int check_addresses(struct config *c, const struct kith_node_options *o, warn_fn warn)
{
	int line = line_of(c, "advertise", "listen");
	for (size_t i = 0; i < o->endpoints_n; i++) {
		char addr[KITH_ADDR_TEXT_MAX], text[WARNING_MAX];
		enum reach reach = reach_of(&o->endpoints[i].addr);
		kith_addr_format(&o->endpoints[i].addr, addr);
		if (reach == LOOPBACK && !o->allow_loopback)
			return config_refuse(c, line,
					     "advertise: %s is this host for everybody: name a public address, or set "
					     "allow_loopback = yes if all nodes are on one host",
					     addr);
		if (reach == NOWHERE)
			return config_refuse(c, line, "advertise: %s is multicast or link-local: nobody reaches it",
					     addr);
		(void)snprintf(text, sizeof text,
			       "advertise: %s is a private address: only nodes in the same network reach it", addr);
		if (reach == PRIVATE)
			warn(text);
	}
	return 0;
}

int config_check(struct config *c, const struct kith_node_options *o, warn_fn warn)
{
	int err = check_addresses(c, o, warn);
	if (err == 0)
		err = check_identity(c, o, warn);
	if (err == 0)
		err = check_state(c, o->state_dir);
	return err == 0 ? check_control(c, warn) : KITH_EINVAL;
}
