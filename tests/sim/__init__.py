"""The simulated world: seeded faults against the real core, virtual time."""
