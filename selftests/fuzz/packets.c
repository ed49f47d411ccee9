// SPDX-License-Identifier: GPL-2.0
/*
 * Packets that were captured, changed in some places, sent by a device as if
 * its owner had: addresses, lengths, options, extension headers, fragments,
 * quoted packets, what offloads say of them, and any bit.
 *
 *   packets SEED FIRST COUNT LAST NETNS DEVICE MAC CAPTURE...
 *   packets SEED FIRST COUNT LAST - CAPTURE...
 *
 * Packet N is made of SEED, N and the CAPTUREs alone, but for its Ethernet
 * addresses. NETNS is the path of the network namespace of DEVICE, and MAC whom
 * it talks to. Before some are sent, they are written to the file LAST, so that
 * it has those that the kernel died of, without what offloads were told; times
 * are their numbers. With "-" nothing is sent, and LAST gets all of them.
 * Prints how many were sent, and how many the kernel did not take.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <pcap/pcap.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "random.h"
#include "tool.h"

#define MOST_CAPTURED 4096
#define MOST_BYTES 16384
#define MOST_CHANGES 6
#define BATCH 64
#define L3 ETH_HLEN

/* Headers before Linux 6.2 do not know it. */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

struct captured {
	uint8_t *frame;
	unsigned int len;
};

struct packet {
	struct random random;
	struct virtio_net_hdr offload;
	unsigned int len;
	uint8_t frame[MOST_BYTES];
};

struct fuzzer {
	uint64_t seed;
	const char *last;
	int sock; /* or -1 */
	struct sockaddr_ll device;
	unsigned int skip; /* what that has no header for */
	uint8_t from[ETH_ALEN], to[ETH_ALEN];
	unsigned long sent, refused;
};

static struct captured captured[MOST_CAPTURED];
static unsigned int n_captured;

/* Reading a packet: offsets in its frame, 0 for what is not there */

static uint16_t get16(const struct packet *p, unsigned int at)
{
	return at + 2 <= p->len ? p->frame[at] << 8 | p->frame[at + 1] : 0;
}

static void set16(struct packet *p, unsigned int at, uint16_t value)
{
	if (at + 2 > p->len)
		return;
	p->frame[at] = value >> 8;
	p->frame[at + 1] = value;
}

static void set8(struct packet *p, unsigned int at, uint8_t value)
{
	if (at < p->len)
		p->frame[at] = value;
}

static bool is_v4(const struct packet *p)
{
	return get16(p, 12) == ETH_P_IP && p->len >= L3 + sizeof(struct iphdr);
}

static bool is_v6(const struct packet *p)
{
	return get16(p, 12) == ETH_P_IPV6 &&
	       p->len >= L3 + sizeof(struct ip6_hdr);
}

static bool is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING ||
	       next == IPPROTO_DSTOPTS || next == IPPROTO_FRAGMENT;
}

struct transport {
	unsigned int at; /* its header, or 0 */
	uint8_t protocol;
	bool fragment; /* of a datagram, whose lengths and sums it has */
};

static struct transport find_v6_transport(const struct packet *p)
{
	struct transport t = { .at = L3 + sizeof(struct ip6_hdr),
			       .protocol = p->frame[L3 + 6] };

	while (is_extension(t.protocol) && t.at + 8 <= p->len) {
		uint8_t words = p->frame[t.at + 1];

		if (t.protocol == IPPROTO_FRAGMENT) {
			t.fragment |= get16(p, t.at + 2) & 0xfff9;
			words = 0;
		}
		t.protocol = p->frame[t.at];
		t.at += 8 * (words + 1);
	}
	return t;
}

static struct transport find_transport(const struct packet *p)
{
	struct transport t = {};

	if (is_v6(p))
		t = find_v6_transport(p);
	else if (is_v4(p))
		t = (struct transport){ L3 + (p->frame[L3] & 15) * 4,
					p->frame[L3 + 9],
					get16(p, L3 + 6) & 0x3fff };
	if (t.at >= p->len)
		t.at = 0;
	return t;
}

/* Where the transport has its checksum, from its header on. */
static unsigned int checksum_offset(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return 16;
	case IPPROTO_UDP:
		return 6;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 2;
	default:
		return 0;
	}
}

/* Making it right again */

