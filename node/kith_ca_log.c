/* kith ca log: what the issuers of a directory have certified, append-only.
 *
 *     log        certificates in armour, in the order in which they were issued
 *     log.head   the head of the tree over them, signed by the issuer (<kith/certlog.h>)
 *
 * A certificate is in the log before anybody can see it. Both files are replaced as a whole, the log first: a head may
 * be of fewer certificates than there are, never of more. The ledger knows how many there were: a log that is damaged
 * is put aside as log.damaged, and nothing is issued until a good copy is back. */
#include "kith_ca_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PROOF_TITLE "KITH LOG PROOF 1\n"

struct entry {
	struct kith_span bytes; /* malloc'd */
	struct kith_name_cert cert; /* borrows from bytes */
};

struct certlog {
	struct entry *entries;
	struct kith_certlog_hash *leaves;
	size_t n, cap;
	struct armor head_armor;
	struct kith_certlog_head head; /* size 0: there is none yet */
};

static void log_free(struct certlog *log)
{
	for (size_t i = 0; i < log->n; i++)
		free((void *)(uintptr_t)log->entries[i].bytes.p);
	free(log->entries);
	free(log->leaves);
	armor_free(&log->head_armor);
	memset(log, 0, sizeof *log);
}

static int add_entry(struct certlog *log, struct kith_span cert)
{
	struct entry entry;
	if (log->n == log->cap) {
		size_t cap = log->cap > 0 ? 2 * log->cap : 16;
		struct entry *entries = realloc(log->entries, cap * sizeof *entries);
		if (entries != NULL)
			log->entries = entries;
		struct kith_certlog_hash *leaves = realloc(log->leaves, cap * sizeof *leaves);
		if (leaves != NULL)
			log->leaves = leaves;
		if (entries == NULL || leaves == NULL)
			return KITH_ENOMEM;
		log->cap = cap;
	}
	uint8_t *copy = malloc(cert.len);
	if (copy == NULL)
		return KITH_ENOMEM;
	memcpy(copy, cert.p, cert.len);
	entry.bytes = (struct kith_span){ copy, cert.len };
	int err = kith_name_cert_parse(&entry.cert, entry.bytes);
	if (err != 0) {
		free(copy);
		return KITH_EPROTO;
	}
	kith_certlog_leaf(&log->leaves[log->n], entry.bytes);
	log->entries[log->n++] = entry;
	return 0;
}

/* All certificates of the file's text, and nothing else. */
static int parse_entries(struct certlog *log, const char *text, size_t len)
{
	uint8_t bytes[KITH_CERT_MAX];
	size_t used;
	for (; len > 0; text += used, len -= used) {
		enum kith_armor kind;
		int n = kith_armor_decode(&kind, bytes, sizeof bytes, text, len, &used);
		int err = n < 0 || kind != KITH_ARMOR_NAME ? KITH_EPROTO
							   : add_entry(log, (struct kith_span){ bytes, (size_t)n });
		if (err != 0)
			return err;
	}
	return 0;
}

/* Whether one of the directory's issuers signed it. */
static bool is_ours(const struct ca *ca, struct kith_span head, struct kith_certlog_head *out)
{
	json_t *issuer;
	size_t i;
	json_array_foreach(ca_issuers(ca), i, issuer)
	{
		struct kith_key key;
		const char *text = json_string_value(json_object_get(issuer, "key"));
		if (text != NULL && kith_key_parse(key.b, text) == 0 && kith_certlog_head_check(out, head, &key) == 0)
			return true;
	}
	return false;
}

/* The log begins with the tree of the head. */
static bool begins_with(const struct certlog *log, const struct kith_certlog_head *head)
{
	struct kith_certlog_hash root;
	if (head->size > log->n)
		return false;
	kith_certlog_root(&root, log->leaves, (size_t)head->size);
	return memcmp(root.b, head->root.b, sizeof root.b) == 0;
}

