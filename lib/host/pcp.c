/* PCP and NAT-PMP; see pcp.h. */
#include "host/pcp.h"

#include "codec/cursor.h"

enum {
	V_PMP = 0,
	V_PCP = 2,
	ANSWER = 0x80, /* of the second byte: the rest is the request's */
	OP_ANNOUNCE = 0, /* PCP */
	OP_MAP = 1, /* PCP */
	OP_ADDRESS = 0, /* NAT-PMP, as the next two */
	OP_MAP_UDP = 1,
	OP_MAP_TCP = 2,
	PCP_HEADER_LEN = 24,
	PCP_MAP_LEN = 36,
	V4_MAPPED_LEN = 12
};

static const uint8_t v4_mapped[V4_MAPPED_LEN] = { [10] = 0xff, [11] = 0xff };

/* As an address of IPv6; no address is ::ffff:0.0.0.0, by which one of IPv4 is asked for (RFC 6887, 11.1). */
static void write_v4(struct kith_writer *w, const struct kith_addr *addr)
{
	kith_write_bytes(w, v4_mapped, sizeof v4_mapped);
	kith_write_bytes(w, addr->ip, 4);
}

static void read_v4(struct kith_reader *r, struct kith_addr *out)
{
	uint8_t prefix[V4_MAPPED_LEN];
	kith_read_bytes(r, prefix, sizeof prefix);
	kith_read_bytes(r, out->ip, 4);
	if (memcmp(prefix, v4_mapped, sizeof v4_mapped) == 0)
		out->family = KITH_FAMILY_V4;
	else
		memset(out->ip, 0, sizeof out->ip);
}

size_t kith_pcp_write_map(const struct kith_pcp_map *map, uint8_t out[KITH_PCP_REQUEST_MAX])
{
	struct kith_writer w = kith_writer_of(out, KITH_PCP_REQUEST_MAX);
	kith_write_u8(&w, V_PCP);
	kith_write_u8(&w, OP_MAP);
	kith_write_zeros(&w, 2);
	kith_write_u32(&w, map->life_s);
	write_v4(&w, &map->self);
	kith_write_bytes(&w, map->nonce, sizeof map->nonce);
	kith_write_u8(&w, map->protocol);
	kith_write_zeros(&w, 3);
	kith_write_u16(&w, map->inner);
	kith_write_u16(&w, map->outer_port);
	write_v4(&w, &map->outer);
	return kith_writer_len(&w);
}

size_t kith_pmp_write_map(const struct kith_pcp_map *map, uint8_t out[KITH_PCP_REQUEST_MAX])
{
	struct kith_writer w = kith_writer_of(out, KITH_PCP_REQUEST_MAX);
	kith_write_u8(&w, V_PMP);
	kith_write_u8(&w, map->protocol == KITH_PCP_TCP ? OP_MAP_TCP : OP_MAP_UDP);
	kith_write_zeros(&w, 2);
	kith_write_u16(&w, map->inner);
	kith_write_u16(&w, map->life_s == 0 ? 0 : map->outer_port); /* RFC 6886, 3.4 */
	kith_write_u32(&w, map->life_s);
	return kith_writer_len(&w);
}

size_t kith_pmp_write_address(uint8_t out[KITH_PCP_REQUEST_MAX])
{
	struct kith_writer w = kith_writer_of(out, KITH_PCP_REQUEST_MAX);
	kith_write_u8(&w, V_PMP);
	kith_write_u8(&w, OP_ADDRESS);
	return kith_writer_len(&w);
}

/* ---- answers ---- */

/* What follows version and code. Options at the end are none of ours, and skipped unread. */
static bool read_pcp(struct kith_reader *r, uint8_t op, size_t len, struct kith_pcp_answer *out)
{
	(void)kith_read_u8(r); /* reserved */
	out->result = kith_read_u8(r);
	out->life_s = kith_read_u32(r);
	out->epoch_s = kith_read_u32(r);
	(void)kith_read(r, 12); /* reserved; of an error some of the request's address, in older routers */
	if (r->bad || len % 4 != 0 || len > KITH_PCP_ANSWER_MAX)
		return false;
	out->kind = KITH_PCP_ERROR;
	if (op == OP_ANNOUNCE && out->result == KITH_PCP_SUCCESS) {
		out->kind = KITH_PCP_ANNOUNCED;
	} else if (op == OP_MAP && len >= PCP_HEADER_LEN + PCP_MAP_LEN) {
		out->kind = KITH_PCP_MAPPED;
		kith_read_bytes(r, out->nonce, sizeof out->nonce);
		out->protocol = kith_read_u8(r);
		(void)kith_read(r, 3);
		out->inner = kith_read_u16(r);
		out->outer_port = kith_read_u16(r);
		read_v4(r, &out->outer);
	}
	return !r->bad && (out->kind != KITH_PCP_ERROR || out->result != KITH_PCP_SUCCESS);
}

static bool read_pmp(struct kith_reader *r, uint8_t op, struct kith_pcp_answer *out)
{
	out->result = kith_read_u16(r);
	out->epoch_s = kith_read_u32(r);
	out->kind = KITH_PMP_ERROR;
	if (op == OP_ADDRESS && kith_reader_left(r) == 4) {
		out->kind = KITH_PMP_ADDRESS;
		out->outer.family = KITH_FAMILY_V4;
		kith_read_bytes(r, out->outer.ip, 4);
	} else if ((op == OP_MAP_UDP || op == OP_MAP_TCP) && kith_reader_left(r) == 8) {
		out->kind = KITH_PMP_MAPPED;
		out->protocol = op == OP_MAP_TCP ? KITH_PCP_TCP : KITH_PCP_UDP;
		out->inner = kith_read_u16(r);
		out->outer_port = kith_read_u16(r);
		out->life_s = kith_read_u32(r);
	} else { /* who does not know the request answers with what it likes behind the result */
		(void)kith_read_rest(r);
	}
	return kith_reader_done(r) && (out->kind != KITH_PMP_ERROR || out->result != KITH_PCP_SUCCESS);
}

bool kith_pcp_read(struct kith_pcp_answer *out, const uint8_t *in, size_t len)
{
	struct kith_reader r = kith_reader_of(in, len);
	memset(out, 0, sizeof *out);
	uint8_t version = kith_read_u8(&r), code = kith_read_u8(&r);
	bool good = false;
	if (r.bad || (code & ANSWER) == 0)
		return false;
	if (version == V_PCP)
		good = read_pcp(&r, code & ~ANSWER & 0xff, len, out);
	else if (version == V_PMP)
		good = read_pmp(&r, code & ~ANSWER & 0xff, out);
	return good;
}