static uint32_t add_up(const uint8_t *bytes, unsigned int len, uint32_t sum)
{
	unsigned int n;

	for (n = 0; n + 1 < len; n += 2)
		sum += bytes[n] << 8 | bytes[n + 1];
	return len & 1 ? sum + (bytes[len - 1] << 8) : sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static void fix_v4_checksum(struct packet *p)
{
	unsigned int len = (p->frame[L3] & 15) * 4;

	set16(p, L3 + 10, 0);
	if (L3 + len <= p->len)
		set16(p, L3 + 10, fold(add_up(p->frame + L3, len, 0)));
}

/* That of the pseudo header alone, if somebody else is to do the rest. */
static void fix_checksums(struct packet *p)
{
	struct transport t = find_transport(p);
	unsigned int offset = checksum_offset(t.protocol);
	unsigned int len = p->len - t.at;
	uint32_t sum = 0;

	if (is_v4(p))
		fix_v4_checksum(p);
	if (!t.at || t.fragment || !offset || t.at + offset + 2 > p->len)
		return;
	if (t.protocol != IPPROTO_ICMP)
		sum = add_up(p->frame + L3 + (is_v4(p) ? 12 : 8),
			     is_v4(p) ? 8 : 32, len + t.protocol);
	set16(p, t.at + offset, 0);
	if (p->offload.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		set16(p, t.at + offset, ~fold(sum));
		return;
	}
	sum = fold(add_up(p->frame + t.at, len, sum));
	set16(p, t.at + offset, sum ?: 0xffff);
}

static void fix_lengths(struct packet *p)
{
	struct transport t = find_transport(p);

	if (is_v4(p))
		set16(p, L3 + 2, p->len - L3);
	else if (is_v6(p))
		set16(p, L3 + 4, p->len - L3 - sizeof(struct ip6_hdr));
	if (t.at && !t.fragment && t.protocol == IPPROTO_UDP)
		set16(p, t.at + 4, p->len - t.at);
}

/* Changing it */

static void make_room(struct packet *p, unsigned int at, unsigned int len)
{
	if (at > p->len || p->len + len > sizeof(p->frame))
		return;
	memmove(p->frame + at + len, p->frame + at, p->len - at);
	memset(p->frame + at, 0, len);
	p->len += len;
}

static void change_bit(struct packet *p)
{
	struct random *r = &p->random;

	p->frame[random_below(r, p->len)] ^= 1 << random_below(r, 8);
}

/* A number in the headers, as a whole. */
static void change_number(struct packet *p)
{
	struct random *r = &p->random;
	unsigned int at = random_below(r, p->len < 80 ? p->len : 80) & ~1U;

	if (random_hit(r, 2))
		set8(p, at, random_number(r, 8));
	else
		set16(p, at, random_number(r, 16));
}

static void change_length(struct packet *p)
{
	struct random *r = &p->random;
	unsigned int len;

	if (random_hit(r, 2)) {
		p->len = L3 + random_below(r, p->len - L3 + 1);
		return;
	}
	len = random_hit(r, 8) ? random_below(r, 9000) : random_below(r, 200);
	if (p->len + len > sizeof(p->frame))
		return;
	random_fill(r, p->frame + p->len, len);
	p->len += len;
}

static void change_address(struct packet *p)
{
	static const uint8_t v4[][4] = {
		{ 10, 1, 0, 1 }, { 10, 1, 0, 2 }, { 10, 2, 0, 1 },
		{ 192, 168, 9, 1 }, { 192, 168, 9, 2 }, { 127, 0, 0, 1 },
		{ 224, 0, 0, 1 }, { 255, 255, 255, 255 }, { 0, 0, 0, 0 },
		{ 169, 254, 1, 1 }, { 240, 0, 0, 1 }, { 10, 66, 0, 1 },
		{ 192, 168, 9, 255 },
	};
	static const char *const v6[] = {
		"fd01::1", "fd01::2", "fd02::1", "fd09::1", "fd09::2", "::1",
		"ff02::1", "::", "fe80::1", "fe80::2", "fd66::1",
		"::ffff:10.1.0.1", "ff05::1", "2001:db8::1",
	};
	struct random *r = &p->random;
	unsigned int which = random_below(r, 2);
	struct in6_addr address;

	if (is_v4(p)) {
		memcpy(p->frame + L3 + 12 + 4 * which,
		       v4[random_below(r, sizeof(v4) / sizeof(*v4))], 4);
	} else if (is_v6(p)) {
		inet_pton(AF_INET6, v6[random_below(r, sizeof(v6) /
						    sizeof(*v6))], &address);
		memcpy(p->frame + L3 + 8 + 16 * which, &address, 16);
	}
}

static void change_ttl(struct packet *p)
{
	set8(p, is_v4(p) ? L3 + 8 : L3 + 7, random_below(&p->random, 3));
}

static void change_protocol(struct packet *p)
{
	static const uint8_t protocols[] = {
		IPPROTO_ICMP, IPPROTO_IGMP, IPPROTO_IPIP, IPPROTO_TCP,
		IPPROTO_UDP, IPPROTO_IPV6, IPPROTO_ROUTING, IPPROTO_FRAGMENT,
		IPPROTO_GRE, IPPROTO_ESP, IPPROTO_AH, IPPROTO_ICMPV6,
		IPPROTO_NONE, IPPROTO_DSTOPTS, IPPROTO_SCTP, IPPROTO_HOPOPTS,
		IPPROTO_RAW,
	};

	set8(p, is_v4(p) ? L3 + 9 : L3 + 6,
	     protocols[random_below(&p->random, sizeof(protocols))]);
}

static void make_fragment(struct packet *p)
{
	struct random *r = &p->random;
	uint16_t offset = random_hit(r, 2) ? 0 : random_number(r, 13);
	bool more = random_hit(r, 2);

	if (is_v4(p)) {
		set16(p, L3 + 6, offset | more << 13 |
		      random_hit(r, 4) << 14 | random_hit(r, 8) << 15);
	} else if (is_v6(p)) {
		make_room(p, L3 + 40, 8);
		set8(p, L3 + 40, p->frame[L3 + 6]);
		set8(p, L3 + 6, IPPROTO_FRAGMENT);
		set16(p, L3 + 42, offset << 3 | more);
		set16(p, L3 + 46, random_below(r, 4));
	}
}

static void add_options(struct packet *p)
{
	/* Record route, timestamp, loose and strict source routes, alert. */
	static const uint8_t kinds[] = { 7, 68, 131, 137, 148, 1, 0 };
	struct random *r = &p->random;
	unsigned int words = p->frame[L3] & 15;
	unsigned int more = 1 + random_below(r, 10);

	if (words + more > 15)
		return;
	make_room(p, L3 + 20, more * 4);
	random_fill(r, p->frame + L3 + 20, more * 4);
	set8(p, L3 + 20, kinds[random_below(r, sizeof(kinds))]);
	if (!random_hit(r, 4))
		set8(p, L3 + 21, more * 4);
	set8(p, L3, (p->frame[L3] & 0xf0) | (words + more));
}

static void add_extension(struct packet *p)
{
	static const uint8_t types[] = { IPPROTO_HOPOPTS, IPPROTO_DSTOPTS,
					 IPPROTO_ROUTING, IPPROTO_AH };
	struct random *r = &p->random;
	unsigned int len = 8 * (1 + random_below(r, 3));

	make_room(p, L3 + 40, len);
	if (random_hit(r, 2))
		random_fill(r, p->frame + L3 + 42, len - 2);
	set8(p, L3 + 40, p->frame[L3 + 6]);
	set8(p, L3 + 41, random_hit(r, 8) ? random_number(r, 8) : len / 8 - 1);
	set8(p, L3 + 6, types[random_below(r, sizeof(types))]);
}

static void add_headers(struct packet *p)
{
	if (is_v4(p))
		add_options(p);
	else if (is_v6(p))
		add_extension(p);
}

static void change_transport(struct packet *p)
{
	struct transport t = find_transport(p);
	struct random *r = &p->random;
	unsigned int at = t.at;

	if (!at)
		return;
	switch (t.protocol) {
	case IPPROTO_TCP: /* how long its header is, and its flags */
		set8(p, at + 12 + random_below(r, 2), random_number(r, 8));
		break;
	case IPPROTO_UDP:
		set16(p, at + 4, random_number(r, 16));
		break;
	case IPPROTO_ICMPV6: /* neighbour discovery, as often as not */
		set8(p, at, random_hit(r, 2) ? random_number(r, 8) :
		     ND_ROUTER_SOLICIT + random_below(r, 5));
		break;
	default:
		set8(p, at, random_number(r, 8));
	}
}

/* An error about another packet, which may be about nothing at all. */
static void quote(struct packet *p)
{
	static const uint8_t errors_v4[] = { 3, 4, 5, 11, 12 };
	struct random *r = &p->random;
	const struct captured *other = &captured[random_below(r, n_captured)];
	unsigned int at = L3 + (is_v4(p) ? 20 : 40), len;

	if ((!is_v4(p) && !is_v6(p)) || p->len < at || other->len <= L3)
		return;
	if (is_v4(p))
		set8(p, L3, 0x45);
	set8(p, is_v4(p) ? L3 + 9 : L3 + 6,
	     is_v4(p) ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	len = 1 + random_below(r, other->len - L3);
	p->len = at + 8 + len;
	random_fill(r, p->frame + at, 8);
	set8(p, at, is_v4(p) ? errors_v4[random_below(r, sizeof(errors_v4))] :
	     1 + random_below(r, 4));
	set8(p, at + 1, random_below(r, 6));
	memcpy(p->frame + at + 8, other->frame + L3, len);
}

static void change_ethernet(struct packet *p)
{
	static const uint16_t types[] = {
		ETH_P_IP, ETH_P_IPV6, ETH_P_ARP, ETH_P_8021Q, ETH_P_8021AD,
		ETH_P_MPLS_UC, ETH_P_PPP_SES, ETH_P_802_3, 0, 0x05dc,
	};
	struct random *r = &p->random;

	switch (random_below(r, 4)) {
	case 0:
		make_room(p, 12, 4);
		set16(p, 12, random_hit(r, 2) ? ETH_P_8021Q : ETH_P_8021AD);
		set16(p, 14, random_number(r, 16));
		break;
	case 1:
		memset(p->frame, 0xff, ETH_ALEN);
		break;
	case 2:
		p->frame[0] |= 1;
		break;
	default:
		set16(p, 12, types[random_below(r, sizeof(types) /
						sizeof(*types))]);
	}
}

/* What a sender has left to others: checksum, and cutting it into segments. */
static void offload(struct packet *p)
{
	struct transport t = find_transport(p);
	bool is_udp = t.protocol == IPPROTO_UDP;
	struct virtio_net_hdr *o = &p->offload;
	struct random *r = &p->random;

	if (!t.at || random_hit(r, 8)) {
		random_fill(r, o, sizeof(*o));
		return;
	}
	o->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	o->csum_start = t.at;
	o->csum_offset = checksum_offset(t.protocol);
	if (random_hit(r, 3))
		return;
	o->gso_type = is_udp ?
		      (random_hit(r, 2) ? VIRTIO_NET_HDR_GSO_UDP_L4 :
		       VIRTIO_NET_HDR_GSO_UDP) :
		      is_v4(p) ? VIRTIO_NET_HDR_GSO_TCPV4 :
		      VIRTIO_NET_HDR_GSO_TCPV6;
	if (random_hit(r, 8))
		o->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	o->gso_size = random_hit(r, 4) ? random_number(r, 16) :
		      500 + random_below(r, 900);
	o->hdr_len = random_hit(r, 4) ? random_number(r, 16) :
		     t.at + (is_udp ? 8 : 20);
	if (!random_hit(r, 3) && p->len + 6000 < sizeof(p->frame)) {
		random_fill(r, p->frame + p->len, 6000);
		p->len += 1 + random_below(r, 6000);
	}
}

static void (*const changes[])(struct packet *) = {
	change_bit, change_number, change_length, change_address,
	change_address, change_ttl, change_protocol, make_fragment,
	add_headers, change_transport, quote, change_ethernet,
};

#define CHANGES (sizeof(changes) / sizeof(*changes))

/* Most of them are right in all that has not been changed on purpose. */
static void make(const struct fuzzer *f, uint64_t number, struct packet *p)
{
	const struct captured *from;
	struct random *r = &p->random;
	unsigned int n;

	r->state = f->seed ^ number << 20;
	from = &captured[random_below(r, n_captured)];
	memset(&p->offload, 0, sizeof(p->offload));
	p->len = from->len;
	memcpy(p->frame, from->frame, from->len);
	memcpy(p->frame, f->to, ETH_ALEN);
	memcpy(p->frame + ETH_ALEN, f->from, ETH_ALEN);
	for (n = random_below(r, MOST_CHANGES + 1); n; n--)
		changes[random_below(r, CHANGES)](p);
	if (random_hit(r, 6))
		offload(p);
	if (!random_hit(r, 4))
		fix_lengths(p);
	if (!random_hit(r, 4))
		fix_checksums(p);
}

/* Files */

static void read_capture(const char *name)
{
	char error[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *header;
	pcap_t *file = pcap_open_offline(name, error);
	const u_char *bytes;
	int status;

	if (!file)
		die("%s", error);
	if (pcap_datalink(file) != DLT_EN10MB)
		die("%s: not of Ethernet", name);
	while ((status = pcap_next_ex(file, &header, &bytes)) == 1) {
		struct captured *to = &captured[n_captured];

		if (header->caplen <= ETH_HLEN ||
		    header->caplen > MOST_BYTES / 2)
			continue;
		if (n_captured == MOST_CAPTURED)
			die("%s: too many packets", name);
		to->len = header->caplen;
		to->frame = malloc(to->len);
		if (!to->frame)
			die("no memory");
		memcpy(to->frame, bytes, to->len);
		n_captured++;
	}
	if (status != PCAP_ERROR_BREAK)
		die("%s: %s", name, pcap_geterr(file));
	pcap_close(file);
}

/* COUNT of them, from FIRST on, with their numbers as seconds. */
static void write_packets(const struct fuzzer *f, uint64_t first,
			  uint64_t count)
{
	static struct packet p;
	pcap_t *kind = pcap_open_dead(DLT_EN10MB, MOST_BYTES);
	pcap_dumper_t *file = pcap_dump_open(kind, f->last);

	if (!file)
		die("%s", pcap_geterr(kind));
	for (; count; first++, count--) {
		struct pcap_pkthdr header = { .ts.tv_sec = first };

		make(f, first, &p);
		header.len = p.len;
		header.caplen = p.len;
		pcap_dump((u_char *)file, &header, p.frame);
	}
	if (pcap_dump_flush(file))
		die("%s: %s", f->last, strerror(errno));
	pcap_dump_close(file);
	pcap_close(kind);
}

/* The device */

static void open_device(struct fuzzer *f, const char *netns, const char *name,
			const char *mac)
{
	struct sockaddr_ll *address = &f->device;
	socklen_t len = sizeof(*address);
	const int one = 1;

	if (sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &f->to[0], &f->to[1],
		   &f->to[2], &f->to[3], &f->to[4], &f->to[5]) != ETH_ALEN)
		die("\"%s\" is no MAC address", mac);
	checked(setns(checked(open(netns, O_RDONLY), netns), CLONE_NEWNET),
		netns);
	f->sock = checked(socket(AF_PACKET, SOCK_RAW, 0), "socket");
	address->sll_family = AF_PACKET;
	address->sll_ifindex = if_nametoindex(name);
	if (!address->sll_ifindex)
		die("no device \"%s\"", name);
	checked(bind(f->sock, (void *)address, len), name);
	checked(getsockname(f->sock, (void *)address, &len), name);
	memcpy(f->from, address->sll_addr, ETH_ALEN);
	if (address->sll_hatype != ARPHRD_ETHER)
		f->skip = ETH_HLEN;
	checked(setsockopt(f->sock, SOL_PACKET, PACKET_VNET_HDR, &one,
			   sizeof(one)), "PACKET_VNET_HDR");
}

/* What the kernel says of packets that it does not take. */
static bool is_refusal(int error)
{
	return error == EINVAL || error == EMSGSIZE || error == ENOBUFS ||
	       error == ENXIO || error == ENOMEM;
}

static void send_packets(struct fuzzer *f, uint64_t first, uint64_t count)
{
	static struct packet p;
	struct iovec parts[2] = { { &p.offload, sizeof(p.offload) },
				  { p.frame + f->skip, 0 } };
	struct msghdr message = {
		.msg_name = &f->device, .msg_namelen = sizeof(f->device),
		.msg_iov = parts, .msg_iovlen = 2,
	};

	for (; count; first++, count--) {
		make(f, first, &p);
		if (p.offload.flags)
			p.offload.csum_start -= f->skip;
		if (p.offload.hdr_len)
			p.offload.hdr_len -= f->skip;
		f->device.sll_protocol = htons(get16(&p, 12));
		parts[1].iov_len = p.len - f->skip;
		if (sendmsg(f->sock, &message, 0) >= 0)
			f->sent++;
		else if (is_refusal(errno))
			f->refused++;
		else
			die("packet %lu: %s", (unsigned long)first,
			    strerror(errno));
	}
}

int main(int argc, char *argv[])
{
	static struct fuzzer f = { .sock = -1 };
	uint64_t first, count, some;
	int n = 6;

	if (argc < 7 || (strcmp(argv[5], "-") && argc < 9))
		die("SEED FIRST COUNT LAST -|NETNS DEVICE MAC CAPTURE...");
	f.seed = parse(argv[1]);
	first = parse(argv[2]);
	count = parse(argv[3]);
	f.last = argv[4];
	if (strcmp(argv[5], "-"))
		n = 8;
	for (; n < argc; n++)
		read_capture(argv[n]);
	if (!n_captured)
		die("the captures are empty");
	if (!strcmp(argv[5], "-")) {
		write_packets(&f, first, count);
		return 0;
	}
	open_device(&f, argv[5], argv[6], argv[7]);
	for (; count; first += some, count -= some) {
		some = count < BATCH ? count : BATCH;
		write_packets(&f, first, some);
		send_packets(&f, first, some);
	}
	printf("%lu sent, %lu refused\n", f.sent, f.refused);
	return 0;
}
