"""Every invariant can fail: a violation is planted behind the guards' backs, and the audit sees it.

An audit that cannot fail proves nothing. ``session_replication_role = replica`` switches the
triggers off, as a restored backup or a careless superuser would.
"""

from collections.abc import Callable

import pytest
from sqlalchemy import text

from payments_app import audit as invariants
from payments_app import clock
from payments_app.audit import books, rows
from payments_app.audit.journal import parse
from payments_app.cli.audit import look
from payments_app.domain.payment import PaymentStatus
from tests.support.ports import free_port

I6_SQL = (rows.SQL_FOLDER / "i06_moves.sql").read_text()


@pytest.fixture
def audited(sessions, simulator) -> Callable[[], dict]:
    def run() -> dict:
        findings, trouble = look(sessions, simulator.url)
        assert trouble is None
        return {finding.id: finding for finding in findings}

    return run


@pytest.fixture
def plant(sessions) -> Callable[..., None]:
    def run(*statements: str, **values) -> None:
        with sessions.begin() as session:
            session.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                session.execute(text(statement), values)

    return run


def failing(findings: dict) -> list[str]:
    return [id for id, finding in findings.items() if finding.ok is not True]


def test_a_business_whose_books_and_gateway_agree_passes(audited):
    findings = audited()

    assert failing(findings) == [], [f.examples for f in findings.values() if not f.ok]
    assert list(findings) == [f"I{n}" for n in range(1, 13)]
    counts = {id: finding.checked for id, finding in findings.items()}
    assert counts["I1"] == 4
    assert counts["I2"] == 3, "the waiting payment is not at rest"
    assert counts["I3"] == 1
    assert counts["I7"] == 1
    assert all(counts[f"I{n}"] > 0 for n in range(1, 13))


def capture_at(simulator, payment_id: str, amount_minor: int = 12_000) -> None:
    """A charge that nobody of ours asked for, as a naive processor makes it."""
    form = {
        "amount": amount_minor,
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "metadata[payment]": payment_id,
    }
    response = simulator.post("/v1/charges", form)
    assert response.status_code == 200, response.text


def test_i1_sees_a_second_capture(audited, simulator, fresh_world):
    capture_at(simulator, fresh_world.paid)

    found = audited()["I1"]

    assert found.ok is False
    assert found.failed == 1
    assert fresh_world.paid in found.examples[0]


def test_i1_sees_a_second_capture_of_a_payment_that_is_still_on_its_way(
    audited, simulator, fresh_world
):
    capture_at(simulator, fresh_world.waiting)
    capture_at(simulator, fresh_world.waiting)

    assert failing(audited()) == ["I1"]


def test_i2_sees_money_taken_for_a_payment_recorded_as_failed(audited, simulator, fresh_world):
    capture_at(simulator, fresh_world.failed)

    found = audited()["I2"]

    assert found.ok is False
    assert f"{fresh_world.failed}: failed, but the gateway captured 12000 USD" in found.examples[0]


def test_i2_sees_a_completed_payment_that_the_gateway_never_captured(audited, plant, world):
    plant(
        "UPDATE payments SET status = 'completed', captured_minor = amount_minor WHERE id = :id",
        id=world.failed,
    )

    assert "but the gateway captured nothing" in audited()["I2"].examples[0]


def test_i2_sees_another_amount(audited, plant, world):
    plant("UPDATE payments SET captured_minor = captured_minor + 1 WHERE id = :id", id=world.paid)

    assert f"{world.paid}: completed, 12001 USD" in audited()["I2"].examples[0]


def test_i3_sees_a_refund_that_was_made_twice(audited, simulator, sessions, fresh_world):
    with sessions() as session:
        intent = session.scalar(
            text("SELECT gateway_intent_id FROM payments WHERE id = :id"),
            {"id": fresh_world.refunded},
        )
    form = {
        "payment_intent": intent,
        "amount": 2_000,
        "metadata[refund]": fresh_world.refund,
        "metadata[payment]": fresh_world.refunded,
    }
    assert simulator.post("/v1/refunds", form).status_code == 200

    found = audited()

    assert found["I3"].examples == (
        f"{fresh_world.refund} of {fresh_world.refunded}: completed, at the gateway 2 times",
    )
    assert found["I4"].ok is False, "the clearing account no longer equals the gateway"


