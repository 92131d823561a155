#include "kithd_config_web.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As the library reads it; the user and the password are not looked at. */
const char *config_take_proxy(struct config *c, const char *value, int line)
{
	const char *at = strstr(value, "://"), *user = strrchr(value, '@');
	char address[KITH_ADDR_TEXT_MAX] = "";
	struct kith_addr addr;
	if (at != NULL)
		(void)snprintf(address, sizeof address, "%s", user != NULL ? user + 1 : at + 3);
	address[strcspn(address, "/")] = '\0';
	if ((strncmp(value, "socks5://", 9) != 0 && strncmp(value, "http://", 7) != 0) ||
	    kith_addr_parse(&addr, address) != 0 || addr.port == 0)
		return "\"socks5://ADDRESS:PORT\" or \"http://ADDRESS:PORT\", with USER:PASSWORD@ before the address "
		       "if it "
		       "wants them; an address, not a name";
	return config_keep(&c->proxy, value, line);
}

const char *config_take_turn(struct config *c, const char *value, int line)
{
	if (c->turn_n == KITH_TURN_SERVERS_MAX)
		return "at most four servers";
	if (!kith_turn_valid(value))
		return "\"turn:USER:PASSWORD@ADDRESS:PORT\", such as \"turn:alice:secret@192.0.2.1:3478\": an address, "
		       "not a name; USER without a colon, both without quotes and of at most 127 characters";
	return config_keep(&c->turn[c->turn_n++], value, line);
}

const char *config_take_web_listen(struct config *c, const char *value, int line)
{
	(void)line;
	if (kith_addr_parse(&c->web_listen, value) != 0 || c->web_listen.port == 0)
		return "an address and a port, such as \"127.0.0.1:8080\" behind a reverse proxy, or \"0.0.0.0:443\" "
		       "with web_certificate";
	return NULL;
}

/* A file that can be read and looks like PEM; what is in it the component sees. */
static const char *take_pem(struct config_text *out, const char *value, int line)
{
	static const char begins[] = "-----BEGIN ";
	char row[256];
	bool found = false;
	FILE *f = fopen(value, "r");
	while (f != NULL && !found && fgets(row, sizeof row, f) != NULL)
		found = strncmp(row, begins, sizeof begins - 1) == 0;
	if (f != NULL)
		(void)fclose(f);
	if (f == NULL)
		return errno == EACCES ? "a file that kithd may read" : "a file that is there";
	return found ? config_keep(out, value, line) : "a file in PEM (with a line \"-----BEGIN ...\")";
}

const char *config_take_web_certificate(struct config *c, const char *value, int line)
{
	return take_pem(&c->web_certificate, value, line);
}

const char *config_take_web_key(struct config *c, const char *value, int line)
{
	return take_pem(&c->web_key, value, line);
}

/* What can be the path of a wss:// entry: that is where others write it. */
const char *config_take_web_path(struct config *c, const char *value, int line)
{
	char url[128];
	int n = snprintf(url, sizeof url, "wss://h.example%s", value);
	if (value[0] != '/' || value[1] == '\0' || n < 0 || (size_t)n >= sizeof url || !kith_bootstrap_valid(url))
		return "a path of at most 63 characters, such as \"/ws\": letters, digits, and / - . _ ~";
	return config_keep(&c->web_path, value, line);
}

const char *config_take_web_trust(struct config *c, const char *value, int line)
{
	if (strcmp(value, "any") == 0)
		return config_keep(&c->web_trust, value, line);
	return take_pem(&c->web_trust, value, line) == NULL
		       ? NULL
		       : "\"any\", or a file in PEM with the certificates to be trusted";
}

int config_web_check(struct config *c)
{
	static const char *const need[] = { "web_certificate", "web_key", "web_path" };
	const struct config_text *cert = &c->web_certificate, *key = &c->web_key;
	int listen = config_line(c, "web_listen");
	for (size_t i = 0; listen == 0 && i < sizeof need / sizeof need[0]; i++) {
		if (config_line(c, need[i]) != 0)
			return config_refuse(c, config_line(c, need[i]),
					     "%s: has no effect without web_listen; remove it, or say where to listen, "
					     "such as web_listen = \"127.0.0.1:8080\"",
					     need[i]);
	}
	if ((cert->s == NULL) != (key->s == NULL))
		return config_refuse(c, cert->s != NULL ? cert->line : key->line,
				     "%s: missing; expected both web_certificate and web_key, or neither, behind a "
				     "reverse proxy",
				     cert->s != NULL ? "web_key" : "web_certificate");
	if (listen != 0 && !c->tcp)
		return config_refuse(c, listen,
				     "web_listen: WebSockets are connections of TCP; remove it, or set tcp = yes");
	return 0;
}

void config_web_free(struct config *c)
{
	struct config_text *const all[] = { &c->web_certificate, &c->web_key, &c->web_path, &c->web_trust };
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		free(all[i]->s);
	for (size_t i = 0; i < c->turn_n; i++)
		free(c->turn[i].s);
}
