"""What pages are made of: look, panels, facts and words."""
