#include "kith_invitation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INVITATION_TITLE "KITH INVITATION 1"

int invitation_format(struct text *out, const struct invitation *i)
{
	char root[KITH_KEY_TEXT_LEN + 1], issuer[KITH_KEY_TEXT_LEN + 1], nonce[KITH_KEY_TEXT_LEN + 1], text[512];
	int n = snprintf(text, sizeof text,
			 INVITATION_TITLE "\nname: %s\nnetwork: %s\nissuer: %s\nnonce: %s\nflags: %u\n", i->name,
			 kith_key_format(i->root.b, root), kith_key_format(i->issuer.b, issuer),
			 kith_key_format(i->nonce, nonce), i->flags);
	return n < 0 || (size_t)n >= sizeof text ? KITH_EMSGSIZE : text_add(out, text, (size_t)n);
}

/* The rest of the line that begins with field and ": ". */
static bool field(const char *text, const char *name, char *out, size_t cap)
{
	char start[32];
	(void)snprintf(start, sizeof start, "\n%s: ", name);
	const char *at = strstr(text, start);
	if (at == NULL)
		return false;
	at += strlen(start);
	size_t len = strcspn(at, "\r\n");
	if (len >= cap)
		return false;
	memcpy(out, at, len);
	out[len] = '\0';
	return true;
}

static bool number_field(const char *text, const char *name, uint8_t *out)
{
	char value[8], *end;
	if (!field(text, name, value, sizeof value))
		return false;
	unsigned long n = strtoul(value, &end, 10);
	*out = (uint8_t)n;
	return end != value && *end == '\0' && n <= UINT8_MAX;
}

int invitation_parse(struct invitation *out, const char *text)
{
	char root[KITH_KEY_TEXT_LEN + 1], issuer[KITH_KEY_TEXT_LEN + 1], nonce[KITH_KEY_TEXT_LEN + 1];
	memset(out, 0, sizeof *out);
	if (strncmp(text, INVITATION_TITLE "\n", strlen(INVITATION_TITLE "\n")) != 0 ||
	    !field(text, "name", out->name, sizeof out->name) || !field(text, "network", root, sizeof root) ||
	    !field(text, "issuer", issuer, sizeof issuer) || !field(text, "nonce", nonce, sizeof nonce) ||
	    !number_field(text, "flags", &out->flags))
		return KITH_EPROTO;
	if (!kith_name_valid(out->name) || kith_key_parse(out->root.b, root) != 0 ||
	    kith_key_parse(out->issuer.b, issuer) != 0 || kith_key_parse(out->nonce, nonce) != 0)
		return KITH_EPROTO;
	return 0;
}
