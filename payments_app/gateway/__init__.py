"""Talking to a payment gateway: the port, Stripe's adapter, and a simulator to talk to."""
