"""Assessments as data: list_assessments, score_assessment, propose_ratings."""