def test_i3_sees_a_refund_that_only_we_believe_in(audited, plant, world):
    plant("UPDATE refunds SET id = 'rfd_never_sent' WHERE id = :id", id=world.refund)

    assert any("at the gateway 0 times" in line for line in audited()["I3"].examples)


def test_i4_sees_a_capture_that_was_posted_with_another_amount(audited, plant, world):
    plant(
        "UPDATE ledger_transfers SET amount_minor = amount_minor - 1 WHERE posting_id IN "
        "(SELECT id FROM ledger_postings WHERE source_id = :id AND kind = 'capture')",
        id=world.paid,
    )

    found = audited()["I4"]

    assert found.ok is False
    assert any(line.startswith(f"{world.paid}: capture of 12000") for line in found.examples)
    assert any(line.startswith("inv_") for line in found.examples), "receivable differs too"
    assert any("clearing account 11999, gateway 12000" in line for line in found.examples)


def test_i4_sees_a_posting_written_twice(audited, plant, world):
    plant(
        "ALTER TABLE ledger_postings DROP CONSTRAINT"
        " ledger_postings_source_type_source_id_kind_key",
        "INSERT INTO ledger_postings (source_type, source_id, kind, currency, memo)"
        " SELECT source_type, source_id, kind, currency, memo FROM ledger_postings"
        " WHERE source_id = :id",
        id=world.paid,
    )

    assert f"{world.paid}: 2 postings of kind capture" in audited()["I4"].examples


def test_i5_sees_an_invoice_that_says_paid_and_is_not(audited, plant, world):
    plant("DELETE FROM allocations WHERE payment_id = :id", id=world.paid)

    found = audited()["I5"]

    assert found.failed == 2
    assert any("paid, total 12000, settled 0" in line for line in found.examples)


def test_i6_sees_a_state_that_changed_without_a_move(audited, plant, world):
    plant("UPDATE payments SET status = 'cancelled' WHERE id = :id", id=world.failed)

    assert audited()["I6"].examples == (f"{world.failed}: is cancelled, the log ends at failed",)


def test_i6_sees_a_move_outside_the_table(audited, plant, world):
    plant(
        "UPDATE payments SET status = 'pending' WHERE id = :id",
        "INSERT INTO transition_log (aggregate, aggregate_id, from_state, to_state)"
        " VALUES ('payment', :id, 'processing', 'pending')",
        id=world.waiting,
    )

    assert audited()["I6"].examples == (f"{world.waiting}: illegal move processing → pending",)


def test_i6_sees_a_guard_that_was_opened(audited, plant):
    plant("INSERT INTO legal_moves VALUES ('payment', 'completed', 'pending')")

    assert "completed → pending" in audited()["I6"].examples[0]


def test_i6_takes_a_retired_move_in_the_log_of_an_older_row(audited, plant, world):
    plant(
        "INSERT INTO gateway_requests (id, payment_id, op, params, fingerprint, status)"
        " VALUES ('req_old', :id, 'get_intent', '{}', 'old', 'sent')",
        "INSERT INTO transition_log (aggregate, aggregate_id, from_state, to_state) VALUES"
        " ('gateway_request', 'req_old', NULL, 'prepared'),"
        " ('gateway_request', 'req_old', 'prepared', 'sent')",
        id=world.paid,
    )

    assert audited()["I6"].ok is True


def test_i6_sees_a_move_that_was_declared_retired_by_hand(audited, plant):
    plant("INSERT INTO legal_moves VALUES ('payment', 'completed', 'pending', true)")

    assert "completed → pending" in audited()["I6"].examples[0]


def test_i6_knows_every_state_machine_and_every_table_with_a_log(engine):
    with engine.connect() as connection:
        logged = connection.execute(
            text(
                "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'log_state'"
            )
        ).scalars()
        unread = [table for table in logged if f"FROM {table}" not in I6_SQL]
        guarded = connection.execute(text("SELECT DISTINCT aggregate FROM legal_moves")).scalars()
        unknown = set(guarded) - {machine.aggregate for machine in rows.MACHINES}

    assert unread == []
    assert unknown == set()


def test_i7_sees_a_payment_that_nobody_will_look_at_again(audited, plant, world):
    plant(
        "UPDATE payments SET next_action_at = now() - interval '1 minute' WHERE id = :id",
        "DELETE FROM queue.jobs WHERE args ->> 'payment_id' = :id",
        id=world.waiting,
    )

    found = audited()["I7"]

    assert found.failed == 1
    assert found.examples[0].startswith(f"{world.waiting}: processing, next action was due")