static int read_head(const struct ca *ca, struct certlog *log)
{
	char path[PATH_TEXT_MAX];
	int code = ca_path(ca->cli, path, ca->dir, "log.head");
	if (code != CLI_OK)
		return code;
	errno = 0;
	int err = armor_read(&log->head_armor, path);
	if (err == KITH_ENOENT)
		return CLI_OK;
	const struct armor_piece *piece = err == 0 ? armor_find(&log->head_armor, KITH_ARMOR_LOG_HEAD) : NULL;
	if (piece == NULL)
		return cli_fail(ca->cli, CLI_FAILED, "%s: %s", path, err != 0 ? file_why(err) : "it holds no head");
	if (!is_ours(ca, piece->bytes, &log->head))
		return cli_fail(ca->cli, CLI_FAILED, "%s: no issuer of this directory signed it", path);
	return begins_with(log, &log->head)
		       ? CLI_OK
		       : cli_fail(ca->cli, CLI_FAILED,
				  "%s/log is not the log of its head: certificates were changed or "
				  "taken out; put a good copy back",
				  ca->dir);
}

static int put_aside(const struct ca *ca, const char *path)
{
	char aside[PATH_TEXT_MAX];
	int code = ca_path(ca->cli, aside, ca->dir, "log.damaged");
	if (code != CLI_OK)
		return code;
	bool moved = rename(path, aside) == 0;
	return cli_fail(ca->cli, CLI_FAILED, "%s is damaged%s%s; nothing is issued until a good copy is back", path,
			moved ? ", and kept as " : "", moved ? aside : "");
}

static int log_read(const struct ca *ca, struct certlog *log)
{
	char path[PATH_TEXT_MAX], *text = NULL;
	size_t len = 0;
	memset(log, 0, sizeof *log);
	int code = ca_path(ca->cli, path, ca->dir, "log");
	if (code != CLI_OK)
		return code;
	errno = 0;
	int err = file_read(path, &text, &len);
	if (err != 0 && err != KITH_ENOENT)
		return cli_fail(ca->cli, CLI_FAILED, "%s cannot be read: %s", path, file_why(err));
	err = err == 0 ? parse_entries(log, text, len) : 0;
	free(text);
	if (err == KITH_EPROTO)
		return put_aside(ca, path);
	if (err != 0)
		return cli_fail(ca->cli, CLI_FAILED, "%s: %s", path, kith_strerror(err));
	json_int_t logged = json_integer_value(json_object_get(ca->ledger, "logged"));
	if ((json_int_t)log->n < logged)
		return cli_fail(ca->cli, CLI_FAILED,
				"%s has %zu certificates, and had %lld: put a good copy back; nothing is issued before",
				path, log->n, (long long)logged);
	return read_head(ca, log);
}

/* ---- appending ---- */

static int write_log(const struct ca *ca, const struct certlog *log)
{
	struct text text = { 0 };
	char path[PATH_TEXT_MAX];
	int code = ca_path(ca->cli, path, ca->dir, "log"), err = 0;
	for (size_t i = 0; err == 0 && i < log->n; i++)
		err = text_add_armor(&text, KITH_ARMOR_NAME, log->entries[i].bytes);
	errno = 0;
	if (err == 0 && code == CLI_OK)
		err = file_write(path, 0644, text.p, text.len);
	text_free(&text);
	return err == 0 || code != CLI_OK
		       ? code
		       : cli_fail(ca->cli, CLI_FAILED, "%s cannot be written: %s", path, file_why(err));
}

static int write_head(const struct ca *ca, const struct certlog *log, const struct kith_seed *issuer)
{
	struct timespec now = { 0, 0 };
	struct kith_certlog_head head = { .size = log->n };
	struct text text = { 0 };
	uint8_t bytes[KITH_CERTLOG_HEAD_LEN_MAX];
	char path[PATH_TEXT_MAX];
	int code = ca_path(ca->cli, path, ca->dir, "log.head");
	if (code != CLI_OK)
		return code;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	head.time_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	kith_certlog_root(&head.root, log->leaves, log->n);
	errno = 0;
	int len = kith_certlog_head_make(bytes, &head, issuer);
	int err = len < 0 ? len : text_add_armor(&text, KITH_ARMOR_LOG_HEAD, (struct kith_span){ bytes, (size_t)len });
	if (err == 0)
		err = file_write(path, 0644, text.p, text.len);
	text_free(&text);
	return err == 0 ? CLI_OK : cli_fail(ca->cli, CLI_FAILED, "%s cannot be written: %s", path, file_why(err));
}

