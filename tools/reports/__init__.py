"""Reports from structured records: write_report."""
