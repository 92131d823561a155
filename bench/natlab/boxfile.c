#include "natlab/boxfile.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kith/err.h>

enum { TEXT_LEN = 1024, PPM = 1000000, V4_BITS = 32, V6_BITS = 128, PREFIX_TEXT = 64 };

/* Where we are, and what of the line is not read yet. */
struct reader {
	struct kith_boxfile *f;
	const char *path; /* NULL: a command, not a file */
	unsigned line;
	char *rest;
	char *why;
	size_t why_len;
};

static int wrong(const struct reader *r, const char *found, const char *expected)
{
	if (r->path == NULL)
		snprintf(r->why, r->why_len, "found \"%s\"; expected %s", found, expected);
	else
		snprintf(r->why, r->why_len, "%s:%u: found \"%s\"; expected %s", r->path, r->line, found, expected);
	return KITH_EINVAL;
}

static int find(const char *names, size_t step, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names + (size_t)i * step, name) == 0)
			return i;
	return KITH_ENOENT;
}

int kith_boxfile_find_link(const struct kith_boxfile *f, const char *name)
{
	return find(f->links[0].name, sizeof f->links[0], f->links_n, name);
}

int kith_boxfile_find_nat(const struct kith_boxfile *f, const char *name)
{
	return find(f->nats[0], sizeof f->nats[0], f->nats_n, name);
}

/* A number of at most max, and nothing behind it. */
static bool number(const char *text, double max, double *out)
{
	char *end;
	if (!isdigit((unsigned char)text[0]))
		return false;
	*out = strtod(text, &end);
	return *end == '\0' && *out <= max;
}

static bool yes_no(const char *text, bool *out)
{
	*out = strcmp(text, "yes") == 0;
	return *out || strcmp(text, "no") == 0;
}

/* One of the words, which a NULL ends; its number. */
static bool word(const char *text, const char *const words[], unsigned *out)
{
	for (*out = 0; words[*out] != NULL; (*out)++)
		if (strcmp(words[*out], text) == 0)
			return true;
	return false;
}

static bool copy(char out[KITH_BOXFILE_NAME_MAX], const char *text)
{
	int n = snprintf(out, KITH_BOXFILE_NAME_MAX, "%s", text);
	return n > 0 && n < (int)KITH_BOXFILE_NAME_MAX;
}

bool kith_boxfile_address(const char *text, struct kith_addr *out)
{
	char with_port[PREFIX_TEXT + 8];
	int n = snprintf(with_port, sizeof with_port, strchr(text, ':') != NULL ? "[%s]:0" : "%s:0", text);
	return n < (int)sizeof with_port && kith_addr_parse(out, with_port) == 0;
}

static bool prefix(char *text, struct kith_box_net *out)
{
	char *slash = strchr(text, '/');
	double bits;
	if (slash == NULL)
		return false;
	*slash = '\0';
	if (!kith_boxfile_address(text, &out->addr) ||
	    !number(slash + 1, out->addr.family == KITH_FAMILY_V4 ? V4_BITS : V6_BITS, &bits))
		return false;
	out->bits = (uint8_t)bits;
	return true;
}

/* The next KEY=VALUE of the line: 1; 0 at its end; an error. */
static int next_pair(struct reader *r, char **key, char **value)
{
	*key = strtok_r(NULL, " \t\n", &r->rest);
	if (*key == NULL)
		return 0;
	*value = strchr(*key, '=');
	if (*value == NULL)
		return wrong(r, *key, "KEY=VALUE");
	*(*value)++ = '\0';
	return 1;
}

/* --- NATs --- */

static bool range(const char *text, struct kith_nat_options *o)
{
	char low[8];
	double a, b;
	size_t n = strcspn(text, "-");
	if (n >= sizeof low || text[n] == '\0')
		return false;
	memcpy(low, text, n);
	low[n] = '\0';
	if (!number(low, UINT16_MAX, &a) || !number(text + n + 1, UINT16_MAX, &b))
		return false;
	o->port_min = (uint16_t)a;
	o->port_max = (uint16_t)b;
	return true;
}

static bool nat_words(const char *key, const char *value, struct kith_nat_options *o, const char **expected)
{
	static const char *const dependences[] = { "independent", "address", "address-port", NULL };
	static const char *const allocations[] = { "preserve", "sequential", "block", "random", NULL };
	unsigned n;
	if (strcmp(key, "allocation") == 0) {
		*expected = "preserve, sequential, block or random";
		bool good = word(value, allocations, &n);
		o->allocation = (enum kith_nat_allocation)n;
		return good;
	}
	*expected = "independent, address or address-port";
	bool good = word(value, dependences, &n);
	*(strcmp(key, "mapping") == 0 ? &o->mapping : &o->filtering) = (enum kith_nat_dependence)n;
	return good;
}