int ca_log_check(const struct ca *ca)
{
	struct certlog log;
	int code = log_read(ca, &log);
	log_free(&log);
	return code;
}

int ca_log_append(struct ca *ca, const struct kith_seed *issuer, struct kith_span cert)
{
	struct certlog log;
	int code = log_read(ca, &log);
	if (code == CLI_OK && add_entry(&log, cert) != 0)
		code = cli_fail(ca->cli, CLI_FAILED, "the log: %s", kith_strerror(KITH_ENOMEM));
	if (code == CLI_OK)
		code = write_log(ca, &log);
	if (code == CLI_OK)
		code = write_head(ca, &log, issuer);
	if (code == CLI_OK) {
		json_object_set_new(ca->ledger, "logged", json_integer((json_int_t)log.n));
		code = ca_save(ca);
	}
	log_free(&log);
	return code;
}

/* ---- list, head ---- */

static json_t *entry_json(const struct certlog *log, size_t i)
{
	const struct kith_name_cert *c = &log->entries[i].cert;
	char key[KITH_KEY_TEXT_LEN + 1];
	return json_pack("{s:I, s:I, s:s, s:s, s:I, s:I}", "index", (json_int_t)i, "serial", (json_int_t)c->serial,
			 "name", c->name, "identity", kith_key_format(c->identity.b, key), "not_before",
			 (json_int_t)c->not_before_s, "expires", (json_int_t)c->expires_s);
}

static int add_line(struct text *text, const struct certlog *log, size_t i)
{
	const struct kith_name_cert *c = &log->entries[i].cert;
	char line[256], key[KITH_KEY_TEXT_LEN + 1], date[DATE_TEXT_MAX];
	int n = snprintf(line, sizeof line, "%6zu  %6llu  %-32s  %s  until %s\n", i, (unsigned long long)c->serial,
			 c->name, kith_key_format(c->identity.b, key), date_text(c->expires_s, date));
	return text_add(text, line, (size_t)n);
}

static int log_list(const struct ca *ca, const struct certlog *log)
{
	struct text text = { 0 };
	json_t *all = json_array();
	int err = 0;
	for (size_t i = 0; err == 0 && i < log->n; i++) {
		json_array_append_new(all, entry_json(log, i));
		err = add_line(&text, log, i);
	}
	int code = cli_result(ca->cli, all, text.p != NULL ? text.p : "");
	text_free(&text);
	return code;
}

static int no_head(const struct ca *ca)
{
	return cli_fail(ca->cli, CLI_NOT_FOUND, "%s has no log yet: it begins with the next certificate", ca->dir);
}

static int log_head(const struct ca *ca, const struct certlog *log)
{
	struct text text = { 0 };
	if (log->head.size == 0)
		return no_head(ca);
	int err = text_add_armor(&text, KITH_ARMOR_LOG_HEAD, log->head_armor.pieces[0].bytes);
	int code = err == 0 ? cli_write_out(ca->cli, &text) : cli_fail(ca->cli, CLI_FAILED, "%s", kith_strerror(err));
	text_free(&text);
	return code;
}

/* ---- proofs ---- */

static int add_steps(struct text *text, const struct kith_certlog_hash proof[], int steps)
{
	char line[KITH_KEY_TEXT_LEN + 16], key[KITH_KEY_TEXT_LEN + 1];
	int err = 0;
	for (int i = 0; err == 0 && i < steps; i++) {
		int n = snprintf(line, sizeof line, "step: %s\n", kith_key_format(proof[i].b, key));
		err = text_add(text, line, (size_t)n);
	}
	return err;
}

