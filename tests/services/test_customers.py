"""Customers: what is wrong is named by its field, and nothing is half written."""

import pytest
from sqlalchemy import func, select

from payments_app.domain.customer import Customer
from payments_app.domain.errors import Invalid, NotFound, VersionConflict
from payments_app.services import customers
from tests.support.business import NOW, a_customer


def test_a_customer_is_kept_as_it_was_written(session):
    made = customers.create(
        session,
        name="  <script>alert(1)</script> شركة 🎉 ",
        email="Ada@Example.com",
        address="1 Road\nTown",
        tax_id="GB 1",
        notes="likes tea",
    )
    session.expire_all()

    kept = customers.get(session, made.id)

    assert kept.id.startswith("cus_")
    assert kept.name == "<script>alert(1)</script> شركة 🎉"
    assert (kept.email, kept.address) == ("Ada@Example.com", "1 Road\nTown")
    assert (kept.tax_id, kept.notes) == ("GB 1", "likes tea")


@pytest.mark.parametrize(
    "name", ["", "   ", "x" * 201, "a\nb", "a\r\nBcc: x", "a\tb", "a\u2028b", "\x00"]
)
def test_a_name_is_one_line_of_1_to_200_characters(session, name):
    with pytest.raises(Invalid) as refused:
        customers.create(session, name=name, email="ada@example.com")

    assert refused.value.field == "name"


def test_names_may_be_200_characters_long(session):
    assert customers.create(session, name="x" * 200, email="a@b.co").name == "x" * 200


@pytest.mark.parametrize(
    "email",
    ["", "ada", "ada@", "@b.co", "a b@c.de", "a@b", "a@b.co\nBcc: x@y.zz", "A <a@b.co>", "ü@b.co",
     "a@b.co,c@d.ef", "a" * 65 + "@b.co", "a@" + "b" * 260 + ".co"],
)  # fmt: skip
def test_what_is_no_address_is_refused(session, email):
    with pytest.raises(Invalid) as refused:
        customers.create(session, name="Ada", email=email)

    assert refused.value.field == "email"


@pytest.mark.parametrize(
    ("field", "value"),
    [("address", "x" * 501), ("notes", "x" * 501), ("tax_id", "x" * 51), ("tax_id", "1\n2")],
)
def test_every_other_field_is_bounded_too(session, field, value):
    with pytest.raises(Invalid) as refused:
        customers.create(session, name="Ada", email="ada@example.com", **{field: value})

    assert refused.value.field == field


def test_a_refused_customer_leaves_nothing(session):
    with pytest.raises(Invalid):
        customers.create(session, name="Ada", email="none")

    assert session.scalar(select(func.count()).select_from(Customer)) == 0


def test_a_change_writes_what_is_given_and_leaves_the_rest(session):
    made = a_customer(session, name="Ada Ltd")

    customers.change(session, made.id, name="Ada plc", notes="new")

    assert (made.name, made.notes, made.email) == ("Ada plc", "new", "ada@example.com")
    assert made.version == 2


def test_a_refused_change_changes_nothing(session):
    made = a_customer(session, name="Ada Ltd")

    with pytest.raises(Invalid):
        customers.change(session, made.id, name="New name", email="none")

    assert (made.name, made.version) == ("Ada Ltd", 1)


def test_a_change_of_what_somebody_else_has_changed_is_refused(session):
    made = a_customer(session)
    customers.change(session, made.id, expected_version=1, name="First")

    with pytest.raises(VersionConflict):
        customers.change(session, made.id, expected_version=1, name="Second")

    assert made.name == "First"


def test_archiving_twice_keeps_the_first_time(session):
    made = a_customer(session)

    customers.archive(session, made.id, now=NOW)
    customers.archive(session, made.id, now=NOW.replace(year=2030))

    assert made.archived_at == NOW


@pytest.mark.parametrize(
    "verb",
    [
        lambda session: customers.get(session, "cus_none"),
        lambda session: customers.change(session, "cus_none", name="x"),
        lambda session: customers.archive(session, "cus_none", now=NOW),
        lambda session: customers.lock_active(session, "cus_none"),
    ],
)
def test_an_unknown_customer_is_not_found(session, verb):
    with pytest.raises(NotFound, match="cus_none"):
        verb(session)
