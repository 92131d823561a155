/* kith net: a network for development, on this machine only.
 *
 *     ca/           its authority, without passphrases: kith ca issue makes further profiles
 *     s1/           the supernode's profile
 *     alice/, bob/  profiles that know the supernode
 *     kithd.conf    of the supernode; with paths in this directory. Written last: it says that the rest is complete
 *
 * It has an authority of its own, as networks of friends have: so people are called by names, not by fingerprints. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kith_cli.h"

enum {
	/* Below those that Linux gives to others by itself, so that it is free the next time as well. */
	PORT_MIN = 20000,
	PORTS = 10000,
	PORT_TRIES = 100
};

static const char supernode[] = "s1";
static const char *const people[] = { "alice", "bob" };

struct net {
	const struct cli *cli;
	const char *dir;
	char ca[PATH_TEXT_MAX];
	uint16_t port;
};

static int net_path(const struct net *net, char out[PATH_TEXT_MAX], const char *file)
{
	return path_join(out, net->dir, file) == 0
		       ? CLI_OK
		       : cli_fail(net->cli, CLI_FAILED, "%s: the path is too long", net->dir);
}

/* ---- what is there ---- */

/* Whether the directory holds anything; one that is missing does not. */
static int check_empty(const struct net *net)
{
	DIR *dir = opendir(net->dir);
	const struct dirent *entry;
	const char *found = NULL;
	char name[sizeof entry->d_name];
	if (dir == NULL && errno == ENOENT)
		return CLI_OK;
	if (dir == NULL)
		return cli_fail(net->cli, CLI_FAILED, "%s: %s", net->dir, strerror(errno));
	while (found == NULL && (entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			found = memcpy(name, entry->d_name, sizeof name);
	closedir(dir);
	if (found == NULL)
		return CLI_OK;
	return cli_fail(net->cli, CLI_FAILED,
			"%s holds %s, and no network that kith net has finished (kithd.conf is missing); nothing is "
			"overwritten: choose another directory, or remove it",
			net->dir, found);
}

/* ---- making ---- */

static int find_port(struct net *net)
{
	for (int i = 0; i < PORT_TRIES; i++) {
		struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		uint16_t random;
		if (random_fill((uint8_t *)&random, sizeof random) != 0)
			break;
		net->port = (uint16_t)(PORT_MIN + random % PORTS);
		addr.sin_port = htons(net->port);
		int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		int err = fd < 0 ? -1 : bind(fd, (const struct sockaddr *)&addr, sizeof addr);
		if (fd >= 0)
			close(fd);
		if (err == 0)
			return CLI_OK;
	}
	return cli_fail(net->cli, CLI_FAILED, "no UDP port is free on 127.0.0.1: %s", strerror(errno));
}

/* The options with which the other commands make it. */
static struct cli step(const struct net *net)
{
	struct cli cli = { .command = net->cli->command,
			   .json = net->cli->json,
			   .quiet = 1,
			   .no_passphrase = 1,
			   .loopback = 1,
			   .wait_s = -1 };
	cli.words[cli.words_n++] = net->ca;
	return cli;
}

static int make_authority(const struct net *net)
{
	char label[] = "development";
	struct cli cli = step(net);
	cli.network = label;
	return cli_ca_init(&cli);
}

/* bootstrap NULL: the supernode. */
static int make_profile(const struct net *net, const char *name, char *bootstrap)
{
	char path[PATH_TEXT_MAX];
	struct cli cli = step(net);
	int code = net_path(net, path, name);
	cli.words[cli.words_n++] = name;
	cli.profile = path;
	cli.supernode = bootstrap == NULL;
	cli.bootstrap[0] = bootstrap;
	return code == CLI_OK ? cli_ca_issue(&cli) : code;
}

/* How the others find the supernode: "127.0.0.1:port key". */
static int supernode_entry(const struct net *net, char *out, size_t cap)
{
	struct kith_chain chain;
	struct armor armor = { 0 };
	char dir[PATH_TEXT_MAX], path[PATH_TEXT_MAX], key[KITH_KEY_TEXT_LEN + 1];
	int code = net_path(net, dir, supernode);
	if (code != CLI_OK)
		return code;
	int err = path_join(path, dir, "chain");
	if (err == 0)
		err = armor_read(&armor, path);
	const struct armor_piece *piece = err == 0 ? armor_find(&armor, KITH_ARMOR_CHAIN) : NULL;
	if (err == 0)
		err = piece == NULL ? KITH_EPROTO : kith_chain_parse(&chain, piece->bytes);
	if (err == 0)
		(void)snprintf(out, cap, "127.0.0.1:%u %s", net->port, kith_key_format(chain.device.dh.b, key));
	armor_free(&armor);
	return err == 0 ? CLI_OK : cli_fail(net->cli, CLI_FAILED, "%s: %s", path, file_why(err));
}

static int write_conf(const struct net *net, const char *path)
{
	char conf[512];
	int len = snprintf(conf, sizeof conf,
			   "# Made by kith net. The paths are those of this directory: start kithd in it.\n"
			   "role = supernode\n"
			   "profile = \"%s\"\n"
			   "listen = {\"127.0.0.1:%u\"}\n"
			   "control = \"control\"\n",
			   supernode, net->port);
	errno = 0;
	int err = file_write(path, 0644, conf, (size_t)len);
	return err == 0 ? CLI_OK : cli_fail(net->cli, CLI_FAILED, "%s cannot be written: %s", path, file_why(err));
}

static int make(struct net *net, const char *conf)
{
	char entry[128];
	errno = 0;
	int err = directory_make(net->dir);
	if (err != 0)
		return cli_fail(net->cli, CLI_FAILED, "%s cannot be made: %s", net->dir, file_why(err));
	int code = find_port(net);
	if (code == CLI_OK)
		code = make_authority(net);
	if (code == CLI_OK)
		code = make_profile(net, supernode, NULL);
	if (code == CLI_OK)
		code = supernode_entry(net, entry, sizeof entry);
	for (size_t i = 0; code == CLI_OK && i < sizeof people / sizeof people[0]; i++)
		code = make_profile(net, people[i], entry);
	return code == CLI_OK ? write_conf(net, conf) : code;
}

/* ---- running ---- */

/* Becomes kithd, the one beside this program or that of PATH: so Ctrl-C is its own, and it leaves in an orderly way. */
static int become_kithd(const struct net *net)
{
	char own[PATH_TEXT_MAX];
	ssize_t len = readlink("/proc/self/exe", own, sizeof own - sizeof "d");
	if (chdir(net->dir) != 0)
		return cli_fail(net->cli, CLI_FAILED, "%s: %s", net->dir, strerror(errno));
	if (len > 0) {
		memcpy(own + len, "d", sizeof "d");
		execl(own, "kithd", "-c", "kithd.conf", (char *)NULL);
	}
	execlp("kithd", "kithd", "-c", "kithd.conf", (char *)NULL);
	return cli_fail(net->cli, CLI_FAILED, "kithd cannot be started: %s; it comes with kith", strerror(errno));
}

int cli_net(const struct cli *cli)
{
	struct net net = { .cli = cli, .dir = cli->words[0] };
	char conf[PATH_TEXT_MAX], text[3 * PATH_TEXT_MAX];
	int code = cli_words(cli, 1, 1, "DIR");
	if (code == CLI_OK)
		code = net_path(&net, conf, "kithd.conf");
	if (code == CLI_OK)
		code = net_path(&net, net.ca, "ca");
	if (code != CLI_OK)
		return code;
	bool found = access(conf, F_OK) == 0;
	if (!found)
		code = check_empty(&net);
	if (code == CLI_OK && !found)
		code = make(&net, conf);
	if (code != CLI_OK)
		return code;
	(void)snprintf(text, sizeof text,
		       "%s: %s. Profiles that know its supernode: %s/%s, %s/%s. Ctrl-C ends the supernode.\n", net.dir,
		       found ? "the network that is there" : "a new network", net.dir, people[0], net.dir, people[1]);
	code = cli_result(
		cli,
		json_pack("{s:s, s:b, s:[s, s]}", "network", net.dir, "new", !found, "profiles", people[0], people[1]),
		text);
	return code == CLI_OK ? become_kithd(&net) : code;
}
