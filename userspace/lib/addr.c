// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses and prefixes: reading, writing and which addresses a pod can have.
 * Nothing here asks the kernel.
 *
 * Entry points: shunt_addr_parse(), shunt_addr_format(), shunt_addr_check(),
 * shunt_prefix_parse(), shunt_prefix_format(), shunt_mac_parse().
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

size_t shunt_addr_len(const struct shunt_addr *addr)
{
	return addr->family == AF_INET ? 4 : 16;
}

bool shunt_addr_equal(const struct shunt_addr *a, const struct shunt_addr *b)
{
	return a->family == b->family &&
	       !memcmp(a->bytes, b->bytes, shunt_addr_len(a));
}

static bool addr_read(const char *text, struct shunt_addr *addr)
{
	*addr = (struct shunt_addr){
		.family = strchr(text, ':') ? AF_INET6 : AF_INET,
	};
	return inet_pton(addr->family, text, addr->bytes) == 1;
}

/* For texts that are known to be addresses. */
struct shunt_addr shunt_addr_of(const char *text)
{
	struct shunt_addr addr;

	addr_read(text, &addr);
	return addr;
}

const char *shunt_addr_format(const struct shunt_addr *addr, char *buf)
{
	return inet_ntop(addr->family, addr->bytes, buf, INET6_ADDRSTRLEN);
}

static const char *unfit_v4(const uint8_t *a)
{
	if (a[0] == 0)
		return "of network 0";
	if (a[0] == 127)
		return "a loopback address";
	if (a[0] == 169 && a[1] == 254)
		return "a link-local address";
	if (a[0] >= 224 && a[0] < 240)
		return "a multicast address";
	if (a[0] == 255 && a[1] == 255 && a[2] == 255 && a[3] == 255)
		return "the broadcast address";
	return NULL;
}

static const char *unfit_v6(const uint8_t *bytes)
{
	struct in6_addr a;

	memcpy(&a, bytes, sizeof(a));
	if (IN6_IS_ADDR_UNSPECIFIED(&a))
		return "the unspecified address";
	if (IN6_IS_ADDR_LOOPBACK(&a))
		return "a loopback address";
	if (IN6_IS_ADDR_LINKLOCAL(&a))
		return "a link-local address";
	if (IN6_IS_ADDR_MULTICAST(&a))
		return "a multicast address";
	if (IN6_IS_ADDR_V4MAPPED(&a))
		return "an IPv4 address, to be given as such";
	return NULL;
}

int shunt_addr_check(const struct shunt_addr *addr, char *why)
{
	char buf[INET6_ADDRSTRLEN];
	const char *unfit;

	unfit = addr->family == AF_INET ? unfit_v4(addr->bytes) :
					  unfit_v6(addr->bytes);
	if (!unfit)
		return 0;
	snprintf(why, SHUNT_TEXT_LEN,
		 "%s: a pod needs a unicast address that others can reach, this is %s",
		 shunt_addr_format(addr, buf), unfit);
	return -EINVAL;
}

/* The part before a slash, in HEAD, of INET6_ADDRSTRLEN bytes. */
static int read_head(const char *text, const char *slash, char *head,
		     struct shunt_addr *addr, char *why)
{
	size_t len = slash ? (size_t)(slash - text) : strlen(text);

	snprintf(head, INET6_ADDRSTRLEN, "%.*s", (int)len, text);
	if (len < INET6_ADDRSTRLEN && addr_read(head, addr))
		return 0;
	snprintf(why, SHUNT_TEXT_LEN, "%.64s: not an IPv4 or IPv6 address",
		 text);
	return -EINVAL;
}

