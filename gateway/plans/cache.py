"""Documents that were found valid, with their plans: the ones that were asked for last.

Bounded by count and by bytes, so that a stream of documents that nobody sends twice can't grow it.
"""

from collections import OrderedDict

from gateway.plans.compile import Prepared

MAX_DOCUMENTS = 500
MAX_BYTES = 32 * 1024 * 1024


class DocumentCache:
    """By their texts, or whatever else tells them apart for sure."""

    def __init__(self, *, max_documents: int = MAX_DOCUMENTS, max_bytes: int = MAX_BYTES) -> None:
        self._max_documents = max_documents
        self._max_bytes = max_bytes
        self._known: OrderedDict[str, Prepared] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: str) -> Prepared | None:
        """A document, if it is known still."""
        found = self._known.get(key)
        if found is not None:
            self._known.move_to_end(key)
            # Plans grow as they run.
            self._weigh(key, found)
        return found

    def put(self, key: str, document: Prepared) -> Prepared:
        """Keep a document, unless it is too large by itself; the same document."""
        self._known[key] = document
        self._known.move_to_end(key)
        self._weigh(key, document)
        return document

    def _weigh(self, key: str, document: Prepared) -> None:
        size = len(key) + document.bytes
        self.bytes += size - self._sizes.get(key, 0)
        self._sizes[key] = size
        while self.bytes > self._max_bytes or len(self._known) > self._max_documents:
            oldest, _ = self._known.popitem(last=False)
            self.bytes -= self._sizes.pop(oldest)
