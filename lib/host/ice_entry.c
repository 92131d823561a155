/* What names a TURN server; see ice.h. */
#include "host/ice.h"

#include <string.h>

#include "base/addr.h"
#include "crypto/suite.h"

/* Up to end, which is not copied. False: too long, or nothing, or with a quote, which libnice would not bear. */
static bool copy(char out[KITH_TURN_USER_MAX], const char *from, const char *end)
{
	const size_t n = (size_t)(end - from);
	if (n == 0 || n >= KITH_TURN_USER_MAX || memchr(from, '"', n) != NULL)
		return false;
	memcpy(out, from, n);
	out[n] = '\0';
	return true;
}

int kith_turn_parse(struct kith_turn_account *out, const char *text)
{
	static const char scheme[] = "turn:";
	memset(out, 0, sizeof *out);
	if (strncmp(text, scheme, sizeof scheme - 1) != 0)
		return KITH_EINVAL;
	const char *user = text + sizeof scheme - 1, *colon = strchr(user, ':'), *at = strrchr(user, '@');
	if (colon == NULL || at == NULL || at < colon || kith_addr_parse(&out->server, at + 1) != 0 ||
	    out->server.port == 0 || kith_addr_scope(&out->server) == KITH_SCOPE_NONE ||
	    !copy(out->user, user, colon) || !copy(out->password, colon + 1, at)) {
		memset(out, 0, sizeof *out);
		return KITH_EINVAL;
	}
	return 0;
}

bool kith_turn_valid(const char *text)
{
	struct kith_turn_account account;
	const bool valid = text != NULL && kith_turn_parse(&account, text) == 0;
	kith_wipe(&account, sizeof account);
	return valid;
}

const char *kith_turn_state_name(unsigned state)
{
	static const char *const names[] = { "off", "asking", "relayed", "failed" };
	return names[state < sizeof names / sizeof names[0] ? state : 0];
}
