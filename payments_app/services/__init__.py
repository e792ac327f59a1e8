"""What happens: one verb per function; session in, values out. Never commits, never calls out."""

# Here, because whoever can change something that others are told of has imported this.
from payments_app.services import telling as telling
