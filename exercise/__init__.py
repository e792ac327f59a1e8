"""An exercise: write an InvoiceProcessor that keeps six promises, while its worker is killed.

``invoice_processor.py`` is yours; ``office.py`` is what you may use. ``make exercise`` says which
promise comes next. How it is judged is in ``promises.py``, and one answer in ``solution.py``.
"""
