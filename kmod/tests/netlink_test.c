// SPDX-License-Identifier: GPL-2.0
#include "../netlink.c"

#include "suites.h"
#include "test.h"

/* A request that speaks of one prefix. */
struct request {
	struct { struct nlattr nla; u8 data[16]; } address;
	struct { struct nlattr nla; u8 data[4]; } length;
	struct nlattr *attrs[SHUNT_A_PATH_MAX + 1];
	struct netlink_ext_ack extack;
	struct genl_info info;
};

static void ask(struct request *request, int family, u8 len)
{
	size_t size = family == 4 ? 4 : 16;

	request->address.nla.nla_len = nla_attr_size(size);
	request->length.nla.nla_len = nla_attr_size(1);
	request->length.data[0] = len;
	request->attrs[SHUNT_A_PATH_ADDRESS] = &request->address.nla;
	request->attrs[SHUNT_A_PATH_LENGTH] = &request->length.nla;
	memset(&request->extack, 0, sizeof(request->extack));
	request->info = (struct genl_info){
		.attrs = request->attrs,
		.extack = &request->extack,
	};
}

static bool is_set_behind(const u8 *addr, int bits, int len)
{
	int i;

	for (i = len; i < bits; i++)
		if (addr[i / 8] & 0x80 >> i % 8)
			return true;
	return false;
}

/* Each length with one bit of an address set: fine up to the length. */
static void prefixes(struct kunit *test)
{
	struct shunt_prefix prefix;
	struct request request = {};
	int family, bits, len, bit, err;

	for (family = 4; family <= 6; family += 2) {
		bits = family == 4 ? 32 : 128;
		for (len = 0; len < 256; len++) {
			bit = (len * 7 + 3) % bits;
			ask(&request, family, len);
			memset(request.address.data, 0, 16);
			request.address.data[bit / 8] = 0x80 >> bit % 8;
			err = read_prefix(&request.info, &prefix);
			KUNIT_EXPECT_EQ_MSG(test, err, len > bits ||
					    is_set_behind(request.address.data,
							  bits, len) ?
					    -EINVAL : 0,
					    "v%d, bit %d, length %d", family,
					    bit, len);
			KUNIT_EXPECT_EQ(test, !!request.extack._msg, !!err);
			if (!err) {
				KUNIT_EXPECT_EQ(test, prefix.len,
						len + 128 - bits);
				continue;
			}
			KUNIT_EXPECT_PTR_EQ(test, request.extack.bad_attr,
					    len > bits ? &request.length.nla :
							 &request.address.nla);
		}
	}
}

static void missing(struct kunit *test)
{
	struct shunt_prefix prefix;
	struct request request = {};

	ask(&request, 4, 8);
	request.attrs[SHUNT_A_PATH_ADDRESS] = NULL;
	KUNIT_EXPECT_EQ(test, read_prefix(&request.info, &prefix), -EINVAL);
	KUNIT_EXPECT_NOT_NULL(test, request.extack._msg);
	ask(&request, 4, 8);
	request.attrs[SHUNT_A_PATH_LENGTH] = NULL;
	KUNIT_EXPECT_EQ(test, read_prefix(&request.info, &prefix), -EINVAL);
	KUNIT_EXPECT_NOT_NULL(test, request.extack._msg);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(prefixes),
	KUNIT_CASE(missing),
	{}
};

struct kunit_suite shunt_netlink_suite = {
	.name = "shunt-netlink",
	.test_cases = cases,
};