def test_i7_accepts_a_payment_that_is_late_while_its_job_lives(audited, plant, world):
    plant(
        "UPDATE payments SET next_action_at = now() - interval '1 minute' WHERE id = :id",
        id=world.waiting,
    )

    assert audited()["I7"].ok is True


def test_i8_sees_a_payment_that_left_an_absorbing_state(audited, plant, world):
    plant(
        "INSERT INTO transition_log (aggregate, aggregate_id, from_state, to_state)"
        " VALUES ('payment', :id, 'completed', 'failed')",
        id=world.paid,
    )

    assert audited()["I8"].examples == (f"{world.paid}: completed → failed",)


def test_i8_sees_a_job_that_ended_and_lives(audited, plant):
    plant(
        "INSERT INTO queue.job_history (id, state, queue, kind, priority, attempt, max_attempts,"
        " lease, snoozed, rescues, inserted_at, scheduled_at, finished_at, tags, args, meta)"
        " SELECT id, 'completed', queue, kind, priority, 1, max_attempts, 1, 0, 0, inserted_at,"
        " scheduled_at, now(), tags, args, meta FROM queue.jobs ORDER BY id LIMIT 1"
    )

    assert "ended, and available as well" in audited()["I8"].examples[0]


def test_i9_sees_a_gateway_key_that_asked_two_questions(audited, plant, world):
    plant(
        "INSERT INTO gateway_requests (payment_id, op, key, target, params, fingerprint, status)"
        " SELECT payment_id, op, key, target, '{\"amount\": 1}', 'other', 'sent'"
        " FROM gateway_requests WHERE payment_id = :id AND op = 'create_intent'",
        "INSERT INTO transition_log (aggregate, aggregate_id, to_state)"
        " SELECT 'gateway_request', id, 'sent' FROM gateway_requests"
        " WHERE fingerprint = 'other'",
        id=world.paid,
    )

    assert audited()["I9"].examples == (
        f"gateway key pay:{world.paid}:intent:1: 2 different requests",
    )


def test_i9_sees_a_payment_that_two_keys_claim_to_have_made(audited, plant, world):
    for key in ("first", "second"):
        plant(
            "INSERT INTO idempotency_records (account, key, fingerprint, method, path, status,"
            " body, headers, subject_id, replays, expires_at) VALUES ('key_1', :key, :key, 'POST',"
            " '/api/v1/invoices/inv_1/payments', 202, '{}', '{}', :id, 0, now())",
            key=key,
            id=world.paid,
        )

    assert "made by 2 requests" in audited()["I9"].examples[0]


def test_i11_sees_a_hole_in_the_series(audited, plant):
    plant("UPDATE invoices SET number = 'INV-000099' WHERE number = 'INV-000002'")

    assert "invoice: 2 to 2 missing" in audited()["I11"].examples
    assert "invoice: 5 to 98 missing" in audited()["I11"].examples


def test_i11_sees_a_counter_that_ran_ahead(audited, plant):
    plant("UPDATE number_series SET next_value = 10 WHERE name = 'invoice'")

    assert audited()["I11"].examples == ("invoice: the counter says 9, the last number is 4",)


def test_i12_sees_a_second_mail_about_the_same_thing(audited, plant, world):
    plant(
        "ALTER TABLE email_deliveries DROP CONSTRAINT email_deliveries_subject_id_kind_key",
        "INSERT INTO email_deliveries (subject_id, kind, status, to_address, title, body,"
        " message_id, version) SELECT subject_id, kind, status, to_address, title, body,"
        " 'another', 1 FROM email_deliveries WHERE subject_id = :id",
        id=world.paid,
    )

    assert audited()["I12"].examples == (f"{world.paid}: 2 mails of kind receipt",)


def test_i12_sees_a_document_whose_bytes_were_changed(audited, plant):
    plant(
        "INSERT INTO stored_files (hash, media_type, content)"
        " VALUES (repeat('0', 64), 'application/pdf', '\\x00')"
    )

    assert "its bytes have another hash" in audited()["I12"].examples[0]


def test_i3_sees_a_refund_that_is_held_as_another(audited, plant, world):
    plant("UPDATE refunds SET gateway_refund_id = 're_another' WHERE id = :id", id=world.refund)

    assert "held as re_another" in audited()["I3"].examples[0]


