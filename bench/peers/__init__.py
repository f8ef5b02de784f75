"""What the gateway is measured beside. Frozen: a change here makes old figures worthless."""
