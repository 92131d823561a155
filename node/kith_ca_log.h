/* The log of an issuer's name certificates, in the directory of its authority; see kith_ca_log.c. */
#ifndef KITH_NODE_KITH_CA_LOG_H
#define KITH_NODE_KITH_CA_LOG_H

#include "kith_ca.h"

/* Whether the log is whole, before a serial is given. CLI_OK, or a complaint. */
int ca_log_check(const struct ca *ca);

/* Appends a certificate and signs the new head. CLI_OK, or a complaint: the certificate must not be given out then. */
int ca_log_append(struct ca *ca, const struct kith_seed *issuer, struct kith_span cert);

#endif
