"""Hands, clock and SQL: the three rules that the import contracts cannot see.

Each exception stands here with its reason. Each rule is also shown a bad example, so that a rule
that no longer sees anything is noticed.
"""

import ast

import pytest

from queue_core.store import Store
from tests.architecture import rules
from tests.architecture.source import ROOT, parse, sources

# Where time is asked for or lots are drawn, and why it may be.
CLOCKS = {
    "payments_app/clock.py": "the business clock itself",
    "queue_core/clock.py": "the queue's clock itself",
    "payments_app/gateway/simulator/": "another company's machine, with a clock of its own",
}
# Where an edge writes SQL itself, and why it may.
EDGES_WITH_SQL = {
    "payments_app/cli/db.py": "takes the migration lock, before there is a schema",
    "payments_app/api/transaction.py": "sets limits for the transaction that it opens",
    "payments_app/cli/run_all.py": "asks if the database is empty, and later if it is quiet",
}
# Where the queue writes SQL outside of its files, and why it may.
QUEUE_SQL_IN_STRINGS = {
    "queue_core/job.py": "sets a limit for the caller's transaction",
    "queue_core/runtime/connect.py": "looks at a new connection, before any statement",
    "queue_core/runtime/history.py": "drops partitions, whose names are identifiers",
    "queue_core/schema.py": "makes the schema in which all other statements run",
    "queue_core/lines.py": "notifies on a connection that knows no schema",
}


class TestHandsRule:
    def test_who_was_given_a_session_never_commits_and_never_calls_out(self):
        found = [
            source.at(node)
            for source in sources("payments_app", "workers")
            if not source.name.startswith("payments_app/gateway/")
            for function in source.functions()
            for node in rules.dirty_hands(function)
        ]

        assert found == []

    def test_no_transaction_is_open_during_a_call_to_the_outside(self):
        found = [
            source.at(node)
            for source in sources("payments_app", "workers")
            for node in rules.network_in_transaction(source.tree)
        ]

        assert found == []

    @pytest.mark.parametrize(
        "text",
        [
            "def f(session): session.commit()",
            "def f(s: Session, gateway): gateway.send(1)",
            "def f(self, connection: sa.Connection): self.gateway.send(1)",
            "def f(session): requests.post('x')",
        ],
    )
    def test_the_rule_sees_dirty_hands(self, text):
        function = parse(text).body[0]

        assert isinstance(function, ast.FunctionDef)
        assert list(rules.dirty_hands(function))

    def test_the_rule_sees_a_call_inside_a_transaction(self):
        tree = parse("with job.session() as session:\n    self.gateway.send(instruction)")

        assert list(rules.network_in_transaction(tree))


class TestClockRule:
    def test_time_and_chance_are_given_not_asked_for(self):
        found = [
            source.at(node)
            for source in sources()
            if not any(source.name.startswith(allowed) for allowed in CLOCKS)
            for node in rules.own_clock(source.tree)
        ]

        assert found == []

    @pytest.mark.parametrize(
        "text", ["datetime.now(UTC)", "time.time()", "uuid.uuid4()", "random.random()", "uuid4()"]
    )
    def test_the_rule_sees_a_private_clock(self, text):
        assert list(rules.own_clock(parse(text)))


class TestSqlRule:
    def test_every_statement_of_the_queue_is_a_file_of_its_own(self):
        found = [
            source.at(node)
            for source in sources("queue_core")
            if source.name not in QUEUE_SQL_IN_STRINGS
            for node in rules.sql_in_strings(source.tree)
        ]

        assert found == []

    def test_every_statement_file_is_run_by_the_method_of_its_name(self):
        files = {path.stem for path in (ROOT / "queue_core/sql").glob("*.sql")}

        assert sorted(name for name in files if name not in vars(Store)) == []

    def test_reads_are_in_queries_and_change_nothing(self):
        found = [
            source.at(node)
            for source in sources("payments_app/queries")
            for node in rules.writes(source.tree)
        ]

        assert found == []

    def test_edges_and_workers_write_no_statements(self):
        found = [
            source.at(node)
            for source in sources("payments_app/api", "payments_app/web", "payments_app/cli")
            + sources("workers")
            if source.name not in EDGES_WITH_SQL
            for node in [*rules.sql_builders(source.tree), *rules.sql_in_strings(source.tree)]
        ]

        assert found == []

    def test_the_rule_sees_a_statement_in_a_string(self):
        assert list(rules.sql_in_strings(parse('execute("SELECT 1 FROM jobs")')))
        assert not list(rules.sql_in_strings(parse('"""SELECT is spoken of here."""')))

    def test_the_rule_sees_a_write(self):
        assert list(rules.writes(parse("session.add(row)")))
        assert list(rules.writes(parse("session.execute(update(Row))")))
