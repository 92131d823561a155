#include "path/journal.h"

#include <stdio.h>

#include "base/assert.h"
#include "wire/frame.h"

void kith_journal_add(struct kith_journal **j, const struct kith_alloc *alloc, kith_time_us at,
		      enum kith_journal_what what, const struct kith_hop *hop, uint32_t value)
{
	KITH_ASSERT((unsigned)what < KITH_JOURNAL_WHATS);
	if (*j == NULL)
		*j = KITH_NEW(alloc, struct kith_journal);
	if (*j == NULL)
		return;
	struct kith_journal_entry *e = &(*j)->entries[(*j)->written++ % KITH_JOURNAL_MAX];
	memset(e, 0, sizeof *e);
	e->at = at;
	e->what = (uint8_t)what;
	e->value = (uint16_t)(value > UINT16_MAX ? UINT16_MAX : value);
	if (hop != NULL) {
		e->addr = hop->remote;
		e->relay = hop->tunnel != 0;
	}
}

bool kith_journal_due(const struct kith_journal *j, kith_time_us now, enum kith_journal_what what,
		      const struct kith_hop *hop)
{
	const struct kith_journal_entry *e;
	kith_time_us last = 0, wait_us = 0;
	uint32_t it = 0;
	while ((e = kith_journal_read(j, &it)) != NULL) {
		if (e->what != what || e->relay != (hop->tunnel != 0) || !kith_addr_equal(&e->addr, &hop->remote))
			continue;
		last = e->at;
		wait_us = wait_us == 0 ? KITH_JOURNAL_AGAIN_US : 2 * wait_us;
		if (wait_us > KITH_JOURNAL_AGAIN_MAX_US)
			wait_us = KITH_JOURNAL_AGAIN_MAX_US;
	}
	return wait_us == 0 || now - last >= wait_us;
}

void kith_journal_free(struct kith_journal **j, const struct kith_alloc *alloc)
{
	KITH_FREE(alloc, *j);
	*j = NULL;
}

const struct kith_journal_entry *kith_journal_read(const struct kith_journal *j, uint32_t *it)
{
	if (j == NULL)
		return NULL;
	uint32_t oldest = j->written > KITH_JOURNAL_MAX ? j->written - KITH_JOURNAL_MAX : 0;
	if (*it < oldest)
		*it = oldest;
	return *it < j->written ? &j->entries[(*it)++ % KITH_JOURNAL_MAX] : NULL;
}

const char *kith_refusal_text(unsigned refusal)
{
	static const char *const texts[KITH_REFUSALS] = {
#define KITH_REFUSAL_TEXT(name, text) text,
		KITH_REFUSAL_MAP(KITH_REFUSAL_TEXT)
#undef KITH_REFUSAL_TEXT
	};
	return refusal < KITH_REFUSALS ? texts[refusal] : "?";
}

const char *kith_cause_text(unsigned cause)
{
	static const char *const texts[KITH_CAUSES] = {
#define KITH_CAUSE_TEXT(name, text) text,
		KITH_CAUSE_MAP(KITH_CAUSE_TEXT)
#undef KITH_CAUSE_TEXT
	};
	return cause < KITH_CAUSES ? texts[cause] : "?";
}

const char *kith_relay_limit_text(unsigned limit)
{
	switch (limit) {
#define KITH_RELAY_LIMIT_TEXT(name, value, text)                                                                       \
	case value:                                                                                                    \
		return text;
		KITH_RELAY_LIMIT_MAP(KITH_RELAY_LIMIT_TEXT)
#undef KITH_RELAY_LIMIT_TEXT
	default:
		return "over a limit not known to this version";
	}
}

const char *kith_journal_describe(const struct kith_journal_entry *e, char *out, size_t cap)
{
	static const struct {
		const char *text;
		char value;
	} words[KITH_JOURNAL_WHATS] = {
#define KITH_JOURNAL_WORDS(name, text, value) { text, value },
		KITH_JOURNAL_MAP(KITH_JOURNAL_WORDS)
#undef KITH_JOURNAL_WORDS
	};
	char addr[KITH_ADDR_TEXT_MAX + 16] = "", value[80] = "";
	unsigned what = e->what < KITH_JOURNAL_WHATS ? e->what : KITH_JOURNAL_PROBED;
	if (e->addr.family != KITH_FAMILY_NONE) {
		char text[KITH_ADDR_TEXT_MAX];
		(void)snprintf(addr, sizeof addr, "%s%s: ", e->relay ? "relay " : "", kith_addr_format(&e->addr, text));
	}
	switch (words[what].value) {
	case 'n':
		(void)snprintf(value, sizeof value, " (%u)", (unsigned)e->value);
		break;
	case 'm':
		if (e->value > 0)
			(void)snprintf(value, sizeof value, " (%u ms)", (unsigned)e->value);
		break;
	case 'r':
		(void)snprintf(value, sizeof value, ": %s", kith_refusal_text(e->value));
		break;
	case 'c':
		(void)snprintf(value, sizeof value, ": %s", kith_cause_text(e->value));
		break;
	case 'l':
		(void)snprintf(value, sizeof value, ": %s", kith_relay_limit_text(e->value));
		break;
	default:
		break;
	}
	if (cap > 0)
		(void)snprintf(out, cap, "%s%s%s", addr, words[what].text, value);
	return out;
}
