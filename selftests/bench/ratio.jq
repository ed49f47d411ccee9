# SPDX-License-Identifier: GPL-2.0
#
# Results with their ratio to the same of base.
def with_ratios:
	def key: [.setting, .family, .test, .mtu, .processes, .encryption] |
		map(tostring) | join(" ");
	INDEX(.[] | select(.datapath == "base"); key) as $base |
	map(. + {ratio: ($base[key].rate as $rate |
		if ($rate // 0) > 0 then .rate / $rate * 10000 | round / 10000
		else null end)});
