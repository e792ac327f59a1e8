"""Sending one mail: ``message`` makes its bytes, ``transport`` hands them over. No database."""
