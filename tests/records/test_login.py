"""Passwords, lockout, sessions and keys: what proves somebody, and when it no longer does."""

import threading
import timeit
import unicodedata
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from domain.errors import Conflict, NotAllowed, NotAuthenticated, NotFound, PlatformError, UserInputError
from domain.principal import Principal
from records.account_tables import AccountRow, ApiKeyRow, AttemptRow, SessionRow
from records.accounts import NewAccount
from records.login import Backoff, LoginDesk
from records.passwords import PasswordCost, PasswordRules, Passwords, initial_password, password_rules
from records.sessions import SessionPolicy
from records.speakers import REMEMBERED_S, Speakers
from records.tokens import csrf_token, new_session_token

from .accounts_desk import CHEAP, GOOD, ROOT, Desk

COMMON = [
    "short",
    "aaaaaaaaaaaaaaa",
    "password123456!",
    "Admin@2026admin",
    "annaannaanna1!",
    "1qaz2wsx3edc4rfv",
    "Ｐａｓｓｗｏｒｄ１２３４５",
]
COMMON += ["x" * 257]
NO_TOKENS = ["", "szs_", "szk_", "szk_x.y", "szs_" + "x" * 200, "szs_\x00", "szs_\ud800", "Bearer x", "szk_" * 20]
NO_TOKENS += ["szk_\ud800.x", "szk_\x00.x", "szk_é.x"]


def answer(attempt: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(NotAuthenticated) as caught:
        attempt()
    return caught.value.message, caught.value.detail[0].cure


class TestPasswords:
    @pytest.mark.parametrize("password", COMMON)
    def test_what_everybody_tries_first_is_refused(self, password: str) -> None:
        with pytest.raises(UserInputError) as caught:
            password_rules().check(password, "anna")
        assert password not in str(caught.value.problem())

    @pytest.mark.parametrize("password", [GOOD, "correct horse battery staple", "七月的河水漫过旧石桥边的柳树"])
    def test_length_is_enough(self, password: str) -> None:
        password_rules().check(password, "anna")

    def test_initial_passwords_obey_the_rules_and_differ(self) -> None:
        made = {initial_password() for _ in range(200)}
        assert len(made) == 200
        for each in made:
            password_rules().check(each, "anna")

    def test_a_hash_is_argon2id_with_its_own_salt(self) -> None:
        passwords = Passwords(CHEAP)
        one, other = passwords.hash(GOOD), passwords.hash(GOOD)
        assert one != other
        assert one.startswith("$argon2id$")
        assert passwords.matches(one, GOOD)
        assert passwords.matches(other, GOOD)

    @given(st.text(max_size=40), st.text(max_size=40))
    def test_only_the_password_matches(self, one: str, other: str) -> None:
        passwords = SHARED
        same = unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)
        assert passwords.matches(passwords.hash(one), other) is (same and bool(other))

    def test_without_a_hash_the_work_is_the_same_and_the_answer_is_no(self) -> None:
        passwords = Passwords(PasswordCost(passes=2, memory_kib=4096))
        stored = passwords.hash(GOOD)
        known = min(timeit.repeat(lambda: passwords.matches(stored, "wrong"), number=3, repeat=5))
        unknown = min(timeit.repeat(lambda: passwords.matches(None, "wrong"), number=3, repeat=5))
        damaged = min(timeit.repeat(lambda: passwords.matches("no hash", "wrong"), number=3, repeat=5))
        assert 0.5 < unknown / known < 2
        assert 0.5 < damaged / known < 2
        assert not passwords.matches(None, GOOD)
        assert not passwords.matches("", GOOD)
        assert not passwords.matches("no hash", GOOD)

    def test_ten_megabytes_are_not_hashed(self) -> None:
        huge = "x" * 10_000_000
        assert not SHARED.matches(SHARED.hash("x"), huge)
        with pytest.raises(UserInputError, match="太长"):
            password_rules().check(huge, "anna")

    def test_only_so_many_hashes_at_once(self) -> None:
        passwords = Passwords(PasswordCost(passes=20, memory_kib=16 * 1024, at_once=1, wait_s=0.001))
        results: list[str] = []

        def work() -> None:
            try:
                passwords.hash(GOOD)
            except PlatformError as error:
                results.append(error.message)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert "同时登录的人太多" in results


SHARED = Passwords(CHEAP, PasswordRules(shortest=1, longest=256, initial_days=7, fewest_different=1, own_characters=0, denied=()))


