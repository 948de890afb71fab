"""logging.handlers.SysLogHandler of Python itself: no header behind the priority, a zero byte at the end."""
import logging
import logging.handlers
import socket
import sys

for name, address, kind in (("udp", sys.argv[1], socket.SOCK_DGRAM), ("tcp", sys.argv[2], socket.SOCK_STREAM)):
    host, port = address.split(":")
    handler = logging.handlers.SysLogHandler((host, int(port)), facility="local3", socktype=kind)
    handler.setFormatter(logging.Formatter(f"python-{name}[%(process)d]: %(message)s"))
    log = logging.getLogger(name)
    log.setLevel(logging.DEBUG)
    log.addHandler(handler)
    for n in range(50):
        log.critical("syslog %d 위험", n)
    log.debug("two\nlines")
    handler.close()
