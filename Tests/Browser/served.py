"""A running `vitvideo serve`, and commands of the same program to compare it with."""

import io
import json
import re
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import numpy as np

# A shell's background job ignores Ctrl-C and hands that on to what it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

class Served:
    """The server, started with its files; ended as Ctrl-C ends it."""

    def __init__(self, binary, arguments, directory):
        self.binary, self.directory = binary, directory
        self.process = subprocess.Popen(
            [binary, "serve", "--port", "0", *arguments], cwd=directory, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.address = re.search(r"http://\S+", line).group()
        parts = urllib.parse.urlsplit(self.address)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.token = urllib.parse.parse_qs(parts.query)["token"][0]

    def stop(self):
        """Ends it; gives its exit status."""
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(timeout=20)
        self.process.stdout.close()
        return status

    def page(self, **state):
        """The address that shows a state."""
        return f"{self.address}#{urllib.parse.urlencode(state)}"

    def ask(self, path, method="GET", body=None, headers=None, **items):
        """The bytes of an answer."""
        query = urllib.parse.urlencode(items)
        request = urllib.request.Request(
            f"{self.origin}/api/{path}?{query}", data=body, method=method,
            headers={"Authorization": f"Bearer {self.token}", **(headers or {})})
        with urllib.request.urlopen(request, timeout=120) as response:
            return response.read()

    def json(self, path, **items):
        return json.loads(self.ask(path, **items))

    def array(self, path, **items):
        return np.load(io.BytesIO(self.ask(path, **items)))

    def run(self, *arguments):
        """Runs a command of the program to its end."""
        subprocess.run([self.binary, *arguments], cwd=self.directory, check=True)

    def run_line(self, line):
        """Runs a copied command, as a shell does."""
        assert line.startswith("vitvideo ")
        subprocess.run(
            ["sh", "-c", '"$0" ' + line.removeprefix("vitvideo ") + " --overwrite", self.binary],
            cwd=self.directory, check=True)
