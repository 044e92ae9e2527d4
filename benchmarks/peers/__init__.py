"""mtkit beside other toolkits: the same work, in turn, on one machine."""
