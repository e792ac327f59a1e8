"""How it is done: thin workers that read, call the outside world and record what it said."""
