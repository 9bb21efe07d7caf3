"""The GCS of Ray 2: server and storage, membership of nodes, polled news, resource sync."""