def test_i12_sees_a_completed_payment_without_a_receipt(audited, plant, world):
    plant("DELETE FROM email_deliveries WHERE subject_id = :id", id=world.paid)

    assert audited()["I12"].examples == (f"{world.paid}: completed, and no receipt was written",)


STRAY = {"intent": "pi_stray", "payment": None, "id": "ch_stray", "currency": "USD"}


def test_i4_sees_money_at_the_gateway_that_is_in_no_book_of_ours(sessions, world, simulator):
    with sessions() as session:
        held = books.read(session)
    told = simulator.journal()
    told["captures"].append({**STRAY, "amount_minor": 777})

    found = {each.id: each for each in invariants.compare(held, held, parse(told))}

    assert "pi_stray: 777 USD at the gateway, of no payment of ours" in found["I4"].examples


@pytest.mark.parametrize("end", ["given back", "accounted for by a person"])
def test_i4_is_at_peace_when_stray_money(sessions, world, simulator, end):
    with sessions() as session:
        held = books.read(session)
    told = simulator.journal()
    told["captures"].append({**STRAY, "amount_minor": 777})
    if end == "given back":
        told["refunds"].append({**STRAY, "id": "re_stray", "refund": None, "amount_minor": 777})

    found = invariants.compare(
        held, held, parse(told), explained={"ch_stray"} if end != "given back" else ()
    )

    assert [finding.ok for finding in found] == [True] * 4


def test_a_resolved_break_accounts_for_its_line(sessions, fresh_world, plant):
    plant(
        "INSERT INTO reconciliation_breaks (kind, subject_id, status, ours, theirs, resolved_at,"
        " resolution, version, times_seen) VALUES ('capture_of_nobody', 'ch_stray', 'resolved',"
        " '{}', '{}', now(), 'the other shop''s', 1, 1)"
    )

    with sessions() as session:
        assert books.explained(session) == {"ch_stray"}


def test_a_payment_that_moves_while_the_journal_is_read_raises_no_alarm(sessions, world, simulator):
    with sessions() as session:
        before = books.read(session)
    after = dict(before)
    moved = before.pop(world.paid)
    nothing = parse({"captures": [], "refunds": []})

    found = invariants.compare(before, after, nothing)

    assert not any(moved.id in line for finding in found for line in finding.examples)


def test_the_journal_alone_serves_when_there_is_no_export(sessions, world, simulator):
    with sessions() as session:
        held = books.read(session)

    found = invariants.compare(held, held, parse(simulator.journal()))

    assert [finding.ok for finding in found] == [True] * 4


@pytest.mark.parametrize(("held_as", "holds"), [("ch_1", True), ("pi_1", False)])
def test_a_one_step_charge_is_a_capture_only_of_whoever_holds_a_charge(held_as, holds):
    """Else the key-only processor could never pass, and its failures would prove nothing."""
    payment = books.PaymentHeld(
        "pay_1", PaymentStatus.COMPLETED, 1, held_as, "USD", 500, 500, refunds=()
    )
    charged = {"intent": None, "payment": "pay_1", "amount_minor": 500, "currency": "USD"}

    found = invariants.compare(
        {"pay_1": payment}, {"pay_1": payment}, parse({"captures": [charged], "refunds": []})
    )

    assert [finding.ok for finding in found] == [True, holds, True, True]


def test_a_dispute_that_nobody_told_us_of_is_news_for_a_day_and_then_a_failure(
    audited, simulator, sessions, fresh_world
):
    with sessions() as session:
        intent = books.read(session)[fresh_world.paid].intent
    simulator.control("disputes", intent=intent)

    assert audited()["I4"].ok, "its webhook is still on its way"

    simulator.advance(26 * 3600)
    assert fresh_world.paid in audited()["I4"].examples[0]


