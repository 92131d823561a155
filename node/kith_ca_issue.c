/* kith ca invite, kith ca issue: names and their certificates.
 *
 * A certificate is entered in the ledger, and that is saved, before anybody can see it: no serial is given twice; and
 * it is in the log before anybody can see it. An invitation is good once: the request that answers it takes it out. */
#include "kith_ca_log.h"

#include "expiry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NAME_DAYS = 365 };

/* The newest certificate of a name in the ledger; NULL: it has none. */
static json_t *newest_of(const struct ca *ca, const char *name)
{
	size_t i;
	json_t *cert, *found = NULL;
	json_array_foreach(json_object_get(ca->ledger, "certificates"), i,
			   cert) if (strcmp(json_string_value(json_object_get(cert, "name")), name) == 0) found = cert;
	return found;
}

static int check_issuer(const struct ca *ca)
{
	char key[KITH_KEY_TEXT_LEN + 1], date[DATE_TEXT_MAX];
	int64_t now = (int64_t)time(NULL);
	(void)date_text(ca->issuer.expires_s, date);
	if (ca_is_revoked(ca, kith_key_format(ca->issuer.issuer.b, key)))
		return cli_fail(ca->cli, CLI_FAILED,
				"this issuer is revoked: no node would accept what it signs; a new one: kith ca renew");
	if (ca->issuer.expires_s <= now)
		return cli_fail(ca->cli, CLI_FAILED,
				"this issuer's certificate expired on %s: no node would accept what it signs; a new "
				"one: kith ca renew",
				date);
	if (ca->issuer.expires_s - now <= (int64_t)EXPIRY_DAYS * SECONDS_PER_DAY)
		fprintf(stderr,
			"kith %s: the issuer's certificate ends on %s, and all it gave with it: kith ca renew\n",
			ca->cli->command, date);
	return CLI_OK;
}

static int check_name(const struct ca *ca, const char *name)
{
	if (!kith_name_valid(name))
		return cli_fail(ca->cli, CLI_USAGE, "%s: a name is 1 to 32 of a-z, 0-9, '.', '-', '_'", name);
	if (!kith_constraint_allows(ca->issuer.constraint, name))
		return cli_fail(ca->cli, CLI_FAILED, "%s: this issuer may only give names that end in %s", name,
				ca->issuer.constraint);
	return CLI_OK;
}

static int check_flags(const struct ca *ca, uint8_t flags)
{
	if ((flags & KITH_NAME_SUPERNODE) == 0 || (ca->issuer.flags & KITH_ISSUER_SUPERNODES) != 0)
		return CLI_OK;
	return cli_fail(ca->cli, CLI_FAILED,
			"the root does not let this issuer make supernodes; to grant it: kith ca renew --keep-key "
			"--supernode");
}

/* The i-th byte of a hex text, if it has one. */
static bool hex_byte(const char *hex, size_t i, unsigned long *out)
{
	char digits[3] = "", *end;
	if (strlen(hex) < 2 * i + 2)
		return false;
	memcpy(digits, hex + 2 * i, 2);
	*out = strtoul(digits, &end, 16);
	return *end == '\0';
}

/* Serial, times, placement; enters it into the ledger, which is saved before the certificate can be seen: a serial is
 * never given twice. */
