#include "wire/busy.h"

#include <string.h>

enum { PACKET_HEADER = 8 };

#define TIME_MAX (INT64_MAX / 2) /* as of other objects of the directory */

static bool fits(const struct kith_busy *busy)
{
	return busy->made_ms >= 0 && busy->made_ms <= TIME_MAX && busy->retry_s >= 1 &&
	       busy->retry_s <= KITH_BUSY_RETRY_MAX_S && busy->hosts_n <= KITH_BUSY_HOSTS_MAX &&
	       busy->chain.len <= KITH_CHAIN_MAX;
}

/* The alternates that leave room for what follows them; the last give way. */
static void write_hosts(struct kith_writer *w, const struct kith_busy *busy)
{
	size_t behind = 2 + busy->chain.len + 1 + busy->s.ext.len + KITH_SIG_LEN;
	uint8_t *count = kith_write(w, 1), n = 0;
	for (uint8_t i = 0; i < busy->hosts_n; i++) {
		struct kith_writer before = *w;
		kith_host_write(w, &busy->hosts[i]);
		if (w->bad || kith_writer_space(w) < behind) {
			*w = before;
			break;
		}
		n++;
	}
	if (count != NULL)
		*count = n;
}

int kith_busy_make(const struct kith_suite *suite, uint8_t out[KITH_BUSY_PACKET_MAX], const struct kith_busy *busy,
		   const uint8_t sign_sk[KITH_SIGN_SK_LEN])
{
	if (!fits(busy))
		return KITH_EINVAL;
	memset(out, 0, PACKET_HEADER);
	out[0] = KITH_PKT_BUSY;
	struct kith_writer w = kith_writer_of(out + PACKET_HEADER, KITH_BUSY_PACKET_MAX - PACKET_HEADER);
	kith_object_write_header(&w, (enum kith_object_type)KITH_OBJECT_BUSY);
	kith_write_u64(&w, (uint64_t)busy->made_ms);
	kith_write_u16(&w, busy->retry_s);
	write_hosts(&w, busy);
	kith_write_u16(&w, (uint16_t)busy->chain.len);
	kith_write_span(&w, busy->chain);
	kith_object_write_ext(&w, busy->s.ext);
	int len = kith_object_sign(suite, &w, KITH_SIGN_BUSY, sign_sk);
	struct kith_busy parsed;
	uint32_t receiver;
	if (len < 0)
		return len;
	len += PACKET_HEADER;
	return kith_busy_parse(&parsed, &receiver, (struct kith_span){ out, (size_t)len }) == 0 ? len : KITH_EINVAL;
}

void kith_busy_address(uint8_t *packet, uint32_t receiver)
{
	struct kith_writer w = kith_writer_of(packet + 4, 4);
	kith_write_u32(&w, receiver);
}

static void read_fields(struct kith_reader *r, struct kith_busy *out)
{
	uint64_t made = kith_read_u64(r);
	out->retry_s = kith_read_u16(r);
	out->hosts_n = kith_read_u8(r);
	if (made > TIME_MAX || out->retry_s < 1 || out->retry_s > KITH_BUSY_RETRY_MAX_S ||
	    out->hosts_n > KITH_BUSY_HOSTS_MAX) {
		r->bad = true;
		return;
	}
	out->made_ms = (int64_t)made;
	for (uint8_t i = 0; i < out->hosts_n; i++)
		kith_host_read(r, &out->hosts[i]);
	out->chain = kith_read_span(r, kith_read_u16(r));
}

int kith_busy_parse(struct kith_busy *out, uint32_t *receiver, struct kith_span packet)
{
	struct kith_reader head = kith_reader_of_span(packet), r;
	memset(out, 0, sizeof *out);
	uint8_t type = kith_read_u8(&head);
	uint64_t zero = kith_read_uint(&head, 3);
	*receiver = kith_read_u32(&head);
	if (head.bad || type != KITH_PKT_BUSY || zero != 0 || packet.len > KITH_BUSY_PACKET_MAX)
		return KITH_EPROTO;
	out->bytes = kith_read_rest(&head);
	int err = kith_object_begin(&r, out->bytes, (enum kith_object_type)KITH_OBJECT_BUSY);
	if (err != 0)
		return err;
	read_fields(&r, out);
	return kith_object_end_chain(&r, out->bytes, &out->s, out->chain, &out->device, &out->sign);
}

int kith_busy_verify(const struct kith_busy *busy, struct kith_trust *trust, const struct kith_now *now,
		     struct kith_person *person)
{
	if (busy->made_ms < now->unix_ms - KITH_BUSY_LIFE_MS - KITH_CLOCK_TOLERANCE_MS)
		return KITH_EEXPIRED;
	if (now->unix_trusted && busy->made_ms > now->unix_ms + KITH_CLOCK_TOLERANCE_MS)
		return KITH_ENOTYET;
	int err = kith_trust_check(trust, now, busy->chain, person);
	if (err != 0)
		return err;
	return kith_object_verify(trust->suite, &busy->s, KITH_SIGN_BUSY, &person->device_sign);
}
