"""The blueprint of the operators' pages; each file beside this one adds the pages of one noun."""

from flask import Blueprint

bp = Blueprint("operations", __name__, url_prefix="/operations")