/* That the certificate with that serial is in the log. */
static int prove_serial(const struct certlog *log, uint64_t serial, struct text *text)
{
	struct kith_certlog_hash proof[KITH_CERTLOG_PROOF_MAX];
	char line[64];
	size_t i = 0;
	while (i < log->head.size && log->entries[i].cert.serial != serial)
		i++;
	if (i == log->head.size)
		return KITH_ENOENT;
	int steps = kith_certlog_inclusion(proof, log->leaves, (size_t)log->head.size, i);
	(void)snprintf(line, sizeof line, PROOF_TITLE "index: %zu\n", i);
	int err = steps < 0 ? steps : text_add(text, line, strlen(line));
	if (err == 0)
		err = add_steps(text, proof, steps);
	return err == 0 ? text_add_armor(text, KITH_ARMOR_NAME, log->entries[i].bytes) : err;
}

/* That the log begins with that of an earlier head. */
static int prove_head(const struct certlog *log, struct kith_span bytes, struct text *text)
{
	struct kith_certlog_hash proof[KITH_CERTLOG_PROOF_MAX];
	struct kith_certlog_head earlier;
	int err = kith_certlog_head_parse(&earlier, bytes);
	if (err == 0 && !begins_with(log, &earlier))
		err = KITH_EAUTH;
	int steps = err == 0
			    ? kith_certlog_consistency(proof, log->leaves, (size_t)log->head.size, (size_t)earlier.size)
			    : err;
	err = steps < 0 ? steps : text_add(text, PROOF_TITLE, strlen(PROOF_TITLE));
	if (err == 0)
		err = add_steps(text, proof, steps);
	return err == 0 ? text_add_armor(text, KITH_ARMOR_LOG_HEAD, bytes) : err;
}

static int log_prove(const struct ca *ca, const struct certlog *log)
{
	const char *what = ca->cli->words[2];
	struct text text = { 0 };
	struct armor earlier = { 0 };
	char *end;
	unsigned long long serial = strtoull(what, &end, 10);
	int err, code = CLI_OK;
	if (log->head.size == 0)
		return no_head(ca);
	errno = 0;
	if (*end == '\0' && end != what) {
		err = prove_serial(log, serial, &text);
	} else {
		err = armor_read(&earlier, what);
		const struct armor_piece *piece = err == 0 ? armor_find(&earlier, KITH_ARMOR_LOG_HEAD) : NULL;
		if (err == 0)
			err = piece == NULL ? KITH_EPROTO : prove_head(log, piece->bytes, &text);
	}
	if (err == 0)
		err = text_add_armor(&text, KITH_ARMOR_LOG_HEAD, log->head_armor.pieces[0].bytes);
	if (err == KITH_EAUTH)
		code = cli_fail(ca->cli, CLI_FAILED, "%s: the log did not grow from that head", what);
	else if (err != 0)
		code = cli_fail(
			ca->cli, err == KITH_ENOENT ? CLI_NOT_FOUND : CLI_FAILED,
			"%s: %s; expected the serial of a certificate in the log, or a file with an earlier head", what,
			file_why(err));
	if (code == CLI_OK)
		code = cli_write_out(ca->cli, &text);
	armor_free(&earlier);
	text_free(&text);
	return code;
}

/* ---- verifying, by anybody ---- */

struct proof {
	uint64_t index;
	struct kith_certlog_hash steps[KITH_CERTLOG_PROOF_MAX];
	size_t steps_n;
};

static int parse_proof(struct proof *out, const char *text)
{
	memset(out, 0, sizeof *out);
	if (strncmp(text, PROOF_TITLE, strlen(PROOF_TITLE)) != 0)
		return KITH_EPROTO;
	for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
		char key[KITH_KEY_TEXT_LEN + 1];
		line += line != text || *line == '\n';
		if (strncmp(line, "index: ", 7) == 0)
			out->index = strtoull(line + 7, NULL, 10);
		if (strncmp(line, "step: ", 6) != 0)
			continue;
		if (out->steps_n == KITH_CERTLOG_PROOF_MAX || strlen(line) < 6 + KITH_KEY_TEXT_LEN)
			return KITH_EPROTO;
		memcpy(key, line + 6, KITH_KEY_TEXT_LEN);
		key[KITH_KEY_TEXT_LEN] = '\0';
		if (kith_key_parse(out->steps[out->steps_n++].b, key) != 0)
			return KITH_EPROTO;
	}
	return 0;
}

