"""pylogbeat, plainly and over TLS: windows of events that are acknowledged."""
import datetime
import sys

from pylogbeat import PyLogBeatClient


now = datetime.datetime.now(datetime.timezone.utc)


def time(n):
    return (now + datetime.timedelta(milliseconds=n)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def events(name, count):
    return [
        {
            "@timestamp": time(n),
            "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.17.0"},
            "message": f"{name} {n} 완료",
            "log": {"level": "warn", "offset": n, "file": {"path": "/var/log/app.log"}},
            "host": {"name": "web-7"},
            "container": {"id": "4f" * 32, "name": "shop-api"},
            "agent": {"type": "filebeat"},
            "tags": ["a", "b"],
        }
        for n in range(count)
    ]


plain, secure, authority = sys.argv[1:4]
host, port = plain.split(":")
with PyLogBeatClient(host, int(port)) as client:
    for _ in range(3):
        client.send(events("plain", 100))
port = int(secure.split(":")[1])
with PyLogBeatClient("localhost", port, ssl_enable=True, ssl_verify=True, ca_certs=authority) as client:
    client.send(events("secure", 2500))
