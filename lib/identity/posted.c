#include "identity/posted.h"

#include "base/assert.h"
#include "identity/params.h"
#include "identity/revocation.h"
#include "identity/trust_internal.h"

/* ---- what there is ---- */

static const struct kith_blob *blob_of(const struct kith_trust *t, uint8_t kind, const struct kith_trust_issuer *issuer)
{
	if (issuer == NULL)
		return kind == KITH_POSTED_LIST ? t->root_list : kind == KITH_POSTED_PARAMS ? t->params : NULL;
	switch ((enum kith_posted_kind)kind) {
	case KITH_POSTED_LIST:
		return issuer->list;
	case KITH_POSTED_HEAD:
		return issuer->fork == NULL ? issuer->head : NULL;
	case KITH_POSTED_FORK:
		return issuer->fork;
	case KITH_POSTED_PARAMS: /* the root's */
		break;
	}
	return NULL;
}

static void digest_of(const struct kith_suite *suite, uint8_t out[KITH_POSTED_DIGEST_LEN], struct kith_span thing)
{
	const struct kith_span no_key = { NULL, 0 };
	uint8_t whole[32];
	suite->blake2b(whole, sizeof whole, no_key, &thing, 1);
	memcpy(out, whole, KITH_POSTED_DIGEST_LEN);
}

static void describe(const struct kith_trust *t, const struct kith_blob *blob, struct kith_trust_list *out)
{
	struct kith_revocation list;
	struct kith_certlog_head head;
	out->list = kith_blob_span(blob);
	if (out->kind == KITH_POSTED_LIST && kith_revocation_view(&list, out->list) == 0)
		out->number = list.number;
	struct kith_params params;
	if (out->kind == KITH_POSTED_PARAMS && kith_params_parse(&params, out->list) == 0)
		out->number = params.number;
	if (out->kind == KITH_POSTED_FORK)
		out->number = 1;
	if (out->kind == KITH_POSTED_HEAD && kith_certlog_head_parse(&head, out->list) == 0) {
		out->number = (uint64_t)head.time_ms;
		digest_of(t->suite, out->digest, out->list);
	}
}

/* Of the root, or of an issuer. */
static void fill_in(const struct kith_trust *t, const struct kith_now *now, uint8_t kind,
		    const struct kith_trust_issuer *issuer, struct kith_trust_list *out)
{
	const struct kith_blob *blob = blob_of(t, kind, issuer);
	memset(out, 0, sizeof *out);
	out->kind = kind;
	out->valid = true;
	memcpy(out->id, issuer != NULL ? issuer->id : t->network.b, sizeof out->id);
	if (issuer != NULL) {
		struct kith_issuer_cert cert;
		kith_trust_issuer_cert(issuer, &cert);
		out->cert = kith_blob_span(issuer->cert);
		out->valid = kith_trust_times(now, cert.not_before_s * 1000, cert.expires_s * 1000) == 0 &&
			     !kith_trust_revokes(t->root_list, cert.serial, &cert.issuer);
	}
	if (blob != NULL && out->valid)
		describe(t, blob, out);
}

bool kith_trust_list_at(const struct kith_trust *t, const struct kith_now *now, size_t i, struct kith_trust_list *out)
{
	size_t place = i % KITH_LISTS_MAX;
	if (t->open || i >= KITH_POSTED_MAX)
		return false;
	if (place > t->issuers_n) { /* most are: all are looked at with each exchange of gossip */
		out->number = 0;
		out->cert = out->list = (struct kith_span){ NULL, 0 };
		return true;
	}
	const struct kith_trust_issuer *issuer = place > 0 ? &t->issuers[place - 1] : NULL;
	uint8_t other = issuer == NULL	       ? KITH_POSTED_PARAMS
			: issuer->fork != NULL ? KITH_POSTED_FORK
					       : KITH_POSTED_HEAD;
	fill_in(t, now, i < KITH_LISTS_MAX ? (uint8_t)KITH_POSTED_LIST : other, issuer, out);
	return true;
}

