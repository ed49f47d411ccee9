// SPDX-License-Identifier: GPL-2.0
/*
 * Which addresses a pod can have, and how they are written; needs no kernel
 * module. Prints TAP.
 */
#include <stdio.h>
#include <string.h>

#include <libshunt.h>

static unsigned int tests, failures;

static void result(bool ok, const char *kind, const char *text,
		   const char *said)
{
	tests++;
	if (!ok) {
		failures++;
		printf("# said: %s\n", said);
	}
	printf("%sok %u %s \"%s\"\n", ok ? "" : "not ", tests, kind, text);
}

/* WANT is how the address is written back. */
static void good(const char *text, const char *want)
{
	char why[SHUNT_TEXT_LEN] = "", buf[INET6_ADDRSTRLEN] = "";
	struct shunt_addr addr;
	int err;

	err = shunt_addr_parse(text, &addr, why);
	if (!err)
		shunt_addr_format(&addr, buf);
	result(!err && !strcmp(buf, want), "address", text, err ? why : buf);
}

/* WANT is a part of the reason. */
static void bad(const char *text, const char *want)
{
	char why[SHUNT_TEXT_LEN] = "";
	struct shunt_addr addr;
	int err;

	err = shunt_addr_parse(text, &addr, why);
	result(err && strstr(why, want) && !strchr(why, '\n'), "no address",
	       text, err ? why : "nothing");
}

/* WANT is how it is written back, or a part of the reason. */
static void one_prefix(const char *text, bool valid, const char *want)
{
	char why[SHUNT_TEXT_LEN] = "", buf[SHUNT_PREFIX_LEN] = "";
	struct shunt_prefix prefix;
	int err;

	err = shunt_prefix_parse(text, &prefix, why);
	if (!err)
		shunt_prefix_format(&prefix, buf);
	if (valid)
		result(!err && !strcmp(buf, want), "prefix", text,
		       err ? why : buf);
	else
		result(err && strstr(why, want) && !strchr(why, '\n'),
		       "no prefix", text, err ? why : "nothing");
}

static void mac(const char *text, bool want)
{
	uint8_t bytes[SHUNT_MAC_LEN];
	char why[SHUNT_TEXT_LEN] = "";
	int err;

	err = shunt_mac_parse(text, bytes, why);
	result(!err == want && !!why[0] == !want,
	       want ? "hardware address" : "no hardware address", text, why);
}

static void test_good(void)
{
	good("10.0.0.5", "10.0.0.5");
	good("10.0.0.5/32", "10.0.0.5");
	good("192.0.2.255", "192.0.2.255");
	good("240.0.0.1", "240.0.0.1");
	good("fd01::5", "fd01::5");
	good("FD01:0:0::5/128", "fd01::5");
	good("2001:db8::", "2001:db8::");
	good("fdff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
	     "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void test_bad(void)
{
	bad("10.0.0.5/24",
	    "10.0.0.5/24: a pod's address stands alone, give 10.0.0.5 or 10.0.0.5/32");
	bad("fd01::5/64", "give fd01::5 or fd01::5/128");
	bad("10.0.0.5/", "stands alone");
	bad("10.0.0.5/032", "stands alone");
	bad("10.0.0.5/128", "stands alone");
	bad("fd01::5/32", "stands alone");
	bad("", "not an IPv4");
	bad("/32", "not an IPv4");
	bad("10.0.0", "not an IPv4");
	bad("10.0.0.256", "not an IPv4");
	bad("10.0.0.5 ", "not an IPv4");
	bad("0x0a.0.0.5", "not an IPv4");
	bad("fd01::5%eth0", "not an IPv4");
	bad("fd01::g", "not an IPv4");
	bad("fd01:0:0:0:0:0:0:0:0", "not an IPv4");
	bad("pod.example", "not an IPv4");
	bad("1111111111111111111111111111111111111111111111111111111111111",
	    "not an IPv4");
}

static void test_unfit(void)
{
	bad("0.0.0.0", "network 0");
	bad("127.0.0.1", "loopback");
	bad("169.254.1.1", "link-local");
	bad("224.0.0.1", "multicast");
	bad("239.255.255.255/32", "multicast");
	bad("255.255.255.255", "broadcast");
	bad("::", "unspecified");
	bad("::1", "loopback");
	bad("fe80::1", "link-local");
	bad("ff02::1/128", "multicast");
	bad("::ffff:10.0.0.5", "IPv4");
}

static void test_mac(void)
{
	mac("02:00:00:00:00:01", true);
	mac("FE:ff:ff:ff:ff:ff", true);
	mac("2:0:0:0:0:1", true);
	mac("01:00:00:00:00:01", false);
	mac("ff:ff:ff:ff:ff:ff", false);
	mac("00:00:00:00:00:00", false);
	mac("02:00:00:00:00", false);
	mac("02:00:00:00:00:01:02", false);
	mac("02:00:00:00:00:0g", false);
	mac("02:00:00:00:00: 1", false);
	mac("020:00:00:00:00:01", false);
	mac("", false);
}

static void test_prefix(void)
{
	one_prefix("10.0.0.0/8", true, "10.0.0.0/8");
	one_prefix("0.0.0.0/0", true, "0.0.0.0/0");
	one_prefix("10.1.2.3", true, "10.1.2.3/32");
	one_prefix("127.0.0.0/8", true, "127.0.0.0/8");
	one_prefix("10.1.2.2/31", true, "10.1.2.2/31");
	one_prefix("::/0", true, "::/0");
	one_prefix("FD01:0::/64", true, "fd01::/64");
	one_prefix("fd01::1", true, "fd01::1/128");
	one_prefix("8000::/1", true, "8000::/1");
	one_prefix("10.0.0.1/8", false, "is it 10.0.0.0/8?");
	one_prefix("10.1.2.3/31", false, "is it 10.1.2.2/31?");
	one_prefix("fd01::1/64", false, "is it fd01::/64?");
	one_prefix("c000::/1", false, "is it 8000::/1?");
	one_prefix("10.0.0.0/33", false, "0 to 32 bits");
	one_prefix("fd01::/129", false, "0 to 128 bits");
	one_prefix("10.0.0.0/", false, "0 to 32 bits");
	one_prefix("10.0.0.0/-1", false, "0 to 32 bits");
	one_prefix("10.0.0.0/+8", false, "0 to 32 bits");
	one_prefix("10.0.0.0/8x", false, "0 to 32 bits");
	one_prefix("10.0.0.0/99999999999999999999", false, "0 to 32 bits");
	one_prefix("10.0.0/8", false, "not an IPv4 or IPv6 address");
	one_prefix("", false, "not an IPv4 or IPv6 address");
	one_prefix("/8", false, "not an IPv4 or IPv6 address");
	one_prefix("default", false, "not an IPv4 or IPv6 address");
}

static void test_counters(void)
{
	unsigned int i, bad = 0;

	for (i = 0; i < shunt_n_counters; i++) {
		if (!shunt_counters[i].name[0] || !shunt_counters[i].doc[0] ||
		    shunt_counters[i].attr > SHUNT_A_STATS_MAX)
			bad++;
	}
	/* All attributes are counters, but the node and the padding. */
	result(!bad && shunt_n_counters == SHUNT_A_STATS_MAX - 2, "table",
	       "counters", "incomplete");
}

int main(void)
{
	puts("TAP version 13");
	test_good();
	test_bad();
	test_unfit();
	test_mac();
	test_prefix();
	test_counters();
	printf("1..%u\n", tests);
	return failures ? 1 : 0;
}