class TestLogin:
    def test_a_hash_of_old_parameters_is_made_anew(self, desk: Desk) -> None:
        anna, _ = desk.hire("anna", "staff")
        stronger = Passwords(PasswordCost(passes=2, memory_kib=128))
        LoginDesk(desk.database, stronger, desk.sessions, desk.audit, now=desk.now).log_in("锻造厂", "anna", GOOD)
        with desk.database.session() as session:
            stored = session.scalars(select(AccountRow.password_hash).where(AccountRow.id == anna.id)).one()
        assert "m=128,t=2" in str(stored)
        assert desk.token("anna")

    def test_nobody_learns_whether_there_is_such_an_account(self, desk: Desk) -> None:
        boris, _ = desk.hire("boris", "staff")
        desk.hire("anna", "staff")
        desk.accounts.set_state(boris.id, "disabled", ROOT)
        wrong = answer(lambda: desk.login.log_in("锻造厂", "anna", "wrong"))
        for tenant, name, password in [("锻造厂", "eve", GOOD), ("纺织厂", "anna", GOOD), ("锻造厂", "boris", GOOD), ("", "anna", GOOD)]:
            assert answer(lambda tenant=tenant, name=name, password=password: desk.login.log_in(tenant, name, password)) == wrong
        assert answer(lambda: desk.login.log_in("锻造厂", "a\x00\ud800" * 1000, "x" * 10_000_000)) == wrong

    def test_failures_lock_known_and_unknown_names_alike(self, desk: Desk) -> None:
        desk.hire("anna", "staff")
        for name in ("anna", "nobody"):
            for _ in range(5):
                assert answer(lambda name=name: desk.login.log_in("锻造厂", name, "wrong"))[0].startswith("账号、密码")
        known, unknown = (answer(lambda name=name: desk.login.log_in("锻造厂", name, GOOD)) for name in ("ＡＮＮＡ", "nobody"))
        assert known == unknown == ("失败次数太多，暂时不能登录", "30 秒后再试")

    def test_the_wait_doubles_up_to_a_limit_and_ends(self, desk: Desk) -> None:
        desk.hire("anna", "staff")
        waits: list[str] = []
        for _ in range(11):
            while True:
                message, cure = answer(lambda: desk.login.log_in("锻造厂", "anna", "wrong"))
                if message.startswith("失败次数"):
                    waits.append(cure)
                    desk.wait(seconds=int(cure.split()[0]))
                    break
        assert waits[:6] == [f"{seconds} 秒后再试" for seconds in (30, 60, 120, 240, 480, 900)]
        assert waits[-1] == "900 秒后再试"
        assert desk.token("anna")
        with desk.database.session() as session:
            assert session.scalars(select(AttemptRow)).all() == []

    @given(failures=st.integers(0, 10_000))
    def test_more_failures_never_wait_less(self, failures: int) -> None:
        backoff = Backoff()
        assert backoff.wait(failures) <= backoff.wait(failures + 1) <= backoff.longest_s

    def test_guesses_at_the_same_time_are_counted_each(self, desk: Desk) -> None:
        desk.hire("anna", "staff")
        answers: list[str] = []

        def guess() -> None:
            try:
                desk.login.log_in("锻造厂", "anna", "wrong")
            except PlatformError as error:
                answers.append(error.message)

        threads = [threading.Thread(target=guess) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(message.startswith("账号、密码") for message in answers) == 5
        assert len(answers) == 12

    def test_a_password_that_is_reset_while_it_is_checked_opens_nothing(self, desk: Desk) -> None:
        account, _ = desk.hire("anna", "staff")
        desk.wait(seconds=1)
        desk.accounts.set_attributes(account.id, ["钢铁"], ROOT)
        answer(lambda: desk.sessions.start(account.id, account.tenant, "http", as_of=account.changed_at))
        assert desk.token("anna")

    def test_an_initial_password_that_nobody_used_is_none(self, desk: Desk) -> None:
        account, initial = desk.accounts.create(NewAccount(name="anna"), ROOT)
        desk.wait(days=7)
        answer(lambda: desk.login.log_in("锻造厂", "anna", initial))
        assert desk.login.log_in("锻造厂", "anna", desk.accounts.reset_password(account.id, ROOT)).must_change

    def test_an_old_failure_is_forgotten(self, desk: Desk) -> None:
        desk.hire("anna", "staff")
        for _ in range(4):
            answer(lambda: desk.login.log_in("锻造厂", "anna", "wrong"))
        desk.wait(hours=25)
        answer(lambda: desk.login.log_in("锻造厂", "anna", "wrong"))
        assert desk.token("anna")

    def test_what_was_typed_is_not_kept(self, desk: Desk) -> None:
        answer(lambda: desk.login.log_in("锻造厂", GOOD, GOOD))
        with desk.database.session() as session:
            assert GOOD not in repr([row.key for row in session.scalars(select(AttemptRow))])
        assert GOOD not in repr(desk.deeds)

    def test_changing_a_password_ends_every_session_and_needs_the_old_one(self, desk: Desk) -> None:
        _, anna = desk.hire("anna", "staff")
        before = desk.token("anna")
        answer(lambda: desk.login.change_password(anna, "wrong", "another 好的 passphrase"))
        with pytest.raises(UserInputError):
            desk.login.change_password(anna, GOOD, "password1234")
        with pytest.raises(Conflict):
            desk.login.change_password(anna, GOOD, GOOD)
        after = desk.login.change_password(anna, GOOD, "another 好的 passphrase").token
        answer(lambda: desk.speakers.identify(before))
        assert desk.speakers.identify(after).principal.id == anna.id
        answer(lambda: desk.token("anna"))

    def test_guessing_the_old_password_is_guessing(self, desk: Desk) -> None:
        _, anna = desk.hire("anna", "staff")
        for _ in range(5):
            answer(lambda: desk.login.change_password(anna, "wrong", "another 好的 passphrase"))
        assert answer(lambda: desk.login.change_password(anna, GOOD, "another 好的 passphrase"))[0].startswith("失败次数")


class TestSessions:
    def test_a_token_is_stored_nowhere(self, desk: Desk) -> None:
        desk.hire("anna", "staff")
        token = desk.token("anna")
        with desk.database.session() as session:
            rows = [vars(row) for row in session.scalars(select(SessionRow))]
        assert token not in repr(rows)
        assert token not in repr(desk.deeds)
        assert csrf_token(token) not in repr(rows)

    @pytest.mark.parametrize("span", [{"minutes": 30}, {"hours": 12}], ids=["idle", "age"])
    def test_a_session_ends_by_itself(self, desk: Desk, span: dict[str, float]) -> None:
        desk.hire("anna", "staff")
        token = desk.token("anna")
        desk.wait(**span)
        answer(lambda: desk.speakers.identify(token))

    def test_use_keeps_a_session_until_it_is_too_old(self, desk: Desk) -> None:
        desk.hire("anna", "staff")
        token = desk.token("anna")
        for _ in range(12 * 3 - 1):
            desk.wait(minutes=20)
            desk.speakers.identify(token)
        desk.wait(minutes=20)
        answer(lambda: desk.speakers.identify(token))

    def test_logging_in_again_ends_the_session_that_was_there(self, desk: Desk) -> None:
        desk.hire("anna", "staff")
        first = desk.token("anna")
        desk.login.log_in("锻造厂", "anna", GOOD, replacing=first)
        answer(lambda: desk.speakers.identify(first))

    def test_somebody_elses_session_does_not_exist(self, desk: Desk) -> None:
        _, anna = desk.hire("anna", "staff")
        _, boris = desk.hire("boris", "staff")
        desk.token("anna")
        [mine, *_] = desk.sessions.list_sessions(anna)
        for stranger in (boris, anna.model_copy(update={"tenant": "纺织厂"}), ROOT):
            with pytest.raises(NotFound):
                desk.sessions.end(mine.id, stranger)
        desk.sessions.end(mine.id, anna)
        with pytest.raises(NotFound):
            desk.sessions.end(mine.id, anna)

    def test_ending_all_leaves_the_one_in_use(self, desk: Desk) -> None:
        _, anna = desk.hire("anna", "staff")
        one, other = desk.token("anna"), desk.token("anna")
        desk.sessions.end_own(anna, but=desk.speakers.identify(one).credential_id)
        assert desk.speakers.identify(one).principal.id == anna.id
        answer(lambda: desk.speakers.identify(other))

    def test_a_security_administrator_ends_everything_of_an_account(self, desk: Desk) -> None:
        account, anna = desk.hire("anna", "staff")
        token, key = desk.token("anna"), desk.keys.create(anna, "ci", ["staff"])[1]
        desk.sessions.end_all(account.id, Principal(id="guard", tenant="锻造厂", roles=frozenset({"security_admin"})))
        answer(lambda: desk.speakers.identify(token))
        answer(lambda: desk.speakers.identify(key))

    @pytest.mark.parametrize("given", NO_TOKENS)
    def test_what_is_no_token_is_nobody(self, desk: Desk, given: str) -> None:
        answer(lambda: desk.speakers.identify(given))

    def test_another_process_sees_a_revocation_within_seconds(self, desk: Desk) -> None:
        _, anna = desk.hire("anna", "staff")
        elsewhere = Speakers(desk.database, SessionPolicy(), now=desk.now, clock=lambda: desk.seconds)
        token = desk.token("anna")
        elsewhere.identify(token)
        desk.sessions.end_own(anna)
        answer(lambda: desk.speakers.identify(token))
        elsewhere.identify(token)
        desk.wait(seconds=REMEMBERED_S)
        answer(lambda: elsewhere.identify(token))

    def test_what_was_being_looked_up_during_a_revocation_is_not_remembered_after_it(self, desk: Desk) -> None:
        _, anna = desk.hire("anna", "staff")
        for _ in range(15):
            token, stop = desk.token("anna"), threading.Event()

            def look(token: str = token, stop: threading.Event = stop) -> None:
                while not stop.is_set():
                    try:
                        desk.speakers.forget()
                        desk.speakers.identify(token)
                    except PlatformError:
                        pass

            threads = [threading.Thread(target=look) for _ in range(3)]
            for thread in threads:
                thread.start()
            desk.sessions.end_own(anna)
            answer(lambda token=token: desk.speakers.identify(token))
            stop.set()
            for thread in threads:
                thread.join()
            answer(lambda token=token: desk.speakers.identify(token))

    def test_identifying_takes_less_than_a_millisecond(self, desk: Desk) -> None:
        _, anna = desk.hire("anna", "staff")
        key = desk.keys.create(anna, "ci", ["staff"])[1]
        for credential in (desk.token("anna"), key):
            desk.speakers.identify(credential)
            remembered = min(timeit.repeat(lambda credential=credential: desk.speakers.identify(credential), number=100, repeat=5)) / 100
            assert remembered < 1e-3


class TestKeys:
    def test_a_key_speaks_for_its_owner_with_fewer_roles(self, desk: Desk) -> None:
        _, anna = desk.hire("anna", "staff", "expert")
        key, secret = desk.keys.create(anna, "ci", ["staff"])
        speaker = desk.speakers.identify(secret)
        assert (speaker.principal.id, speaker.principal.roles, speaker.via) == (anna.id, {"staff"}, "key")
        with desk.database.session() as session:
            assert secret.partition(".")[2] not in repr([vars(row) for row in session.scalars(select(ApiKeyRow))])
        assert secret.startswith(key.prefix)
        assert secret not in repr(desk.deeds)

    def test_a_key_cannot_do_more_than_its_owner_or_its_maker(self, desk: Desk) -> None:
        _, anna = desk.hire("anna", "staff", "expert")
        narrowed = anna.model_copy(update={"roles": frozenset({"staff"})})
        _, chief = desk.hire("chief", "system_admin")
        for who, scopes in ((anna, ["operator"]), (narrowed, ["expert"]), (chief, ["system_admin"]), (anna, ["staff", "audit_admin"])):
            with pytest.raises(NotAllowed):
                desk.keys.create(who, "ci", scopes)
        for name, scopes, days in (("ci", [], 9), ("", ["staff"], 9), ("ci", ["staff"], 0), ("ci", ["staff"], 400), ("ci", ["root"], 9)):
            with pytest.raises(UserInputError):
                desk.keys.create(anna, name, scopes, days)

    def test_a_role_that_is_taken_leaves_the_key_too(self, desk: Desk) -> None:
        account, anna = desk.hire("anna", "staff", "expert")
        secret = desk.keys.create(anna, "ci", ["expert"])[1]
        desk.accounts.set_roles(account.id, ["staff"], ROOT)
        assert desk.speakers.identify(secret).principal.roles == frozenset()

    def test_a_key_ends(self, desk: Desk) -> None:
        account, anna = desk.hire("anna", "staff")
        (one, first), (_, second) = desk.keys.create(anna, "a", ["staff"], 1), desk.keys.create(anna, "b", ["staff"], 30)
        _, boris = desk.hire("boris", "staff")
        with pytest.raises(NotFound):
            desk.keys.revoke(one.id, boris)
        desk.keys.revoke(one.id, anna)
        desk.keys.revoke(one.id, anna)
        answer(lambda: desk.speakers.identify(first))
        answer(lambda: desk.speakers.identify(second[:-1] + ("A" if second[-1] != "A" else "B")))
        assert desk.speakers.identify(second)
        desk.accounts.set_state(account.id, "disabled", ROOT)
        answer(lambda: desk.speakers.identify(second))
        desk.accounts.set_state(account.id, "active", ROOT)
        assert desk.speakers.identify(second)
        desk.at += timedelta(days=30)
        answer(lambda: desk.speakers.identify(second))
        assert [known.used_at is not None for known in desk.keys.list_keys(anna) if known.name == "b"] == [True]

    def test_a_person_has_only_so_many_keys(self, desk: Desk) -> None:
        _, anna = desk.hire("anna", "staff")
        for _ in range(20):
            desk.keys.create(anna, "ci", ["staff"])
        with pytest.raises(Conflict):
            desk.keys.create(anna, "ci", ["staff"])


def test_tokens_differ() -> None:
    made = {new_session_token() for _ in range(1000)}
    assert len(made) == 1000
    assert len({csrf_token(token) for token in made}) == 1000
