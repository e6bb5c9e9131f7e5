"""Counters for `/metrics`: runs, latency, refusals, fall-backs, ingestion. No content, no user ids."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

BUCKETS = (0.02, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2, 5, 10, 30, 60)


class Metrics:
    """One registry per platform, so that several can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.open_runs = Gauge("shuzhi_runs_open", "Runs in progress", registry=self.registry)
        self.runs = Counter("shuzhi_runs_total", "Runs by how they ended", ["status"], registry=self.registry)
        self.seconds = Histogram("shuzhi_run_seconds", "Seconds from question to answer", buckets=BUCKETS, registry=self.registry)
        self.documents = Counter("shuzhi_documents_total", "Ingested documents by outcome", ["outcome"], registry=self.registry)

    def ended(self, status: str, seconds: float) -> None:
        """Count one run by how it ended (or that it waits) and how long it was worked on."""
        self.open_runs.dec()
        self.runs.labels(status).inc()
        self.seconds.observe(seconds)

    def render(self) -> bytes:
        return generate_latest(self.registry)
