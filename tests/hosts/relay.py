"""Hands frames from one link to another, late, and loses some: what netem does, for kernels that have none.

``python -m hosts.relay LINK LINK MILLISECONDS LOSS`` with the right to open packet sockets (packet(7)). It says ``ready`` and
goes on until its standard input ends; then it says how many frames it lost.
"""

from __future__ import annotations

import heapq
import itertools
import random
import select
import socket
import sys
import time

_EVERYTHING = 0x0003  # ETH_P_ALL
_SOL_PACKET, _PACKET_VNET_HDR, _PACKET_IGNORE_OUTGOING = 263, 15, 23
_HEADER_BYTES = 10
"""Before each frame: what is left to do for it, such as its checksum or cutting it up (``struct virtio_net_hdr``)."""
_LARGEST_FRAME = 1 << 17


def _open(link: str) -> socket.socket:
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_EVERYTHING))
    opened.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
    opened.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    opened.bind((link, 0))
    return opened


def main(one: str, other: str, milliseconds: int, loss: float) -> None:
    """Relay until the standard input ends."""
    links = [_open(one), _open(other)]
    chance, order = random.Random(1), itertools.count()
    lost = 0
    late: list[tuple[float, int, socket.socket, bytes]] = []
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        wait = None if not late else max(0.0, late[0][0] - time.monotonic())
        for link in select.select([*links, sys.stdin], [], [], wait)[0]:
            if link is sys.stdin:
                sys.stdout.write(f"lost {lost} of {next(order) + lost} frames, of which some are many packets in one\n")
                return
            frame = link.recv(_LARGEST_FRAME)
            if chance.random() >= loss:
                heapq.heappush(late, (time.monotonic() + milliseconds / 1000, next(order), links[link is links[0]], frame))
            else:
                lost += 1
        while late and late[0][0] <= time.monotonic():
            _, _, link, frame = heapq.heappop(late)
            try:
                link.send(frame)
            except OSError:  # the link is away, or its queue is full
                continue


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
