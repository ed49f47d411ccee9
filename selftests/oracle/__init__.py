# SPDX-License-Identifier: GPL-2.0
"""One table of packets, sent in two topologies: see __main__.py."""
