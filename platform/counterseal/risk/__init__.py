"""Pre-trade risk: what is known at one instant, fourteen checks, one recorded evaluation."""
