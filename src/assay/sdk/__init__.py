"""Decide in process: the Python SDK, with nothing but the standard library.

from assay.sdk import Client

client = Client("http://127.0.0.1:8000", cache="assay-snapshot.json")
client.wait_until_ready()
if client.variant("checkout", "user-1", {"country": "US"}) == "green": ...
client.track("user-1", "buy", {"revenue": 12.5})
"""

from assay.model.decision import Decision, Reason
from assay.sdk.client import Client
from assay.sdk.transport import Answer, Transport, UrllibTransport

__all__ = ["Answer", "Client", "Decision", "Reason", "Transport", "UrllibTransport"]
