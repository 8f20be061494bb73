"""Sessions that outlive their connections."""
