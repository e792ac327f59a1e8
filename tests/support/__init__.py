"""What several suites share: databases, ports, processes, waiting for facts."""