static bool nat_number(const char *key, const char *value, struct kith_nat_options *o)
{
	double n;
	if (!number(value, UINT32_MAX, &n))
		return false;
	if (strcmp(key, "timeout") == 0)
		o->timeout_us = (kith_time_us)(n * KITH_US_PER_S);
	else if (strcmp(key, "unreplied") == 0)
		o->unreplied_timeout_us = (kith_time_us)(n * KITH_US_PER_S);
	else if (strcmp(key, "entries") == 0)
		o->entries_max = (uint32_t)n;
	else if (n > UINT16_MAX)
		return false;
	else
		*(strcmp(key, "step") == 0    ? &o->sequential_step
		  : strcmp(key, "block") == 0 ? &o->block_len
					      : &o->external_n) = (uint16_t)n;
	return true;
}

static int nat_key(struct reader *r, const char *key, const char *value, struct kith_nat_options *o)
{
	static const char *const words[] = { "mapping", "filtering", "allocation", NULL };
	static const char *const numbers[] = { "timeout", "unreplied", "entries", "step", "block", "addresses", NULL };
	static const char *const flags[] = { "hairpin", "drop", NULL };
	const char *expected = "yes or no";
	unsigned n;
	if (word(key, words, &n))
		return nat_words(key, value, o, &expected) ? 0 : wrong(r, value, expected);
	if (word(key, numbers, &n))
		return nat_number(key, value, o) ? 0 : wrong(r, value, "a number that is not too large");
	if (word(key, flags, &n))
		return yes_no(value, n == 0 ? &o->hairpin : &o->wan_input_drop) ? 0 : wrong(r, value, expected);
	if (strcmp(key, "ports") == 0)
		return range(value, o) ? 0 : wrong(r, value, "ports=LOW-HIGH");
	return wrong(r, key, "an option of a NAT, such as filtering, step or hairpin");
}

static int read_nat(struct reader *r)
{
	struct kith_boxfile *f = r->f;
	struct kith_nat_options o;
	struct kith_addr external;
	char *name = strtok_r(NULL, " \t\n", &r->rest), *at = strtok_r(NULL, " \t\n", &r->rest);
	char *preset = strtok_r(NULL, " \t\n", &r->rest), *key, *value;
	int err;
	if (f->nats_n == (int)KITH_BOX_NATS_MAX)
		return wrong(r, "nat", "fewer of them");
	if (name == NULL || kith_boxfile_find_nat(f, name) >= 0 || !copy(f->nats[f->nats_n], name))
		return wrong(r, name != NULL ? name : "", "a name that no other NAT has");
	if (at == NULL || strncmp(at, "at=", 3) != 0 || !kith_boxfile_address(at + 3, &external))
		return wrong(r, at != NULL ? at : "", "at=ADDRESS");
	if (preset == NULL || kith_nat_options_preset(&o, preset) != 0)
		return wrong(r, preset != NULL ? preset : "", "a kind of NAT, such as port-restricted");
	while ((err = next_pair(r, &key, &value)) > 0)
		if ((err = nat_key(r, key, value, &o)) != 0)
			return err;
	if (err == 0 && kith_box_add_nat(f->box, &o, &external) < 0)
		return wrong(r, name, "options that do not contradict each other, and an IPv4 address");
	f->nats_n += err == 0;
	return err;
}

/* --- links --- */

static bool nets(char *text, struct kith_box_link_options *o)
{
	char *rest = NULL;
	for (char *one = strtok_r(text, ",", &rest); one != NULL; one = strtok_r(NULL, ",", &rest)) {
		if (o->nets_n == KITH_BOX_NETS_MAX || !prefix(one, &o->nets[o->nets_n]))
			return false;
		o->nets_n++;
	}
	return o->nets_n > 0;
}

static int link_number(struct reader *r, const char *key, const char *value, struct kith_access_options *o)
{
	static const char *const keys[] = { "delay", "loss", "rate", "queue", NULL };
	unsigned which;
	double n;
	if (!word(key, keys, &which))
		return wrong(r, key, "netns, dev, nat, net, delay, loss, rate or queue");
	if (!number(value, which == 1 ? 1 : UINT32_MAX, &n))
		return wrong(r, value, which == 1 ? "a share from 0 to 1" : "a number that is not too large");
	if (which == 0)
		o->delay_us = (kith_time_us)(n * KITH_US_PER_MS);
	else if (which == 1)
		o->faults.loss_ppm = (uint32_t)(n * PPM);
	else if (which == 2)
		o->bytes_per_s = (uint64_t)n;
	else
		o->queue_bytes = (uint32_t)n;
	return 0;
}

static int link_key(struct reader *r, const char *key, char *value, struct kith_boxfile_link *link,
		    struct kith_box_link_options *o)
{
	if (strcmp(key, "netns") == 0)
		return copy(link->netns, value) ? 0 : wrong(r, value, "the name of a network namespace");
	if (strcmp(key, "dev") == 0)
		return copy(link->device, value) ? 0 : wrong(r, value, "the name of a device");
	if (strcmp(key, "net") == 0)
		return nets(value, o) ? 0 : wrong(r, value, "up to four prefixes, with commas between them");
	if (strcmp(key, "nat") != 0)
		return link_number(r, key, value, &o->access);
	o->nat = kith_boxfile_find_nat(r->f, value);
	return o->nat >= 0 ? 0 : wrong(r, value, "the name of a NAT in a line above");
}

