# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# An ipvlan device on the NIC for each pod, all pods on one link: nobody routes.
# To be sourced.

# shellcheck source=SCRIPTDIR/ipvlan-l3.sh
. "$SELFTESTS/bench/datapaths/ipvlan-l3.sh"

datapath_pod() { nic_pod ipvlan "$@" mode l2; }
