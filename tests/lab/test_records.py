"""A run is called cut off when its process is gone, and at no other moment."""

import threading

from payments_app.lab.records import Records

STARTED = "2026-11-24T12:00:00+00:00"


def test_a_run_that_ends_while_it_is_looked_at_is_not_called_cut_off(tmp_path):
    class EndsMeanwhile(Records):
        def _is_abandoned(self, run_id: str) -> bool:
            self.update(run_id, status="ended")
            return super()._is_abandoned(run_id)

    records = EndsMeanwhile(tmp_path)
    run_id = records.create({"status": "running", "started_at": STARTED})
    with records.under_way(run_id):
        pass

    assert records.run(run_id)["status"] == "ended"


def test_a_run_that_begins_while_it_is_looked_at_is_not_called_cut_off(tmp_path):
    records = Records(tmp_path)
    seen: set[str] = set()
    begun, over = threading.Event(), threading.Event()
    current = [records.create({"status": "running", "started_at": STARTED})]

    def look() -> None:
        begun.set()
        while not over.is_set():
            seen.add(records.run(current[0], with_events=False)["status"])

    looker = threading.Thread(target=look)
    looker.start()
    assert begun.wait(10)
    for _ in range(300):
        run_id = records.create({"status": "running", "started_at": STARTED})
        current[0] = run_id
        with records.under_way(run_id):
            current[0] = run_id
            records.update(run_id, status="ended")
    over.set()
    looker.join()

    assert "interrupted" not in seen
