"""The policy's SQL condition on both databases (the hypothesis test beside the library runs on SQLite alone)."""

from domain.principal import Grant, Label, Principal
from knowledge.library import Library
from records.database import Database
from tests.knowledge.test_policy_filters import ENDS, check_library

THINGS = [
    (Label(level="public"), ""),
    (Label(level="restricted", tenant="锻造厂"), "drawings"),
    (Label(level="restricted", tenant="锻造厂", attributes=frozenset({"钢铁", '"'})), "drawings"),
    (Label(level="private", tenant="锻造厂", parties=frozenset({"anna", "%"})), "drawings"),
    (Label(level="private", tenant="纺织厂", parties=frozenset({"anna"})), "letters"),
]


def test_the_sql_condition_is_the_policy_on_every_database(database: Database) -> None:
    named = Grant(id="g", tenant="锻造厂", principal_id="boris", kind="object", target="d3", until=ENDS[1])
    role = Grant(id="h", tenant="锻造厂", role="expert", kind="collection", target="drawings", until=ENDS[1])
    principals = [
        Principal(id="anna", tenant="锻造厂"),
        Principal(id="boris", tenant="锻造厂", attributes=frozenset({"钢铁", '"', "夜班"})),
        Principal(id="boris", tenant="锻造厂", roles=frozenset({"expert"}), grants=(named, role)),
        Principal(id="anna", tenant="纺织厂"),
        Principal(id="", tenant=""),
    ]
    check_library(Library(database), THINGS, principals)
