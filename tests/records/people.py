"""Who appears in these tests."""

from domain.principal import Principal

ANNA = Principal(id="anna", tenant="锻造厂", roles=frozenset({"staff"}))
BORIS = Principal(id="boris", tenant="锻造厂", roles=frozenset({"staff"}))
CHIEF = Principal(id="chief", tenant="锻造厂", roles=frozenset({"operator"}))
DEPUTY = Principal(id="deputy", tenant="锻造厂", roles=frozenset({"operator"}))
AUDITOR = Principal(id="auditor", tenant="锻造厂", roles=frozenset({"audit_admin"}))
NAMESAKE = Principal(id="anna", tenant="纺织厂", roles=frozenset({"operator"}))
"""Same id as ANNA, another tenant."""
NOBODY = Principal(id="", tenant="", roles=frozenset({"operator"}))
SYSTEM_AUDITOR = Principal(id="auditor", tenant="", roles=frozenset({"audit_admin"}))