bool kith_trust_posted_of(const struct kith_trust *t, const struct kith_now *now, uint8_t kind,
			  const uint8_t id[KITH_ISSUER_ID_LEN], struct kith_trust_list *out)
{
	const struct kith_trust_issuer *issuer = kith_trust_issuer_of(t, id);
	memset(out, 0, sizeof *out);
	if (t->open || (issuer == NULL && memcmp(id, t->network.b, KITH_ISSUER_ID_LEN) != 0))
		return false;
	fill_in(t, now, kind, issuer, out);
	return true;
}

bool kith_trust_list_of(const struct kith_trust *t, const struct kith_now *now, const uint8_t id[KITH_ISSUER_ID_LEN],
			struct kith_trust_list *out)
{
	return kith_trust_posted_of(t, now, KITH_POSTED_LIST, id, out);
}

/* ---- forks ---- */

/* Which of two heads stands first. */
static bool in_order(const struct kith_certlog_head *a, struct kith_span a_bytes, const struct kith_certlog_head *b,
		     struct kith_span b_bytes)
{
	if (a->time_ms != b->time_ms)
		return a->time_ms < b->time_ms;
	size_t len = a_bytes.len < b_bytes.len ? a_bytes.len : b_bytes.len;
	int order = memcmp(a_bytes.p, b_bytes.p, len);
	return order != 0 ? order < 0 : a_bytes.len < b_bytes.len;
}

size_t kith_fork_make(uint8_t out[KITH_FORK_LEN_MAX], struct kith_span a, struct kith_span b)
{
	struct kith_writer w = kith_writer_of(out, KITH_FORK_LEN_MAX);
	struct kith_certlog_head first, second;
	if (kith_certlog_head_parse(&first, a) != 0 || kith_certlog_head_parse(&second, b) != 0 ||
	    !kith_certlog_contradict(&first, &second))
		return 0;
	const bool turned = !in_order(&first, a, &second, b);
	const struct kith_span heads[2] = { turned ? b : a, turned ? a : b };
	kith_object_write_header(&w, KITH_OBJECT_FORK);
	for (int i = 0; i < 2; i++) {
		kith_write_u16(&w, (uint16_t)heads[i].len);
		kith_write_span(&w, heads[i]);
	}
	return kith_writer_len(&w);
}

int kith_fork_parse(struct kith_span heads[2], struct kith_span fork)
{
	struct kith_certlog_head parsed[2];
	struct kith_reader r;
	int err = kith_object_begin(&r, fork, KITH_OBJECT_FORK);
	for (int i = 0; err == 0 && i < 2; i++) {
		heads[i] = kith_read_span(&r, kith_read_u16(&r));
		err = r.bad ? KITH_EPROTO : kith_certlog_head_parse(&parsed[i], heads[i]);
	}
	if (err != 0)
		return err;
	return kith_reader_done(&r) && kith_certlog_contradict(&parsed[0], &parsed[1]) &&
			       in_order(&parsed[0], heads[0], &parsed[1], heads[1])
		       ? 0
		       : KITH_EPROTO;
}

/* ---- taking ---- */

/* The issuer of a head that holds. 0; KITH_ECHAIN, KITH_EREVOKED, KITH_ENOTYET, KITH_ESIGNATURE. */
static int verify_head(const struct kith_trust *t, const struct kith_now *now, const struct kith_certlog_head *head,
		       struct kith_trust_issuer **out)
{
	struct kith_issuer_cert cert;
	struct kith_trust_issuer *issuer = kith_trust_issuer_of(t, head->issuer_id);
	if (issuer == NULL)
		return KITH_ECHAIN;
	kith_trust_issuer_cert(issuer, &cert);
	if (kith_trust_revokes(t->root_list, cert.serial, &cert.issuer))
		return KITH_EREVOKED;
	if (now->unix_trusted && head->time_ms > now->unix_ms + KITH_CLOCK_TOLERANCE_MS)
		return KITH_ENOTYET;
	*out = issuer;
	return kith_object_verify(t->suite, &head->s, KITH_SIGN_LOG_HEAD, &cert.issuer);
}

