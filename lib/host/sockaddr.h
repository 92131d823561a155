/* Addresses as the socket calls want them. */
#ifndef KITH_HOST_SOCKADDR_H
#define KITH_HOST_SOCKADDR_H

#include <sys/socket.h>

#include <kith/types.h>

/* Fills in ss and returns its length; 0 for no address. */
socklen_t kith_sockaddr_set(struct sockaddr_storage *ss, const struct kith_addr *addr);

/* The reverse; v4-mapped v6 addresses become v4. False (and no address) for other families, and for link-local v6,
 * which means nothing without its interface. */
bool kith_sockaddr_get(struct kith_addr *addr, const struct sockaddr *sa);

#endif
