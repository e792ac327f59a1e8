"""Settings: every mistake is named with what would be right, and secrets stay secret."""

import pytest

from payments_app.config import (
    DEVELOPMENT_SECRETS,
    GATEWAY_NOTE,
    ConfigError,
    load_config,
    parse_queues,
)

PRODUCTION = {
    "APP_ENV": "production",
    "DATABASE_URL": "postgresql://app:hunter2@db.internal/app",
    "SECRET_KEY": "k" * 40,
    "GATEWAY_API_KEY": "sk_live_1",
    "GATEWAY_WEBHOOK_SECRET": "whsec_bGl2ZQ==",
}


def test_nothing_needs_to_be_set_for_development():
    config = load_config({})

    assert config.app_env == "development"
    assert config.database_url is None
    assert (config.port, config.gateway_port, config.lease_s) == (8000, 8010, 15.0)
    assert config.gateway_url == "http://127.0.0.1:8010"
    assert config.data_dir.is_absolute()


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("PORT", "http", "a whole number from 1 to 65535"),
        ("PORT", "70000", "a whole number from 1 to 65535"),
        ("GATEWAY_PORT", "-1", "a whole number from 1 to 65535"),
        ("APP_ENV", "prod", "development, test, production"),
        ("LOG_FORMAT", "xml", "console, json"),
        ("LEASE_SECONDS", "soon", "a number of seconds above 0"),
        ("LEASE_SECONDS", "nan", "a number of seconds above 0"),
        ("GATEWAY_TIMEOUT_SECONDS", "0", "a number of seconds above 0"),
        ("QUEUES", "payments:many", "payments:many"),
        ("WORKER_PROCESSES", "0", "a whole number from 1 to 256"),
        ("SMTP_URL", "localhost:25", "smtp://host:port"),
        ("GATEWAY_URL", "ftp://bank", "http://host:port"),
        ("GATEWAY_URL", "http://bank:port", "http://host:port"),
        ("DATABASE_URL", "mysql://x:secret@y/z", "postgresql://user:password@host:5432/name"),
        ("DATABASE_URL", "postgresql://y:port/z", "postgresql://user:password@host:5432/name"),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(name, value, right):
    with pytest.raises(ConfigError) as raised:
        load_config({name: value})

    assert name in str(raised.value)
    assert right in str(raised.value)


def test_all_mistakes_are_said_at_once():
    with pytest.raises(ConfigError) as raised:
        load_config({"PORT": "x", "LEASE_SECONDS": "y"})

    assert "PORT" in str(raised.value)
    assert "LEASE_SECONDS" in str(raised.value)


@pytest.mark.parametrize("secret", sorted(DEVELOPMENT_SECRETS))
@pytest.mark.parametrize("given", ["unset", "the public one"])
def test_production_refuses_a_default_secret(secret, given):
    value = {} if given == "unset" else {secret: DEVELOPMENT_SECRETS[secret]}
    environment = {**PRODUCTION, secret: "", **value}

    with pytest.raises(ConfigError, match=secret):
        load_config(environment)


@pytest.mark.parametrize("given", ["whsec_new,", ",whsec_new", "whsec_new,,whsec_old", " , "])
def test_an_empty_webhook_secret_is_refused_because_anybody_can_sign_with_it(given):
    with pytest.raises(ConfigError, match="GATEWAY_WEBHOOK_SECRET"):
        load_config({"GATEWAY_WEBHOOK_SECRET": given})


def test_production_takes_no_public_webhook_secret_among_others():
    both = f"whsec_bmV3,{DEVELOPMENT_SECRETS['GATEWAY_WEBHOOK_SECRET']}"

    with pytest.raises(ConfigError, match="GATEWAY_WEBHOOK_SECRET"):
        load_config({**PRODUCTION, "GATEWAY_WEBHOOK_SECRET": both})


def test_two_webhook_secrets_are_taken_while_one_replaces_the_other():
    config = load_config({**PRODUCTION, "GATEWAY_WEBHOOK_SECRET": "whsec_new, whsec_old"})

    assert config.gateway_webhook_secrets == ("whsec_new", "whsec_old")


def test_production_refuses_to_guess_its_database():
    with pytest.raises(ConfigError, match="DATABASE_URL is not set"):
        load_config({**PRODUCTION, "DATABASE_URL": ""})


def test_production_starts_with_secrets_of_its_own():
    assert load_config(PRODUCTION).is_production


def test_no_secret_is_shown_by_a_message_or_by_repr():
    secret = "hunter2"
    config = load_config({**PRODUCTION, "SMTP_URL": f"smtp://mail:{secret}@mail.internal"})

    with pytest.raises(ConfigError) as raised:
        load_config({"DATABASE_URL": f"mysql://a:{secret}@b/c", "SMTP_URL": f"a:{secret}@b"})

    assert secret not in str(raised.value)
    assert secret not in repr(config)
    assert "k" * 40 not in repr(config)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_spelling_of_a_database_address_reaches_the_same_driver(scheme):
    config = load_config({"DATABASE_URL": f"{scheme}://u@h:5432/n"})

    assert config.database_url == "postgresql+psycopg://u@h:5432/n"


def test_queues_are_picked_with_or_without_a_limit():
    assert parse_queues("payments:10, emails") == {"payments": 10, "emails": None}


def test_commands_beside_a_running_tree_use_its_gateway(tmp_path):
    (tmp_path / GATEWAY_NOTE).write_text("http://127.0.0.1:8302\n")
    beside = {"DATA_DIR": str(tmp_path)}

    assert load_config(beside).gateway_url == "http://127.0.0.1:8302"
    assert load_config({**beside, "GATEWAY_PORT": "9000"}).gateway_url == "http://127.0.0.1:9000"
    named = load_config({**beside, "GATEWAY_URL": "http://gateway:80"})
    assert named.gateway_url == "http://gateway:80"