class TestCommand:
    def test_exit_0_and_one_object_per_invariant_when_all_hold(self, flask_cli):
        ran = flask_cli("audit", "--json")

        assert ran.exit_code == 0, ran.output
        assert [row["id"] for row in ran.json] == [f"I{n}" for n in range(1, 13)]
        assert {"id", "ok", "checked", "failed", "examples"} <= set(ran.json[0])
        assert all(row["ok"] is True for row in ran.json)

    def test_exit_1_when_any_fails(self, flask_cli, simulator, fresh_world):
        capture_at(simulator, fresh_world.failed)

        ran = flask_cli("audit")

        assert ran.exit_code == 1
        assert "FAILS" in ran.output
        assert fresh_world.failed in ran.output

    def test_a_gateway_that_cannot_be_reached_is_said_and_is_no_clean_audit(self, flask_cli):
        url = f"http://127.0.0.1:{free_port()}"

        ran = flask_cli("audit", "--json", gateway_url=url)

        assert ran.exit_code not in {0, 1}
        assert f"journal at {url}/_sim/journal cannot be reached" in ran.errors
        assert [row["ok"] for row in ran.json[:4]] == [None] * 4
        assert all(row["ok"] for row in ran.json[4:])


def test_every_figure_that_its_rows_do_not_bear_out_is_named(audited, plant, world):
    """Each plant is another one's business, so that all of them can be seen at once."""
    plant(
        # I3: what was given back, and what is held back for it.
        "UPDATE payments SET refunded_minor = refunded_minor + 1 WHERE id = :refunded",
        "UPDATE payments SET refund_reserved_minor = 5 WHERE id = :paid",
        # I4: revenue that became tax, and a posting that nobody of ours writes.
        "INSERT INTO ledger_transfers (posting_id, debit_account, credit_account, amount_minor)"
        " SELECT id, 'revenue', 'tax', 7 FROM ledger_postings WHERE kind = 'finalize' LIMIT 1",
        "INSERT INTO ledger_postings (source_type, source_id, kind, currency, memo)"
        " VALUES ('manual', 'hand_1', 'adjustment', 'USD', '')",
        # I6: a second beginning, through which a payment could be born completed.
        "INSERT INTO legal_moves VALUES ('payment', '', 'completed'), ('unheard', 'of', 'move')",
        # I11: the counter of a series is gone, and would begin at one again.
        "DELETE FROM number_series WHERE name = 'invoice'",
        refunded=world.refunded,
        paid=world.paid,
    )

    found = audited()

    assert {"I3", "I4", "I6", "I11"} <= set(failing(found))
    assert {line.partition(":")[0] for line in found["I3"].examples} >= {world.refunded, world.paid}
    told = "\n".join(line for finding in found.values() for line in finding.examples)
    assert "finalize posting moves -11993 on revenue, its row says -12000" in told
    assert "finalize posting moves -7 on tax, its row says 0" in told
    assert "hand_1: manual adjustment is no posting of ours" in told
    assert "legal_moves has 2 beginnings of payment" in told
    assert "disagree on unheard: of → move" in told
    assert "invoice: the counter says 0, the last number is 4" in told


def test_i5_sees_an_invoice_whose_figures_are_not_its_lines(audited, plant, world):
    plant(
        "UPDATE invoices SET subtotal_minor = subtotal_minor - 1, tax_minor = tax_minor + 1"
        " WHERE id = (SELECT invoice_id FROM payments WHERE id = :id)",
        id=world.paid,
    )

    assert any(
        "says 11999 and 1 of tax, 12000 in all; its lines say 12000 and 0" in line
        for line in audited()["I5"].examples
    )


def test_i10_sees_two_events_in_one_place_and_one_told_twice(sessions, world):
    """Never committed: what refuses such rows must be taken away to plant them."""
    planting = """
    ALTER TABLE outbound_events DROP CONSTRAINT outbound_events_subject_id_seq_key;
    ALTER TABLE webhook_deliveries DROP CONSTRAINT webhook_deliveries_endpoint_id_event_id_key;
    SET LOCAL session_replication_role = replica;
    UPDATE outbound_events SET seq = 1 WHERE subject_id = :id AND seq = 2;
    INSERT INTO webhook_endpoints (id, url, secret, version) VALUES ('whe_1', 'https://a', 's', 1);
    INSERT INTO webhook_deliveries (endpoint_id, event_id, status, next_at)
    SELECT 'whe_1', e.id, 'pending', now()
    FROM (SELECT max(id) AS id FROM outbound_events) e, generate_series(1, 2)
    """
    with sessions() as session:
        for statement in planting.split(";"):
            session.execute(text(statement), {"id": world.paid} if ":id" in statement else {})
        found = {each.id: each for each in rows.read_rows(session, now=clock.now(session))}
        session.rollback()

    told = found["I10"].examples
    assert any(line.startswith(f"{world.paid}: ") for line in told)
    assert any(line.endswith("2 deliveries to whe_1") for line in told)
