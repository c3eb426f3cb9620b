"""A small world to run the whole path on one machine; it watches the bot from outside and tells it nothing."""