static int make_terms(struct ca *ca, const char *name, const struct kith_key *identity, uint8_t flags,
		      struct kith_name_cert *terms)
{
	char key[KITH_KEY_TEXT_LEN + 1], placement[2 * KITH_PLACEMENT_LEN + 1];
	json_t *before = newest_of(ca, name);
	json_int_t serial = json_integer_value(json_object_get(ca->ledger, "next_serial"));
	kith_key_format(identity->b, key);
	if (before != NULL && strcmp(json_string_value(json_object_get(before, "identity")), key) != 0 &&
	    !ca->cli->force)
		return cli_fail(ca->cli, CLI_FAILED,
				"%s is certified for another identity key; --force gives it to the new one "
				"(contacts that pinned the old one are asked), ca revoke takes it back",
				name);
	memset(terms, 0, sizeof *terms);
	const char *old = before != NULL ? json_string_value(json_object_get(before, "placement")) : NULL;
	if (old == NULL && random_fill(terms->placement, sizeof terms->placement) != 0)
		return cli_fail(ca->cli, CLI_FAILED, "there is no randomness: %s", strerror(errno));
	for (size_t i = 0; i < KITH_PLACEMENT_LEN; i++) {
		unsigned long byte = terms->placement[i];
		if (old != NULL && !hex_byte(old, i, &byte))
			return cli_fail(ca->cli, CLI_FAILED, "the ledger's placement of %s is damaged", name);
		terms->placement[i] = (uint8_t)byte;
		(void)snprintf(placement + 2 * i, 3, "%02lx", byte & 0xff);
	}
	(void)snprintf(terms->name, sizeof terms->name, "%s", name);
	terms->identity = *identity;
	terms->serial = (uint64_t)serial;
	terms->not_before_s = valid_from();
	terms->expires_s = valid_until(ca->cli->days > 0 ? ca->cli->days : NAME_DAYS);
	terms->flags = flags;
	json_object_set_new(ca->ledger, "next_serial", json_integer(serial + 1));
	json_array_append_new(json_object_get(ca->ledger, "certificates"),
			      json_pack("{s:I, s:I, s:s, s:s, s:s, s:I, s:i}", "serial", serial, "issuer",
					(json_int_t)ca->issuer.serial, "name", name, "identity", key, "placement",
					placement, "expires", (json_int_t)terms->expires_s, "flags", (int)flags));
	return ca_save(ca);
}

static uint8_t wished_flags(const struct cli *cli)
{
	return cli->supernode ? KITH_NAME_SUPERNODE : 0;
}

int cli_ca_invite(const struct cli *cli)
{
	struct ca ca;
	struct invitation invitation = { 0 };
	struct text text = { 0 };
	char nonce[KITH_KEY_TEXT_LEN + 1];
	int code = cli_words(cli, 2, 2, "DIR NAME");
	if (code != CLI_OK)
		return code;
	code = ca_open(&ca, cli);
	if (code == CLI_OK)
		code = check_issuer(&ca);
	if (code == CLI_OK)
		code = check_name(&ca, cli->words[1]);
	if (code == CLI_OK)
		code = check_flags(&ca, wished_flags(cli));
	if (code == CLI_OK && random_fill(invitation.nonce, sizeof invitation.nonce) != 0)
		code = cli_fail(cli, CLI_FAILED, "there is no randomness: %s", strerror(errno));
	if (code == CLI_OK) {
		invitation.root = ca.root;
		invitation.issuer = ca.issuer.issuer;
		invitation.flags = wished_flags(cli);
		(void)snprintf(invitation.name, sizeof invitation.name, "%s", cli->words[1]);
		json_array_append_new(json_object_get(ca.ledger, "invitations"),
				      json_pack("{s:s, s:s, s:i, s:I}", "nonce",
						kith_key_format(invitation.nonce, nonce), "name", invitation.name,
						"flags", (int)invitation.flags, "made", (json_int_t)time(NULL)));
		code = ca_save(&ca);
	}
	if (code == CLI_OK)
		code = invitation_format(&text, &invitation) == 0 ? cli_write_out(cli, &text)
								  : cli_fail(cli, CLI_FAILED, "out of memory");
	text_free(&text);
	ca_close(&ca);
	return code;
}

