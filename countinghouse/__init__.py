"""Countinghouse: a batch data warehouse whose correctness claims are executable."""

import os

# Read when gRPC is imported. Its fork handlers stop the threads that serve its connections, and a
# fork may then wait for them, or they for it; nothing here uses a connection on both sides of one.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
