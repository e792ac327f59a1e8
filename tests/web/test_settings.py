"""People, API keys and passwords on their pages, and the owner that a business always keeps."""

import re
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select, text

from payments_app import clock
from payments_app.domain.access import Role, User
from payments_app.services import access, api_keys, people
from tests.support.waiting import wait_until
from tests.web.browser import PASSWORD, Browser, words

VERA = {"name": "Vera", "email": "Vera@example.com", "role": "viewer", "password": PASSWORD}
OTHER = "another long password"


def test_an_owner_lets_somebody_in_and_changes_what_she_may_do(app, owner, sessions):
    answer = owner.submit("/settings/users", VERA)
    assert "Vera can sign in as vera@example.com" in words(owner.get(answer.headers["Location"]))
    vera = Browser(app)
    signed_in = vera.submit("/login", {"email": "vera@example.com", "password": PASSWORD})
    assert signed_in.headers["Location"] == "/"
    assert vera.get("/settings/users").status_code == 403

    owner.submit(f"/settings/users/{id_of(sessions, 'vera')}/role", {"role": "owner"})

    assert vera.get("/settings/users").status_code == 200


def test_mistakes_in_a_new_account_are_shown_beside_their_fields(owner):
    for wrong in ({"role": "queen"}, {"email": "vera"}, {"password": "short"}, {"name": " "}):
        answer = owner.submit("/settings/users", VERA | wrong)

        assert answer.status_code == 422
        assert 'aria-invalid="true"' in answer.text
        assert PASSWORD not in answer.text


def test_who_is_disabled_is_out_at_once_and_can_be_let_in_again(browser_of, sessions):
    owner, staff = browser_of(Role.OWNER), browser_of(Role.STAFF)
    page = f"/settings/users/{id_of(sessions, 'staff')}"

    owner.submit(f"{page}/disable")

    assert staff.get("/").status_code == 303
    assert "Disabled" in words(owner.get(page))
    owner.submit(f"{page}/enable")
    assert staff.get("/").status_code == 303  # The old session has ended for good.
    assert staff.submit("/login", _sign_in("staff")).headers["Location"] == "/"


def test_the_last_owner_stays_one(owner, sessions):
    page = f"/settings/users/{id_of(sessions, 'owner')}"

    for verb, fields in (("role", {"role": "viewer"}), ("disable", {})):
        answer = owner.submit(f"{page}/{verb}", fields)

        assert answer.status_code == 409
        assert "This is the last owner" in words(answer)


def test_two_owners_who_remove_each_other_leave_one(browser_of, sessions):
    browser_of(Role.OWNER)
    with sessions.begin() as session:
        people.change_role(session, _add(session, "second"), Role.OWNER)
    first, second = id_of(sessions, "owner"), id_of(sessions, "second")

    def remove(user_id: str) -> bool:
        try:
            with sessions.begin() as session:
                people.disable(session, people.find(session, user_id), now=clock.now(session))
        except people.LastOwner:
            return False
        return True

    with ThreadPoolExecutor(1) as other, sessions.begin() as session:
        people.disable(session, people.find(session, first), now=clock.now(session))
        late = other.submit(remove, second)
        wait_until(lambda: _waits_for_a_lock(sessions), what="the second removal waits")
        session.commit()

    assert late.result() is False


def test_a_new_password_by_an_owner_ends_every_session(browser_of, sessions):
    owner, staff = browser_of(Role.OWNER), browser_of(Role.STAFF)

    page = f"/settings/users/{id_of(sessions, 'staff')}"
    assert owner.submit(f"{page}/password", {"password": "short"}).status_code == 422
    owner.submit(f"{page}/password", {"password": OTHER})

    assert staff.get("/").status_code == 303
    assert staff.submit("/login", _sign_in("staff", OTHER)).headers["Location"] == "/"


def test_a_person_changes_the_own_password_and_stays_signed_in_here_only(app, owner):
    elsewhere = Browser(app)
    elsewhere.submit("/login", _sign_in("owner"))
    assert elsewhere.get("/").status_code == 200

    wrong = owner.submit("/settings/password", {"current": "not it", "password": OTHER})
    assert wrong.status_code == 422
    assert "This is not your password" in words(wrong)
    owner.submit("/settings/password", {"current": PASSWORD, "password": OTHER})

    assert "Your password is changed" in words(owner.get("/"))
    assert elsewhere.get("/").status_code == 303
    assert Browser(app).submit("/login", _sign_in("owner", OTHER)).status_code == 303


def test_a_key_is_shown_once_works_and_ends_when_it_is_revoked(app, owner, sessions):
    made = owner.submit("/settings/api-keys", {"name": "Shop"})
    found = re.search(r"co_[0-9a-f]{64}", made.text)
    assert found
    key = found[0]
    assert key not in owner.get("/settings/api-keys").text
    headers = {"Authorization": f"Bearer {key}"}
    assert app.test_client().get("/api/v1/customers", headers=headers).status_code == 200

    with sessions() as session:
        key_id = api_keys.find(session, key[:11]).id
    owner.submit(f"/settings/api-keys/{key_id}/revoke")

    assert app.test_client().get("/api/v1/customers", headers=headers).status_code == 401
    assert "Revoked" in words(owner.get("/settings/api-keys"))


def test_settings_are_offered_to_owners_and_the_password_to_everybody(browser_of):
    owner, viewer = words(browser_of(Role.OWNER).get("/")), words(browser_of(Role.VIEWER).get("/"))

    assert "People API keys Change password" in owner
    assert "API keys" not in viewer
    assert "Change password" in viewer


def id_of(sessions, name: str) -> str:
    with sessions() as session:
        found = session.scalar(select(User.id).where(User.email == f"{name}@example.com"))
        assert found is not None
        return found


def _add(session, name: str) -> User:
    return access.create_user(
        session, email=f"{name}@example.com", name=name, password=PASSWORD, role=Role.STAFF
    )


def _sign_in(name: str, password: str = PASSWORD) -> dict[str, str]:
    return {"email": f"{name}@example.com", "password": password}


def _waits_for_a_lock(sessions) -> bool:
    query = text(
        "SELECT EXISTS (SELECT FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock')"
    )
    with sessions() as session:
        return bool(session.scalar(query))
