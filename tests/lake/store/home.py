"""A home whose lake lies in a bucket. Its `lake` is the bucket's content at that moment, copied out into a folder, so that
every check of a folder is a check of the bucket."""

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pyarrow import fs

from program import Home
from store.server import KIND

BUCKET = "lakes"
LEASE = "_ticketlake/lease.json"
NUMBERS = itertools.count(1)
FETCHING = ThreadPoolExecutor(16)


@dataclass
class BucketHome(Home):
    """`server` is the store itself; `address`, if given, where the program believes it to be."""

    server: str = ""
    address: str = ""

    def __post_init__(self):
        self.prefix = f"help-desk/lake-{next(NUMBERS)}"  # a server may outlive a test
        self.inside = f"{BUCKET}/{self.prefix}"
        self.store = KIND.client(self.server)
        self.store.create_dir(BUCKET)
        self.settings = KIND.told(self.address or self.server)

    @property
    def place(self):
        return f"{KIND.scheme}://{self.inside}"

    @property
    def environment(self):
        return self.settings

    @property
    def lake(self):
        copy = self.folder / "copy"
        keys = self.keys()
        held = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
        for key in held.difference(keys):
            (copy / key).unlink()
        for key, content in zip(keys, FETCHING.map(self.read, keys)):
            kept = copy / key
            # As in a folder, what is as it was is the same file, and what is new another one.
            if not kept.is_file() or kept.read_bytes() != content:
                kept.parent.mkdir(parents=True, exist_ok=True)
                fresh = kept.with_name(f"{kept.name}.fresh")
                fresh.write_bytes(content)
                fresh.replace(kept)
        return copy

    def empty(self):
        self.store.delete_dir_contents(self.inside)

    def expire(self):
        """Makes the lease, if it is held, one whose holder has not renewed it for its term."""
        lease = json.loads(self.read(LEASE)) if LEASE in self.keys("_ticketlake") else {"released": True}
        if not lease["released"]:
            self.put(LEASE, json.dumps({**lease, "seconds": -60}).encode())

    def keys(self, under=""):
        """Keys below the lake, sorted."""
        selector = fs.FileSelector(f"{self.inside}/{under}".rstrip("/"), recursive=True, allow_not_found=True)
        found = [info.path for info in self.store.get_file_info(selector) if info.type == fs.FileType.File]
        return sorted(path.removeprefix(f"{self.inside}/") for path in found)

    def read(self, key):
        with self.store.open_input_stream(f"{self.inside}/{key}") as stream:
            return stream.read()

    def put(self, key, content):
        with self.store.open_output_stream(f"{self.inside}/{key}") as stream:
            stream.write(content)
