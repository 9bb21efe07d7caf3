"""Chain replication of one shard: replicas, master, clients, and the register that a chain must look like."""
