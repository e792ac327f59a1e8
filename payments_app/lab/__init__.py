"""The lab: processors that charge wrongly beside the one that does not, and what breaks them.

Nothing here runs in production. Every figure that the lab shows was made by really running worker
processes, really killing them, and then reading the gateway's own journal.
"""
