# So that the bare `flask run-workers` finds the application. No secrets here; those go into .env.
FLASK_APP=payments_app
