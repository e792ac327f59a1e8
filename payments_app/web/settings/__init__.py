"""Settings: who works here, which programs may ask, and one's own password."""

from payments_app.web.settings import api_keys, password, users
from payments_app.web.settings.blueprint import bp

__all__ = ["api_keys", "bp", "password", "users"]
