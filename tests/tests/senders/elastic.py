"""The official client: what it asks first, bulk requests by its helpers, single documents."""
import datetime
import sys

from elasticsearch import Elasticsearch, __version__, helpers

address, protected, index, key = sys.argv[1:5]
print(__version__[0])
# Versions before 8 call a document the body.
named = "body" if __version__[0] == 7 else "document"
now = datetime.datetime.now(datetime.timezone.utc)
client = Elasticsearch(address)
info = client.info()
assert info["tagline"] == "You Know, for Search", info
assert client.ping()


def documents(count):
    for n in range(count):
        yield {
            "_index": index,
            "_op_type": "create",
            "@timestamp": (now + datetime.timedelta(milliseconds=n)).isoformat(),
            "message": f"bulk {n} 처리",
            "log.level": "error" if n % 10 == 0 else "info",
            "service": {"name": "orders"},
            "http": {"response": {"status_code": 200 + n % 2}},
        }


done, errors = helpers.bulk(client, documents(1200), chunk_size=500)
assert (done, errors) == (1200, []), (done, errors)
done, errors = helpers.bulk(client, ({"_op_type": "delete", "_index": index, "_id": str(n)} for n in range(2)), raise_on_error=False)
assert done == 0 and [e["delete"]["status"] for e in errors] == [400, 400], (done, errors)
single = {"@timestamp": now.isoformat(), "message": "a single one", "severity": "warning"}
answer = client.index(index=index, **{named: single})
assert answer["result"] == "created", answer
assert client.indices.exists(index=index)
if __version__[0] == 7:
    keyed = Elasticsearch(protected, http_auth=("elastic", key))
else:
    keyed = Elasticsearch(protected, api_key=("id", key), http_compress=True)
answer = keyed.index(index=index, id="one", **{named: {"message": "with a key", "@timestamp": now.isoformat()}})
assert answer["_id"] == "one", answer
try:
    Elasticsearch(protected).index(index=index, **{named: {"message": "without"}})
except Exception as error:
    assert "401" in repr(error) or "Authentication" in repr(error), repr(error)
else:
    raise AssertionError("taken without a key")
