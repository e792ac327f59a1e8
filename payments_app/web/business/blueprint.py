"""The blueprint of the business pages; each file beside this one adds the pages of one noun."""

from flask import Blueprint

bp = Blueprint("business", __name__)
