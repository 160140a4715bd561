"""A proxy before the sandbox that gives every ticket the id of another: ids in random order over the days.

A process of its own, so that the driver stays small (see `measure.Measured.peak`). Argument: the sandbox's address.
"""

import http.client
import random
import re
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# A ticket begins with its id, in a list of the API as in the sandbox's own one.
FIRST = re.compile(rb'\{"id":(\d+)')
LISTED = re.compile(rb'(?<=[\[,])\{"id":(\d+)')

address = sys.argv[1]
with urllib.request.urlopen(address + "/__truth/kf5") as lines:
    ids = [FIRST.match(line)[1] for line in lines]
others = dict(zip(ids, random.Random(1).sample(ids, len(ids))))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.sandbox = http.client.HTTPConnection(address.removeprefix("http://"))

    def finish(self):
        self.sandbox.close()
        super().finish()

    def do_GET(self):
        self.sandbox.request("GET", self.path, headers=dict(self.headers))
        answer = self.sandbox.getresponse()
        body = LISTED.sub(lambda found: b'{"id":' + others.get(found[1], found[1]), answer.read())
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"listening http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
