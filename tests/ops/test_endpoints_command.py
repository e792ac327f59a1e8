"""``flask endpoints``: adding one prints its secret alone on the last line."""


def test_endpoints_are_added_listed_and_disabled(flask_cli):
    made = flask_cli("endpoints", "add", "https://a.example/hook")
    assert made.output.splitlines()[-1].startswith("whsec_")
    (found,) = flask_cli("endpoints", "list", "--json").json
    assert (found["url"], found["disabled"]) == ("https://a.example/hook", None)

    rotated = flask_cli("endpoints", "rotate", found["id"])
    assert rotated.output.splitlines()[-1].startswith("whsec_")
    assert rotated.output.splitlines()[-1] != made.output.splitlines()[-1]
    flask_cli("endpoints", "disable", found["id"])

    assert flask_cli("endpoints", "list", "--json").json[0]["disabled"] is not None
    assert flask_cli("endpoints", "disable", "whe_none").exit_code == 1
    assert flask_cli("endpoints", "replay", "whd_none").exit_code == 1
    assert flask_cli("endpoints", "add", "ftp://x").exit_code == 1
