"""The database's history, applied by `Database.upgrade`; there is no alembic.ini."""
