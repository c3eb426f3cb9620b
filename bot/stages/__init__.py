"""A stage looks, thinks, acts once and answers; no stage knows another, and its signature lists its powers."""
