"""The stack of compose.yaml by one command each: start, scale, back up, restore, upgrade (docs/operating.md)."""
