"""graypy: by UDP, compressed and in pieces, and over TCP."""
import logging
import os
import sys

import graypy

for name, address, kind in (("udp", sys.argv[1], graypy.GELFUDPHandler), ("tcp", sys.argv[2], graypy.GELFTCPHandler)):
    host, port = address.split(":")
    log = logging.getLogger(f"gelf.{name}")
    log.setLevel(logging.DEBUG)
    handler = kind(host, int(port), localname="web-7", facility="shop") if name == "udp" else kind(host, int(port), localname="web-7")
    log.addHandler(handler)
    for n in range(50):
        log.info("gelf %s %d 완료", name, n, extra={"order": n, "user": "kim"})
    # Random, so that it is long also once it is compressed.
    log.warning("long %s", os.urandom(20000).hex())
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("it failed")
    handler.close()