static int keep(struct kith_trust *t, struct kith_blob **slot, struct kith_span bytes)
{
	struct kith_blob *blob = kith_blob_intern(t->blobs, bytes.p, bytes.len);
	if (blob == NULL)
		return KITH_ENOMEM;
	kith_blob_unref(t->blobs, *slot);
	*slot = blob;
	return 1;
}

static int add_head(struct kith_trust *t, const struct kith_now *now, struct kith_span bytes)
{
	uint8_t fork[KITH_FORK_LEN_MAX];
	struct kith_certlog_head head, held;
	struct kith_trust_issuer *issuer = NULL;
	int err = kith_certlog_head_parse(&head, bytes);
	if (err != 0)
		return err;
	err = verify_head(t, now, &head, &issuer);
	if (err != 0)
		return err;
	if (issuer->fork != NULL)
		return 0; /* whatever it says now */
	if (issuer->head == NULL)
		return keep(t, &issuer->head, bytes);
	const size_t len = kith_fork_make(fork, bytes, kith_blob_span(issuer->head));
	if (len > 0)
		return keep(t, &issuer->fork, (struct kith_span){ fork, len });
	err = kith_certlog_head_parse(&held, kith_blob_span(issuer->head));
	KITH_ASSERT(err == 0);
	return head.time_ms > held.time_ms ? keep(t, &issuer->head, bytes) : 0;
}

static int add_fork(struct kith_trust *t, const struct kith_now *now, struct kith_span bytes)
{
	struct kith_certlog_head head;
	struct kith_trust_issuer *issuer = NULL;
	struct kith_span heads[2];
	int err = kith_fork_parse(heads, bytes);
	for (int i = 0; err == 0 && i < 2; i++) {
		err = kith_certlog_head_parse(&head, heads[i]);
		if (err == 0)
			err = verify_head(t, now, &head, &issuer);
	}
	if (err != 0)
		return err;
	return issuer->fork != NULL ? 0 : keep(t, &issuer->fork, bytes);
}

static int add_params(struct kith_trust *t, const struct kith_now *now, struct kith_span bytes)
{
	struct kith_params params, held;
	int err = kith_params_parse(&params, bytes);
	if (err != 0)
		return err;
	if (memcmp(params.network, t->network.b, sizeof params.network) != 0)
		return KITH_ENETWORK;
	if (t->params != NULL && kith_params_parse(&held, kith_blob_span(t->params)) == 0 &&
	    held.number >= params.number)
		return 0;
	if (now->unix_trusted && now->unix_ms < params.issued_s * 1000 - KITH_CLOCK_TOLERANCE_MS)
		return KITH_ENOTYET;
	err = kith_object_verify(t->suite, &params.s, KITH_SIGN_PARAMS, &t->root);
	if (err == 0)
		err = keep(t, &t->params, bytes);
	if (err == 1)
		t->certified_only = params.eligible != KITH_ELIGIBLE_ALL;
	return err;
}

int kith_trust_post(struct kith_trust *t, const struct kith_now *now, struct kith_span thing)
{
	uint8_t type = thing.len >= KITH_OBJECT_HEADER_LEN ? thing.p[1] : 0;
	if (type != KITH_OBJECT_LOG_HEAD && type != KITH_OBJECT_FORK && type != KITH_OBJECT_PARAMS)
		return kith_trust_revocation_add(t, now, thing);
	if (t->open)
		return KITH_ENETWORK;
	if (type == KITH_OBJECT_PARAMS)
		return add_params(t, now, thing);
	return type == KITH_OBJECT_LOG_HEAD ? add_head(t, now, thing) : add_fork(t, now, thing);
}
