"""fluent-logger: events with whole seconds and with nanoseconds, the logging handler, the asynchronous sender."""
import logging
import sys
import time

from fluent import asyncsender, handler, sender

host, port = sys.argv[1].split(":")
port = int(port)

whole = sender.FluentSender("shop", host=host, port=port)
for n in range(1, 101):
    assert whole.emit("orders", {"message": f"order {n}", "level": "warning", "user": {"name": "김"}, "n": n})
whole.close()

exact = sender.FluentSender("shop", host=host, port=port, nanosecond_precision=True)
assert exact.emit_with_time("exact", sender.EventTime(int(time.time()) + 0.25), {"log": "결제 실패", "stream": "stderr"})
assert exact.emit("nothing", {"count": 3, "ratio": 0.5, "none": None, "list": [1, "a"]})
exact.close()

handled = handler.FluentHandler("app.python", host=host, port=port)
form = {"host": "%(hostname)s", "where": "%(module)s.%(funcName)s", "level": "%(levelname)s", "trace": "%(exc_text)s"}
handled.setFormatter(handler.FluentRecordFormatter(form))
log = logging.getLogger("shop")
log.addHandler(handled)
log.error("payment of %s failed", "order 7")
log.error({"message": "a map", "code": 402})
handled.close()

late = asyncsender.FluentSender("late", host=host, port=port)
for n in range(50):
    late.emit("", {"message": f"later {n}"})
late.close()
