"""A strict rate limit: never more than `requests` in any sliding window of `seconds`."""

import threading
import time
from collections import deque


class Budget:
    """Keeps the times of what it let through and of what it refused, for the checks to look at."""

    def __init__(self, requests, seconds):
        self.requests, self.seconds = requests, seconds
        self.accepted, self.refused = [], []
        self._window = deque()
        self._lock = threading.Lock()

    def refuse_for(self):
        """None where the request is within the limit, else the seconds until there is room again."""
        with self._lock:
            now = time.monotonic()
            while self._window and self._window[0] <= now - self.seconds:
                self._window.popleft()
            if len(self._window) >= self.requests:
                self.refused.append(now)
                return self._window[0] + self.seconds - now
            self._window.append(now)
            self.accepted.append(now)
            return None