static int read_link(struct reader *r)
{
	struct kith_boxfile *f = r->f;
	struct kith_box_link_options o = { .nat = KITH_BOX_NO_NAT };
	char *name = strtok_r(NULL, " \t\n", &r->rest), *key, *value;
	int err;
	if (f->links_n == (int)KITH_BOX_LINKS_MAX)
		return wrong(r, "link", "fewer of them");
	struct kith_boxfile_link *link = &f->links[f->links_n];
	if (name == NULL || kith_boxfile_find_link(f, name) >= 0 || !copy(link->name, name))
		return wrong(r, name != NULL ? name : "", "a name that no other link has");
	while ((err = next_pair(r, &key, &value)) > 0)
		if ((err = link_key(r, key, value, link, &o)) != 0)
			return err;
	if (err == 0 && (link->netns[0] == '\0' || link->device[0] == '\0' || o.nets_n == 0))
		return wrong(r, name, "netns, dev and net of the link");
	if (err == 0 && kith_box_add_link(f->box, &o) < 0)
		return wrong(r, name, "a link that fits in");
	f->links_n += err == 0;
	return err;
}

/* --- ways of the core --- */

static int way_key(struct reader *r, const char *key, const char *value, struct kith_net_way *way)
{
	static const char *const keys[] = { "cut", "loss", "reorder", "delay", "late", "most", NULL };
	enum { CUT, LOSS, REORDER, DELAY, LATE, MOST } which;
	unsigned n;
	double value_of;
	if (!word(key, keys, &n))
		return wrong(r, key, "cut, loss, reorder, delay, late or most");
	which = n;
	if (which == CUT)
		return yes_no(value, &way->cut) ? 0 : wrong(r, value, "yes or no");
	const bool share = which == LOSS || which == REORDER;
	if (!number(value, share ? 1 : UINT32_MAX, &value_of))
		return wrong(r, value, share ? "a share from 0 to 1" : "a number that is not too large");
	if (share)
		*(which == LOSS ? &way->faults.loss_ppm : &way->faults.reorder_ppm) = (uint32_t)(value_of * PPM);
	else if (which == MOST)
		way->most_bytes = (uint32_t)value_of;
	else
		*(which == DELAY ? &way->extra_us : &way->faults.reorder_delay_us) =
			(kith_time_us)(value_of * KITH_US_PER_MS);
	return 0;
}

int kith_boxfile_set_way(struct kith_boxfile *f, char *words, char *why, size_t why_len)
{
	struct reader r = { .f = f, .why = why, .why_len = why_len };
	struct kith_net_way way = { 0 };
	char *names[2], *key, *value;
	int links[2], err;
	for (unsigned i = 0; i < 2; i++) {
		names[i] = strtok_r(i == 0 ? words : NULL, " \t\n", &r.rest);
		links[i] = names[i] != NULL ? kith_boxfile_find_link(f, names[i]) : KITH_ENOENT;
		if (links[i] < 0)
			return wrong(&r, names[i] != NULL ? names[i] : "", "the name of a link");
	}
	while ((err = next_pair(&r, &key, &value)) > 0)
		if ((err = way_key(&r, key, value, &way)) != 0)
			return err;
	if (err == 0)
		kith_box_set_way(f->box, links[0], links[1], &way);
	return err;
}

static int read_line(struct reader *r, char *text)
{
	char *kind = strtok_r(text, " \t\n", &r->rest);
	if (kind == NULL || kind[0] == '#')
		return 0;
	if (strcmp(kind, "nat") == 0)
		return read_nat(r);
	return strcmp(kind, "link") == 0 ? read_link(r) : wrong(r, kind, "nat or link");
}

int kith_boxfile_read(struct kith_boxfile *out, const struct kith_alloc *alloc, uint64_t seed, uint8_t hops,
		      const char *path, char *why, size_t why_len)
{
	struct reader r = { .f = out, .path = path, .why = why, .why_len = why_len };
	char text[TEXT_LEN];
	int err = 0;
	memset(out, 0, sizeof *out);
	FILE *file = fopen(path, "re");
	if (file == NULL) {
		snprintf(why, why_len, "%s: %s", path, strerror(errno));
		return KITH_EIO;
	}
	out->box = kith_box_new(alloc, seed, hops);
	if (out->box == NULL) {
		snprintf(why, why_len, "out of memory");
		err = KITH_ENOMEM;
	}
	while (err == 0 && fgets(text, sizeof text, file) != NULL) {
		r.line++;
		err = read_line(&r, text);
	}
	(void)fclose(file);
	if (err == 0 && out->links_n == 0)
		err = wrong(&r, "nothing", "lines with links");
	if (err != 0) {
		kith_box_free(out->box);
		out->box = NULL;
	}
	return err;
}
