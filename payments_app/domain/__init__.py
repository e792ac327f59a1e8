"""What is true: mapped classes with their state machines, and money. No Flask, queue or network."""