/* The last head of the file is the later one; a certificate, or an earlier head, is what is proven. */
static int check_proof(const struct proof *p, const struct armor *armor, const struct kith_key *issuer,
		       struct kith_certlog_head *head)
{
	const struct armor_piece *first = armor->n == 2 ? &armor->pieces[0] : NULL;
	struct kith_certlog_head earlier;
	struct kith_certlog_hash leaf;
	if (first == NULL || armor->pieces[1].kind != KITH_ARMOR_LOG_HEAD)
		return KITH_EPROTO;
	int err = kith_certlog_head_check(head, armor->pieces[1].bytes, issuer);
	if (err != 0)
		return err;
	if (first->kind == KITH_ARMOR_NAME) {
		kith_certlog_leaf(&leaf, first->bytes);
		return kith_certlog_included(&head->root, head->size, &leaf, p->index, p->steps, p->steps_n);
	}
	err = first->kind == KITH_ARMOR_LOG_HEAD ? kith_certlog_head_parse(&earlier, first->bytes) : KITH_EPROTO;
	return err != 0 ? err
			: kith_certlog_consistent(&earlier.root, earlier.size, &head->root, head->size, p->steps,
						  p->steps_n);
}

static int issuer_of(const struct cli *cli, struct kith_key *out)
{
	struct armor armor = { 0 };
	struct kith_issuer_cert cert;
	if (cli->issuer == NULL)
		return cli_fail(cli, CLI_USAGE, "--issuer is missing: the key of whose log it is, or its certificate");
	if (kith_key_parse(out->b, cli->issuer) == 0)
		return CLI_OK;
	int err = armor_read(&armor, cli->issuer);
	const struct armor_piece *piece = err == 0 ? armor_find(&armor, KITH_ARMOR_ISSUER) : NULL;
	bool found = piece != NULL && kith_issuer_cert_parse(&cert, piece->bytes) == 0;
	if (found)
		*out = cert.issuer;
	armor_free(&armor);
	return found ? CLI_OK
		     : cli_fail(cli, CLI_FAILED, "--issuer: %s: it holds no issuer's certificate", cli->issuer);
}

static int log_verify(const struct cli *cli)
{
	struct armor armor = { 0 };
	struct proof proof;
	struct kith_certlog_head head;
	struct kith_key issuer;
	char line[256], date[DATE_TEXT_MAX], *text = NULL;
	size_t len;
	int code = issuer_of(cli, &issuer);
	if (code != CLI_OK)
		return code;
	errno = 0;
	int err = file_read(cli->words[1], &text, &len);
	if (err == 0)
		err = parse_proof(&proof, text);
	if (err == 0)
		err = armor_parse(&armor, text, len);
	if (err == 0)
		err = check_proof(&proof, &armor, &issuer, &head);
	free(text);
	armor_free(&armor);
	if (err != 0)
		return cli_fail(cli, CLI_FAILED, "%s: %s", cli->words[1],
				err == KITH_EAUTH    ? "the proof does not hold"
				: err == KITH_ECHAIN ? "the head is another issuer's"
						     : file_why(err));
	(void)snprintf(line, sizeof line, "it holds: a log of %llu certificates, %s\n", (unsigned long long)head.size,
		       date_text(head.time_ms / 1000, date));
	return cli_result(
		cli, json_pack("{s:I, s:I}", "size", (json_int_t)head.size, "time_ms", (json_int_t)head.time_ms), line);
}

/* ---- audit ---- */

static bool clash(const struct kith_name_cert *a, const struct kith_name_cert *b)
{
	return strcmp(a->name, b->name) == 0 && memcmp(a->identity.b, b->identity.b, sizeof a->identity.b) != 0 &&
	       a->not_before_s <= b->expires_s && b->not_before_s <= a->expires_s;
}

