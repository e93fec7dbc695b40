"""The panes. Each draws what it is given and says what the person wants; none knows another."""