/* Checks the request against every invitation that is open; takes out the one it answers. */
static int match_request(struct ca *ca, struct kith_span request, struct kith_enrol *out, json_t **invitation)
{
	json_t *invitations = json_object_get(ca->ledger, "invitations"), *entry;
	struct kith_id network;
	int err = KITH_EAUTH;
	size_t i;
	kith_network_id(&network, &ca->root);
	json_array_foreach(invitations, i, entry)
	{
		uint8_t nonce[KITH_NONCE_LEN];
		const char *name = json_string_value(json_object_get(entry, "name"));
		const char *text = json_string_value(json_object_get(entry, "nonce"));
		if (name == NULL || text == NULL || kith_key_parse(nonce, text) != 0)
			continue;
		err = kith_enrol_check(out, request, &network, &ca->issuer.issuer, nonce);
		if (err == KITH_EAUTH)
			continue;
		if (err == 0 && strcmp(out->name, name) != 0)
			err = KITH_ENAME;
		break;
	}
	if (err != 0)
		return cli_fail(ca->cli, CLI_FAILED, "the request is refused: %s",
				err == KITH_EAUTH   ? "it answers no invitation that is still open (each is good once)"
				: err == KITH_ENAME ? "it asks for another name than it was invited for"
				: err == KITH_ECHAIN
					? "it answers an invitation of another issuer, maybe of the one before a "
					  "renewal: invite again"
					: kith_strerror(err));
	*invitation = json_incref(entry);
	json_array_remove(invitations, i);
	return CLI_OK;
}

/* What a newcomer should know from the start. */
static int lists_now(const struct ca *ca, struct armor *out)
{
	struct text text = { 0 };
	memset(out, 0, sizeof *out);
	int code = ca_lists(ca, NULL, &text);
	int err = code == CLI_OK && text.len > 0 ? armor_parse(out, text.p, text.len) : 0;
	text_free(&text);
	return err == 0 ? code : cli_fail(ca->cli, CLI_FAILED, "revocations: %s", kith_strerror(err));
}

static int write_grant(struct ca *ca, struct kith_span cert)
{
	struct armor lists;
	struct text text = { 0 };
	int code = lists_now(ca, &lists);
	int err = text_add_armor(&text, KITH_ARMOR_NAME, cert);
	if (err == 0)
		err = text_add_armor(&text, KITH_ARMOR_ISSUER, ca->issuer_cert);
	if (err == 0)
		err = text_add_lists(&text, &lists, ca->issuer_cert);
	if (code == CLI_OK)
		code = err == 0 ? cli_write_out(ca->cli, &text)
				: cli_fail(ca->cli, CLI_FAILED, "%s", kith_strerror(err));
	armor_free(&lists);
	text_free(&text);
	return code;
}

static int issue_to_request(struct ca *ca, const struct kith_seed *seed)
{
	struct armor armor;
	struct kith_enrol request;
	struct kith_name_cert terms;
	uint8_t cert[KITH_CERT_MAX];
	json_t *invitation = NULL;
	errno = 0;
	int err = armor_read(&armor, ca->cli->request);
	const struct armor_piece *piece = err == 0 ? armor_find(&armor, KITH_ARMOR_ENROL) : NULL;
	int code = CLI_OK;
	if (piece == NULL)
		code = cli_fail(ca->cli, CLI_FAILED, "--request: %s: %s", ca->cli->request,
				err != 0 && err != KITH_EPROTO
					? file_why(err)
					: "it holds no request; expected what kith id request wrote");
	if (piece != NULL && code == CLI_OK)
		code = match_request(ca, piece->bytes, &request, &invitation);
	if (code == CLI_OK)
		code = check_flags(ca, (uint8_t)json_integer_value(json_object_get(invitation, "flags")));
	if (code == CLI_OK)
		code = make_terms(ca, request.name, &request.identity,
				  (uint8_t)json_integer_value(json_object_get(invitation, "flags")), &terms);
	if (code == CLI_OK) {
		int len = kith_enrol_grant(cert, &request, &terms, seed);
		struct kith_span made = { cert, len > 0 ? (size_t)len : 0 };
		code = len < 0 ? cli_fail(ca->cli, CLI_FAILED, "the certificate cannot be made: %s", kith_strerror(len))
			       : ca_log_append(ca, seed, made);
		if (code == CLI_OK)
			code = write_grant(ca, made);
	}
	json_decref(invitation);
	armor_free(&armor);
	return code;
}

