"""``flask api-key`` makes, lists and revokes keys, for people and for programs."""

import json

from tests.api.support import Api, refusal


def run(app, *arguments):
    with app.app_context():
        return app.test_cli_runner().invoke(args=["api-key", *arguments])


def test_the_key_stands_alone_on_the_last_line_and_opens_the_api(app):
    made = run(app, "create", "--name", "Shop")

    assert made.exit_code == 0, made.output
    key = made.output.rstrip("\n").splitlines()[-1]
    assert key == key.strip()
    assert Api(app, key).get("/customers").status_code == 200


def test_programs_get_json(app):
    made = json.loads(run(app, "create", "--name", "Shop", "--json").output)
    listed = json.loads(run(app, "list", "--json").output)
    revoked = json.loads(run(app, "revoke", made["id"], "--json").output)

    assert made["key"].startswith(made["prefix"])
    assert [row["id"] for row in listed] == [made["id"]]
    assert "key" not in listed[0]
    assert revoked["revoked_at"]
    refusal(Api(app, made["key"]).get("/customers"), 401, "api_key_invalid")


def test_people_get_a_table_without_the_key(app):
    made = run(app, "create", "--name", "Shop").output.splitlines()[-1]

    shown = run(app, "list").output

    assert made[:11] in shown
    assert made not in shown


def test_a_key_is_revoked_by_its_visible_beginning(app):
    made = run(app, "create", "--name", "Shop").output.splitlines()[-1]

    assert run(app, "revoke", made[:11]).exit_code == 0
    refusal(Api(app, made).get("/customers"), 401, "api_key_invalid")


def test_revoking_twice_keeps_the_time_of_the_first(app):
    made = run(app, "create", "--name", "Shop").output.splitlines()[-1]
    first = json.loads(run(app, "revoke", made[:11], "--json").output)

    assert json.loads(run(app, "revoke", made[:11], "--json").output) == first


def test_mistakes_are_one_message_without_a_traceback(app):
    for arguments in (
        ("create", "--name", ""),
        ("create", "--name", "x" * 500),
        ("revoke", "key_x"),
    ):
        failed = run(app, *arguments)
        assert failed.exit_code == 1
        assert failed.output.startswith("Error: ")
        assert "Traceback" not in failed.output


def test_help_shows_examples(app):
    for command in ((), ("create",), ("list",), ("revoke",)):
        assert "flask --app payments_app api-key" in run(app, *command, "--help").output
