"""The parts of sending.py: what is claimed, what is sent, and the peers of both."""