/* Identity, device and certificates in one go, for those who trust the issuer with their keys: tests, and supernodes of
 * one operator. */
static int issue_profile(struct ca *ca, const struct kith_seed *seed)
{
	const struct cli *cli = ca->cli;
	struct profile_parts parts = { .root = ca->root,
				       .issuer = ca->issuer_cert,
				       .device_days = DEVICE_DAYS,
				       .label = cli->label,
				       .bootstrap = (const char *const *)cli->bootstrap,
				       .loopback = cli->loopback != 0 };
	struct kith_secrets secrets;
	struct kith_seed identity;
	struct kith_key key;
	struct kith_name_cert terms = { 0 };
	struct armor lists = { 0 };
	uint8_t cert[KITH_CERT_MAX];
	int code = check_name(ca, cli->words[1]);
	if (code == CLI_OK)
		code = check_flags(ca, wished_flags(cli));
	if (code == CLI_OK && newest_of(ca, cli->words[1]) != NULL && !cli->force)
		code = cli_fail(cli, CLI_FAILED,
				"%s has a certificate already; --force makes another one, for a new key",
				cli->words[1]);
	if (code == CLI_OK)
		code = profile_new_key(cli, cli->profile, &secrets);
	if (code != CLI_OK)
		return code;
	(void)kith_secrets_get(&secrets, KITH_SECRET_IDENTITY, &identity);
	kith_seed_public(&key, &identity);
	explicit_bzero(&identity, sizeof identity);
	code = make_terms(ca, cli->words[1], &key, wished_flags(cli), &terms);
	if (code == CLI_OK) {
		int len = kith_name_cert_make(cert, &terms, seed);
		parts.name = (struct kith_span){ cert, len > 0 ? (size_t)len : 0 };
		code = len < 0 ? cli_fail(cli, CLI_FAILED, "the certificate cannot be made: %s", kith_strerror(len))
			       : ca_log_append(ca, seed, parts.name);
		if (code == CLI_OK)
			code = lists_now(ca, &lists);
		parts.lists = &lists;
	}
	if (code == CLI_OK) {
		parts.devices = json_array();
		code = profile_write(cli, cli->profile, &secrets, &parts);
		json_decref(parts.devices);
	}
	kith_secrets_wipe(&secrets);
	armor_free(&lists);
	if (code != CLI_OK)
		return code;
	char text[PATH_TEXT_MAX + 128];
	(void)snprintf(text, sizeof text, "%s: serial %llu, profile %s\n", terms.name, (unsigned long long)terms.serial,
		       cli->profile);
	return cli_result(cli,
			  json_pack("{s:s, s:I, s:s}", "name", terms.name, "serial", (json_int_t)terms.serial,
				    "profile", cli->profile),
			  text);
}

int cli_ca_issue(const struct cli *cli)
{
	struct ca ca;
	struct kith_seed seed;
	bool request = cli->request != NULL;
	int code = cli_words(cli, request ? 1 : 2, request ? 1 : 2, "DIR --request FILE, or DIR NAME --profile DIR");
	if (code == CLI_OK && !request && cli->profile == NULL)
		code = cli_fail(
			cli, CLI_USAGE,
			"--profile is missing: the directory to make; or give --request FILE instead of a name");
	if (code != CLI_OK)
		return code;
	code = ca_open(&ca, cli);
	if (code == CLI_OK)
		code = check_issuer(&ca);
	if (code == CLI_OK)
		code = ca_log_check(&ca);
	if (code == CLI_OK)
		code = ca_seed(&ca, "issuer.key", KITH_SECRET_ISSUER, &seed);
	if (code == CLI_OK)
		code = request ? issue_to_request(&ca, &seed) : issue_profile(&ca, &seed);
	explicit_bzero(&seed, sizeof seed);
	ca_close(&ca);
	return code;
}
