"""Floor 3: what happened — conversations, runs and their event logs, approvals, feedback. One database, one migration history."""
