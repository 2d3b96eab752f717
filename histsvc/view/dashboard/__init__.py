"""A page that shows services and histograms, live, and steers them; on the client only."""
