"""What keeps strangers' text and strangers' requests harmless."""
