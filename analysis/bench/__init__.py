"""FLOPs, latency, memory; speed against peers."""
