/* DIR/devices: what only the owner knows of an identity's devices, since nothing that travels says it. A JSON array of
 * {key, label, number, expires}, one for each live device; device lists are signed from it. */
#ifndef KITH_NODE_KITH_DEVICES_H
#define KITH_NODE_KITH_DEVICES_H

#include "kith_cli.h"

/* That of the profile. Where there is no such file: an empty array if the profile has no device list either, else a
 * complaint, since a list signed from nothing would leave the other devices out. Returns an exit code. */
int devices_read(const struct cli *cli, const char *dir, json_t **out);
/* 0 or an error; errno may say more. */
int devices_write(const char *dir, const json_t *devices) KITH_MUST_USE;

/* The entry of a device, borrowed; NULL: it is none of them. */
json_t *devices_find(const json_t *devices, const struct kith_key *device);
/* A device is certified until then: its entry, made if it is new, with the next number. label NULL: what it is called
 * already, or "main". KITH_EFULL. */
int devices_join(json_t *devices, const struct kith_key *device, const char *label, int64_t expires_s) KITH_MUST_USE;

/* Signs their list, with the number after last (0: there was none): max(last + 1, unix ms), or the latter where the
 * last one is ahead of the clock by more than the tolerance. The length, or an error. */
int devices_sign(const json_t *devices, uint64_t last, const struct kith_seed *identity,
		 uint8_t out[KITH_DEVICES_LEN_MAX]) KITH_MUST_USE;

#endif
