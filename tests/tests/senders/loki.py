"""python-logging-loki: the logging handler that pushes JSON."""
import logging
import sys

import logging_loki

handler = logging_loki.LokiHandler(url=f"{sys.argv[1]}/loki/api/v1/push", tags={"application": "shop"}, version="1")
handler.handleError = lambda record: sys.exit(repr(sys.exc_info()[1]))
log = logging.getLogger("orders")
log.setLevel(logging.DEBUG)
log.addHandler(handler)
for n in range(50):
    log.error("loki %d 실패", n, extra={"tags": {"customer": "kim"}})
