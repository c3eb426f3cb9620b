"""The core thinks: pure, typed, without I/O and without a clock; time comes in as an argument."""
