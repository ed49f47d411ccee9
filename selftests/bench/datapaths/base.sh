# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Host to host: processes of the nodes themselves, no pods. To be sourced.

datapath_node() { :; } # NODE MORE-NICS
datapath_pod() { :; } # NODE POD ADDR4 ADDR6
