"""The blueprint of the settings; each file beside this one adds the pages of one noun."""

from flask import Blueprint

bp = Blueprint("settings", __name__, url_prefix="/settings")
