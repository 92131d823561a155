/* Addresses for the socket calls; see sockaddr.h. */
#include "host/sockaddr.h"

#include <netinet/in.h>
#include <string.h>

#include "base/addr.h"

socklen_t kith_sockaddr_set(struct sockaddr_storage *ss, const struct kith_addr *addr)
{
	memset(ss, 0, sizeof *ss);
	if (addr->family == KITH_FAMILY_V4) {
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(addr->port) };
		memcpy(&in.sin_addr, addr->ip, 4);
		memcpy(ss, &in, sizeof in);
		return sizeof in;
	}
	if (addr->family == KITH_FAMILY_V6) {
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(addr->port) };
		memcpy(&in6.sin6_addr, addr->ip, 16);
		memcpy(ss, &in6, sizeof in6);
		return sizeof in6;
	}
	return 0;
}

bool kith_sockaddr_get(struct kith_addr *addr, const struct sockaddr *sa)
{
	memset(addr, 0, sizeof *addr);
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, sa, sizeof in);
		addr->family = KITH_FAMILY_V4;
		addr->port = ntohs(in.sin_port);
		memcpy(addr->ip, &in.sin_addr, 4);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, sa, sizeof in6);
		if (IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr))
			return false;
		addr->family = KITH_FAMILY_V6;
		addr->port = ntohs(in6.sin6_port);
		memcpy(addr->ip, &in6.sin6_addr, 16);
		kith_addr_normalise(addr);
		return true;
	}
	return false;
}
