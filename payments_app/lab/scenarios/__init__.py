"""The scenarios, one file for each kind of trouble; their list is catalogue.py."""
