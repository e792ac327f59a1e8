def run_supervisor(*args, **kwargs):
    raise SystemExit("being built")