int shunt_addr_parse(const char *text, struct shunt_addr *addr, char *why)
{
	const char *slash = strchr(text, '/');
	char head[INET6_ADDRSTRLEN];
	const char *whole;

	if (read_head(text, slash, head, addr, why))
		return -EINVAL;
	whole = addr->family == AF_INET ? "/32" : "/128";
	if (slash && strcmp(slash, whole)) {
		snprintf(why, SHUNT_TEXT_LEN,
			 "%.64s: a pod's address stands alone, give %s or %s%s",
			 text, head, head, whole);
		return -EINVAL;
	}
	return shunt_addr_check(addr, why);
}

/* Decimal digits and nothing else. */
static bool read_len(const char *text, unsigned int max, uint8_t *len)
{
	unsigned long value;
	char *end;

	value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || value > max)
		return false;
	*len = value;
	return true;
}

/* Clear what is behind the length. */
static struct shunt_addr masked(const struct shunt_prefix *prefix)
{
	struct shunt_addr addr = prefix->addr;
	unsigned int i;

	for (i = prefix->len; i < 8 * shunt_addr_len(&addr); i++)
		addr.bytes[i / 8] &= ~(0x80 >> i % 8);
	return addr;
}

int shunt_prefix_parse(const char *text, struct shunt_prefix *prefix,
		       char *why)
{
	const char *slash = strchr(text, '/');
	char buf[SHUNT_PREFIX_LEN];
	struct shunt_addr addr;
	unsigned int max;

	if (read_head(text, slash, buf, &prefix->addr, why))
		return -EINVAL;
	max = 8 * shunt_addr_len(&prefix->addr);
	prefix->len = max;
	if (slash && !read_len(slash + 1, max, &prefix->len)) {
		snprintf(why, SHUNT_TEXT_LEN,
			 "%.64s: a prefix of this family has 0 to %u bits",
			 text, max);
		return -EINVAL;
	}
	addr = masked(prefix);
	if (shunt_addr_equal(&addr, &prefix->addr))
		return 0;
	prefix->addr = addr;
	snprintf(why, SHUNT_TEXT_LEN,
		 "%.64s: bits are set behind the length, is it %s?", text,
		 shunt_prefix_format(prefix, buf));
	return -EINVAL;
}

const char *shunt_prefix_format(const struct shunt_prefix *prefix, char *buf)
{
	char addr[INET6_ADDRSTRLEN];

	snprintf(buf, SHUNT_PREFIX_LEN, "%s/%u",
		 shunt_addr_format(&prefix->addr, addr), prefix->len);
	return buf;
}

int shunt_mac_check(const uint8_t *mac, char *why)
{
	static const uint8_t zero[SHUNT_MAC_LEN];

	if (!(mac[0] & 1) && memcmp(mac, zero, sizeof(zero)))
		return 0;
	snprintf(why, SHUNT_TEXT_LEN,
		 "%02x:%02x:%02x:%02x:%02x:%02x: no hardware address of a device, those are unicast",
		 mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return -EINVAL;
}

int shunt_mac_parse(const char *text, uint8_t *mac, char *why)
{
	unsigned int byte[SHUNT_MAC_LEN];
	int i, end = 0;

	if (strspn(text, "0123456789abcdefABCDEF:") != strlen(text) ||
	    sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &byte[0], &byte[1],
		   &byte[2], &byte[3], &byte[4], &byte[5], &end) != 6 ||
	    text[end]) {
		snprintf(why, SHUNT_TEXT_LEN,
			 "%.64s: not a hardware address such as 02:00:00:00:00:01",
			 text);
		return -EINVAL;
	}
	for (i = 0; i < SHUNT_MAC_LEN; i++)
		mac[i] = byte[i];
	return shunt_mac_check(mac, why);
}

/* An address as the kernel sends it: the length tells the family. */
bool shunt_addr_get(const struct nlattr *attr, struct shunt_addr *addr)
{
	int len = nla_len(attr);

	if (len != 4 && len != 16)
		return false;
	*addr = (struct shunt_addr){
		.family = len == 4 ? AF_INET : AF_INET6,
	};
	memcpy(addr->bytes, nla_data(attr), len);
	return true;
}