static int by_name(const void *a, const void *b)
{
	const struct entry *x = *(const struct entry *const *)a, *y = *(const struct entry *const *)b;
	int order = strcmp(x->cert.name, y->cert.name);
	return order != 0 ? order : x < y ? -1 : x > y;
}

/* Of each name only its own certificates are held against each other. */
static int find_clashes(const struct certlog *log, const struct entry **sorted, struct text *text, json_t *found)
{
	int err = 0;
	for (size_t i = 0; i < log->n; i++)
		sorted[i] = &log->entries[i];
	qsort(sorted, log->n, sizeof *sorted, by_name);
	for (size_t i = 0; err == 0 && i < log->n; i++) {
		for (size_t j = i + 1; j < log->n && strcmp(sorted[i]->cert.name, sorted[j]->cert.name) == 0; j++) {
			if (!clash(&sorted[i]->cert, &sorted[j]->cert))
				continue;
			size_t a = (size_t)(sorted[i] - log->entries), b = (size_t)(sorted[j] - log->entries);
			json_array_append_new(found, json_pack("[o, o]", entry_json(log, a), entry_json(log, b)));
			if (err == 0)
				err = add_line(text, log, a);
			if (err == 0)
				err = add_line(text, log, b);
		}
	}
	return err;
}

static int log_audit(const struct ca *ca, const struct certlog *log)
{
	const struct entry **sorted = calloc(log->n + 1, sizeof *sorted);
	struct text text = { 0 };
	json_t *found = json_array();
	int err = sorted == NULL ? KITH_ENOMEM : find_clashes(log, sorted, &text, found);
	size_t n = json_array_size(found);
	free(sorted);
	if (err != 0) {
		json_decref(found);
		text_free(&text);
		return cli_fail(ca->cli, CLI_FAILED, "%s", kith_strerror(err));
	}
	if (n == 0)
		err = text_add(&text, "no name is certified for two keys at once\n", 42);
	int code = err == 0 ? cli_result(ca->cli, json_incref(found), text.p) : CLI_FAILED;
	json_decref(found);
	text_free(&text);
	return code != CLI_OK || n == 0 ? code
					: cli_fail(ca->cli, CLI_FAILED,
						   "%zu pair(s) of certificates give a name to two keys at once", n);
}

int cli_ca_log(const struct cli *cli)
{
	static const char usage[] = "list DIR, or head DIR, or prove DIR SERIAL|HEAD, or verify PROOF --issuer KEY, or "
				    "audit DIR";
	const char *verb = cli->words_n > 0 ? cli->words[0] : "";
	struct cli shifted = *cli; /* ca_open takes its first word */
	struct certlog log = { 0 };
	struct ca ca;
	bool prove = strcmp(verb, "prove") == 0, verify = strcmp(verb, "verify") == 0, head = strcmp(verb, "head") == 0;
	bool list = strcmp(verb, "list") == 0, audit = strcmp(verb, "audit") == 0;
	if (!prove && !verify && !head && !list && !audit)
		return cli_fail(cli, CLI_USAGE, "expected: kith ca log %s", usage);
	int code = cli_words(cli, prove ? 3 : 2, prove ? 3 : 2, usage);
	if (code == CLI_OK && ((cli->issuer != NULL && !verify) || (cli->out != NULL && !head && !prove)))
		code = cli_fail(cli, CLI_USAGE, "--issuer is for verify, --out for head and prove");
	if (code != CLI_OK || verify)
		return code == CLI_OK ? log_verify(cli) : code;
	shifted.words[0] = cli->words[1];
	code = ca_open(&ca, &shifted);
	ca.cli = cli;
	if (code == CLI_OK)
		code = log_read(&ca, &log);
	if (code == CLI_OK)
		code = list    ? log_list(&ca, &log)
		       : head  ? log_head(&ca, &log)
		       : prove ? log_prove(&ca, &log)
			       : log_audit(&ca, &log);
	log_free(&log);
	ca_close(&ca);
	return code;
}
