"""What may be set from outside, read once into a frozen value.

Every variable is listed here and in ``.env.example``. All mistakes are found at the start and said
together, each with the variable's name and what would be right, so that nobody meets them one
restart at a time. Production refuses to start with a secret that everybody can read in this file.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

ENVIRONMENTS = ("development", "test", "production")
LOG_FORMATS = ("console", "json")
SECRET_LENGTH_MIN = 32
# Where `make run` notes, under DATA_DIR, which gateway its data belong to.
GATEWAY_NOTE = "gateway.url"

# The owner that seed.py makes in a development database; `make run` prints how to sign in.
DEMO_EMAIL = "owner@example.com"
DEMO_PASSWORD = "charged-once"  # noqa: S105  Public on purpose: made-up data only.

# Public on purpose: a first `make run` needs no preparation. Production refuses them.
DEVELOPMENT_SECRETS = {
    "SECRET_KEY": "development-only-signing-key-do-not-use-anywhere-else",
    "GATEWAY_API_KEY": "sk_test_development_only",
    "GATEWAY_WEBHOOK_SECRET": "whsec_ZGV2ZWxvcG1lbnQtb25seS1zZWNyZXQ=",
}


class ConfigError(Exception):
    """A setting is missing or wrong. The message names each variable and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings. ``database_url`` None means: the embedded PostgreSQL under ``data_dir``."""

    app_env: str
    database_url: str | None = field(repr=False)
    data_dir: Path
    secret_key: str = field(repr=False)
    host: str
    port: int
    public_url: str
    gateway_port: int
    gateway_url: str
    gateway_api_key: str = field(repr=False)
    # The first signs; while one replaces the other, both are accepted.
    gateway_webhook_secrets: tuple[str, ...] = field(repr=False)
    gateway_timeout_s: float
    smtp_url: str | None = field(repr=False)
    queues: Mapping[str, int | None]
    worker_processes: int
    lease_s: float
    shutdown_timeout_s: float
    log_format: str
    metrics_token: str | None = field(repr=False)

    @property
    def is_production(self) -> bool:
        return self.app_env == "production"


def load_config(env: Mapping[str, str] = os.environ) -> Config:
    """Read every setting, or raise one ConfigError that lists all that are wrong."""
    read = _Reader(env)
    host = read.text("HOST", default="127.0.0.1")
    port = read.whole("PORT", default=8000, low=1, high=65535)
    gateway_port = read.whole("GATEWAY_PORT", default=8010, low=1, high=65535)
    data_dir = Path(read.text("DATA_DIR", default=".data")).expanduser().absolute()
    simulator = f"http://127.0.0.1:{gateway_port}"
    config = Config(
        app_env=read.choice("APP_ENV", ENVIRONMENTS),
        database_url=read.database_url(),
        data_dir=data_dir,
        secret_key=read.secret("SECRET_KEY"),
        host=host,
        port=port,
        public_url=read.url("PUBLIC_URL", ("http", "https"), default=f"http://{host}:{port}") or "",
        gateway_port=gateway_port,
        gateway_url=read.url(
            "GATEWAY_URL", ("http", "https"), default=_noted_gateway(env, data_dir) or simulator
        )
        or "",
        gateway_api_key=read.secret("GATEWAY_API_KEY"),
        gateway_webhook_secrets=read.secrets("GATEWAY_WEBHOOK_SECRET"),
        gateway_timeout_s=read.seconds("GATEWAY_TIMEOUT_SECONDS", default=20.0),
        smtp_url=read.url("SMTP_URL", ("smtp", "smtps"), default=None),
        queues=read.queues("QUEUES"),
        worker_processes=read.whole("WORKER_PROCESSES", default=2, low=1, high=256),
        lease_s=read.seconds("LEASE_SECONDS", default=15.0),
        shutdown_timeout_s=read.seconds("SHUTDOWN_TIMEOUT_SECONDS", default=20.0),
        log_format=read.choice("LOG_FORMAT", LOG_FORMATS),
        metrics_token=read.text("METRICS_TOKEN", default="") or None,
    )
    read.refuse_mistakes()
    return config


def _noted_gateway(env: Mapping[str, str], data_dir: Path) -> str | None:
    """The gateway of these data, as `make run` noted it; None when a setting names one.

    A command beside a tree on another port must not ask, or charge at, another gateway.
    """
    if env.get("GATEWAY_PORT", "").strip() or env.get("APP_ENV") == "production":
        return None
    try:
        return (data_dir / GATEWAY_NOTE).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def parse_queues(text: str) -> dict[str, int | None]:
    """``payments:10,emails`` → {"payments": 10, "emails": None}; ValueError says what is wrong."""
    queues: dict[str, int | None] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, colon, limit = entry.partition(":")
        if not name.replace("_", "").replace("-", "").isalnum():
            raise ValueError(f"“{entry}” is not NAME or NAME:LIMIT, for example payments:10,emails")
        if colon and not (limit.isdecimal() and int(limit) > 0):
            raise ValueError(f"“{entry}”: the limit after the colon is a whole number from 1")
        queues[name] = int(limit) if colon else None
    return queues


class _Reader:
    """Reads one variable at a time and collects what is wrong. Empty means unset, as in shells."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._mistakes: list[str] = []
        self._production = env.get("APP_ENV") == "production"

    def refuse_mistakes(self) -> None:
        if self._mistakes:
            raise ConfigError("\n".join(self._mistakes))

    def text(self, name: str, *, default: str) -> str:
        return self._env.get(name, "").strip() or default

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name, default=allowed[0])
        if value not in allowed:
            self._wrong(name, value, f"one of {', '.join(allowed)}")
        return value

    def whole(self, name: str, *, default: int, low: int, high: int) -> int:
        value = self.text(name, default=str(default))
        if not (value.isascii() and value.isdecimal() and low <= int(value) <= high):
            self._wrong(name, value, f"a whole number from {low} to {high}, for example {default}")
            return default
        return int(value)

    def seconds(self, name: str, *, default: float) -> float:
        value = self.text(name, default=str(default))
        try:
            seconds = float(value)
        except ValueError:
            seconds = 0.0
        # The comparison refuses "nan" and "inf" as well: a wait without an end is no setting.
        if not 0 < seconds <= 86_400:
            self._wrong(name, value, f"a number of seconds above 0, for example {default:g}")
            return default
        return seconds

    def url(self, name: str, schemes: tuple[str, ...], *, default: str | None) -> str | None:
        value = self.text(name, default=default or "")
        if value and not _is_url(value, schemes):
            # Never shown: an address of a mail server carries a password.
            self._wrong(name, None, f"an address such as {schemes[0]}://host:port")
        return value.rstrip("/") or None

    def queues(self, name: str) -> dict[str, int | None]:
        try:
            return parse_queues(self.text(name, default=""))
        except ValueError as error:
            self._mistakes.append(f"{name}: {error}.")
            return {}

    def secret(self, name: str) -> str:
        public = DEVELOPMENT_SECRETS[name]
        value = self.text(name, default=public)
        if self._production and value == public:
            self._mistakes.append(
                f"{name} is not set. Production needs a secret of its own, for example from"
                ' `python -c "import secrets; print(secrets.token_urlsafe(32))"`.'
            )
        elif self._production and name == "SECRET_KEY" and len(value) < SECRET_LENGTH_MIN:
            self._mistakes.append(
                f"{name} is too short: at least {SECRET_LENGTH_MIN} characters are right."
            )
        return value

    def secrets(self, name: str) -> tuple[str, ...]:
        """Several of a kind, with commas between them: never an empty one, which anybody knows."""
        found = tuple(part.strip() for part in self.secret(name).split(","))
        if not all(found):
            self._wrong(name, None, "one secret, or two during a rotation: new,old")
        elif self._production and len(found) > 1 and DEVELOPMENT_SECRETS[name] in found:
            self._mistakes.append(f"{name} has the public secret of development in it: remove it.")
        return found

    def database_url(self) -> str | None:
        value = self.text("DATABASE_URL", default="")
        if not value:
            if self._production:
                self._mistakes.append(
                    "DATABASE_URL is not set. Production needs a server of its own, for example"
                    " postgresql://user:password@host:5432/name."
                )
            return None
        scheme, separator, rest = value.partition("://")
        known = scheme in {"postgres", "postgresql", "postgresql+psycopg"} and separator
        if not known or not _has_readable_port(value):
            # The value is never shown: it usually carries a password.
            self._wrong("DATABASE_URL", None, "postgresql://user:password@host:5432/name")
            return None
        return f"postgresql+psycopg://{rest}"

    def _wrong(self, name: str, value: str | None, right: str) -> None:
        shown = "is not usable" if value is None else f"is “{value}”"
        self._mistakes.append(f"{name} {shown}. Right would be {right}.")


def _has_readable_port(value: str) -> bool:
    try:
        urlsplit(value).port  # noqa: B018  Reading it is what raises.
    except ValueError:
        return False
    return True


def _is_url(value: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # A port that is no number.
        return False
