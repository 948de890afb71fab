"""python-logstash-async: lines of JSON over TCP, and Lumberjack."""
import logging
import sys

from logstash_async.handler import AsynchronousLogstashHandler
from logstash_async.transport import BeatsTransport, TcpTransport

for name, address, transport in (("lines", sys.argv[1], TcpTransport), ("beats", sys.argv[2], BeatsTransport)):
    host, port = address.split(":")
    handler = AsynchronousLogstashHandler(
        host,
        int(port),
        database_path=None,
        transport=transport(host, int(port), False, False, None, None, None, None, timeout=5.0),
    )
    log = logging.getLogger(name)
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    for n in range(20):
        log.info("logstash %s %d", name, n, extra={"order": n})
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("나눗셈 실패")
    handler.close()
